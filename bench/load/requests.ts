/**
 * Requests as bytes: one prebuilt request is copied and its ids are written over, so that a request costs the load
 * process a fraction of a microsecond and the server, not the generator, is what is measured.
 */
import { encodeFrame } from '../../protocol/codec.ts';
import { KIND } from '../../protocol/frame.ts';
import { claimKeyOf } from '../../protocol/key.ts';
import { OPS } from '../../protocol/ops.ts';
import { REQUEST_DIGITS_AT, requestIdOf, scattered, USER_DIGITS_AT, userIdOf, writeDigits } from './ids.ts';
import type { Claims, Job } from './job.ts';
import { signedTokens } from './tokens.ts';

export type Requests = {
  /** No request is longer. */
  readonly bytesMax: number;
  /** How many there are in all. */
  readonly count: number;
  /** Writes request `index` and returns its length; `slot` is its number where the protocol has one. */
  write(into: Buffer, at: number, index: number, slot: number): number;
};

type RequestSource = Pick<Job, 'dialect' | 'target' | 'claims' | 'requestsMax'>;

const REQUEST_NUMBER_AT = 8;
/** Period of events that may be claimed once. */
const ONCE = '-';

export function requestsOf({ dialect, target, claims, requestsMax }: RequestSource): Requests {
  const count = requestsMax ?? Number.POSITIVE_INFINITY;
  switch (dialect.kind) {
    case 'claimd':
    case 'framed':
      return { ...claimFrames(claims), count };
    case 'resp':
      return { ...setCommands(claims), count };
    case 'http':
      return httpClaims(claims, signedTokens(claims, dialect.signer), { host: `${target.host}:${target.port}`, count });
  }
}

function claimFrames(claims: Claims): Omit<Requests, 'count'> {
  const [eventKey] = claims.eventKeys as [string];
  const body = [null, eventKey, userIdOf(0, claims.userTag), requestIdOf(0, claims.requestTag), null];
  const frame = Buffer.from(encodeFrame(KIND.request, OPS.CLAIM.op, 0, body));
  const write = writerOf(frame, claims);
  return {
    bytesMax: frame.length,
    write(into, at, index, slot) {
      write(into, at, index);
      into.writeUInt32BE(slot + 1, at + REQUEST_NUMBER_AT);
      return frame.length;
    },
  };
}

/** The claim key is the key, the request id the value: what claimd has to keep at the least. */
function setCommands(claims: Claims): Omit<Requests, 'count'> {
  const [eventKey] = claims.eventKeys as [string];
  const key = claimKeyOf(eventKey, ONCE, userIdOf(0, claims.userTag));
  const words = ['SET', key, requestIdOf(0, claims.requestTag), 'NX'];
  const command = Buffer.from(`*${words.length}\r\n${words.map((word) => `$${word.length}\r\n${word}\r\n`).join('')}`);
  const write = writerOf(command, claims);
  return {
    bytesMax: command.length,
    write(into, at, index) {
      write(into, at, index);
      return command.length;
    },
  };
}

/** Copies request 0 and writes the ids of another over it. */
function writerOf(first: Buffer, { userTag, requestTag, userCount }: Claims) {
  const userAt = first.indexOf(userIdOf(0, userTag)) + USER_DIGITS_AT;
  const requestAt = first.indexOf(requestIdOf(0, requestTag)) + REQUEST_DIGITS_AT;
  return (into: Buffer, at: number, index: number): void => {
    into.set(first, at);
    writeDigits(into, at + userAt, scattered(userCount === null ? index : index % userCount));
    writeDigits(into, at + requestAt, scattered(index));
  };
}

function httpClaims(
  { eventKeys, requestTag }: Claims,
  tokens: readonly string[],
  { host, count }: { host: string; count: number },
): Requests {
  const tails = tokens.map((token) => `Host: ${host}\r\nAuthorization: Bearer ${token}\r\nContent-Length: 0\r\n`);
  const heads = eventKeys.map((eventKey) => `POST /v1/events/${eventKey}/claims HTTP/1.1\r\n`);
  const textOf = (index: number) => {
    const head = heads[Math.floor(index / tokens.length)];
    return `${head}${tails[index % tokens.length]}Idempotency-Key: ${requestIdOf(index, requestTag)}\r\n\r\n`;
  };
  return {
    bytesMax: Math.max(...heads.map(({ length }) => length)) + textOf(0).length,
    count: Math.min(count, tokens.length * eventKeys.length),
    write: (into, at, index) => into.write(textOf(index), at, 'latin1'),
  };
}
