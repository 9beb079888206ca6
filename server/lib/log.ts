/**
 * What operators read: one JSON object a line on stderr, so that stdout keeps the ready line and the commands' answers.
 * Invariant: no token, key or password is ever written, under whatever level; fields with such names are masked here
 * even where a caller forgot.
 */
import { destination, type Logger, pino, stdTimeFunctions } from 'pino';

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];
export type Log = Pick<Logger, 'debug' | 'info' | 'warn' | 'error'>;

const SECRETS = [
  'accessToken',
  'authorization',
  'headers.authorization',
  'key',
  'password',
  'refreshToken',
  'secret',
  'serviceKey',
  'serviceKeys',
  'token',
  'tokenKey',
];

/** Lines are written before the call returns: the last words of a process that dies are its most useful ones. */
export function createLog({ level, write }: { level: LogLevel; write?: (line: string) => void }): Log {
  return pino(
    {
      level,
      base: null,
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths: [...SECRETS, ...SECRETS.map((name) => `*.${name}`)], censor: '[hidden]' },
    },
    write === undefined ? destination({ fd: 2, sync: true }) : { write },
  );
}
