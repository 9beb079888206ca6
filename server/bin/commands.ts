/** Every command of the program: its words, what follows them, and the flags that are its own rather than settings. */
import { eventKeyShape, requestIdShape, userIdShape } from '../../protocol/key.ts';
import { duration, roleNames, shaped } from './setting-values.ts';
import type { Row } from './settings.ts';

export type CommandRow = {
  help: string;
  /** What stands after the command's words, or null. */
  operand: string | null;
  own: readonly string[];
  required: readonly string[];
};

function command(help: string, row: Partial<CommandRow> = {}): CommandRow {
  return { help, operand: null, own: [], required: [], ...row };
}

export const COMMANDS = {
  start: command('claim server and edge in one process'),
  server: command('the claim server alone'),
  edge: command('the edge alone, in front of the servers of --server'),
  token: command('prints an access token', { own: ['--user', '--roles', '--ttl'], required: ['--user'] }),
  'keys rotate': command('a new key for access tokens in DATA or --token-key; servers take it when they start again'),
  'event put': command('creates or changes the event of a JSON file (- reads stdin)', { operand: 'FILE' }),
  'event list': command('prints every event'),
  claim: command('claims once', { own: ['--event', '--user', '--request-id'], required: ['--event', '--user'] }),
};
export type CommandName = keyof typeof COMMANDS;

/** Flags that belong to a command; they have no variable. */
export const OWN_FLAGS = {
  user: {
    flag: '--user',
    form: 'ID',
    initial: null,
    help: 'who claims, or whose token it is',
    parse: shaped(userIdShape),
  },
  roles: { flag: '--roles', form: 'A,B', initial: 'USER', help: 'roles in the token', parse: roleNames },
  ttl: { flag: '--ttl', form: 'TIME', initial: '15m', help: 'life of the token', parse: duration },
  event: { flag: '--event', form: 'KEY', initial: null, help: 'which event', parse: shaped(eventKeyShape) },
  requestId: {
    flag: '--request-id',
    form: 'ID',
    initial: null,
    help: 'default: a new one',
    parse: shaped(requestIdShape),
  },
} satisfies Record<string, Row<unknown>>;

export type Own = { [K in keyof typeof OWN_FLAGS]: ReturnType<(typeof OWN_FLAGS)[K]['parse']> | null };

export type Command =
  | { name: 'start' | 'server' | 'edge' }
  | { name: 'keys rotate' }
  | { name: 'event list' }
  | { name: 'token'; user: string; roles: string[]; ttlMs: number }
  | { name: 'event put'; file: string }
  | { name: 'claim'; event: string; user: string; requestId: string | null };

/** What a command was given; the required parts have been looked for before. */
export function commandOf(name: CommandName, operand: string | null, own: Own): Command {
  const { user, roles, ttl, event, requestId } = own;
  if (name === 'token') return { name, user: user ?? '', roles: roles ?? [], ttlMs: ttl ?? 0 };
  if (name === 'claim') return { name, event: event ?? '', user: user ?? '', requestId };
  if (name === 'event put') return { name, file: operand ?? '' };
  return { name };
}
