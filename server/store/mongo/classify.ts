/**
 * What became of each document of one insert command, by the server's own reply or the driver's error. Pure. The rule: only
 * a reply that accounts for every document, with no write concern error, proves anything; a document that is merely not
 * named as failed is not thereby stored. It reads the raw reply, because the driver's bulk write errors leave parts out.
 */
import { MongoError, MongoServerError, MongoWriteConcernError } from 'mongodb';

export type Order = 'ordered' | 'unordered';

/** The reply to the command `insert` as far as it matters here. */
export type InsertReply = {
  n: number;
  writeErrors?: { index: number; code: number; errmsg?: string }[];
  writeConcernError?: unknown;
};

export type Fate =
  /** Durable, written by this command. */
  | 'inserted'
  /** A unique index refused it because of a document that is durable as well. Which index is not said. */
  | 'duplicate'
  /** Not stored by this command: the server said so, or nothing was sent. */
  | 'unavailable'
  /** Not stored: the collection is not the one that was named. */
  | 'guardMissing'
  /** Not sent: what was decided had grown old. */
  | 'withheld'
  /** An ordered command stopped before it: not stored by this command. */
  | 'notReached'
  | 'unknown';

/** Thrown while the command is made into bytes, so that nothing of it is written. */
export class Withheld extends Error {}

const CODE = { duplicateKey: 11_000, collectionUuidMismatch: 361, unauthorized: 13, authenticationFailed: 18 } as const;

/** The server names these for a document that it has not written: validation, disk full, no permission. */
const REFUSED: ReadonlySet<number> = new Set([121, 14_031, CODE.unauthorized]);

/** Errors that the driver throws only before a command is written to a socket, by name: their classes are not exported. */
const BEFORE_SENDING: ReadonlySet<string> = new Set([
  'MongoServerSelectionError',
  'MongoWaitQueueTimeoutError',
  'MongoPoolClosedError',
  // Not its subclass PoolClearedOnNetworkError, which also ends commands in flight.
  'MongoPoolClearedError',
  'MongoServerClosedError',
  'MongoTopologyClosedError',
  'MongoNotConnectedError',
]);

/** One fate per document, in order. */
export function fatesOfReply(reply: InsertReply, count: number, order: Order): Fate[] {
  const errors = reply.writeErrors ?? [];
  const isDurable = reply.writeConcernError === undefined && accountsForAll(reply, count, order);
  if (!isDurable) return Array<Fate>(count).fill('unknown');
  const isGone = errors.some(({ code }) => code === CODE.collectionUuidMismatch);
  // Documents written before the collection was dropped in the middle of the command went with it, or did not.
  const fates = Array<Fate>(count).fill(isGone ? 'unknown' : 'inserted');
  for (const { index, code } of errors) fates[index] = fateOfCode(code);
  const [stop] = errors;
  if (order === 'ordered' && stop !== undefined) fates.fill('notReached', stop.index + 1);
  return fates;
}

/** An unordered command tries every document; an ordered one stops at the first that fails. */
function accountsForAll({ n, writeErrors = [] }: InsertReply, count: number, order: Order): boolean {
  const indexes = new Set(writeErrors.map(({ index }) => index));
  const areIndexesRight = indexes.size === writeErrors.length && [...indexes].every((index) => index < count);
  if (!areIndexesRight) return false;
  const [stop] = writeErrors;
  if (order === 'unordered' || stop === undefined) return n + writeErrors.length === count;
  return writeErrors.length === 1 && stop.index === n;
}

function fateOfCode(code: number): Fate {
  if (code === CODE.duplicateKey) return 'duplicate';
  if (code === CODE.collectionUuidMismatch) return 'guardMissing';
  return REFUSED.has(code) ? 'unavailable' : 'unknown';
}

/**
 * The fate of every document of a command that threw. A primary that steps down may have written a part of them and says
 * so in no way, so its errors prove nothing either.
 */
export function fateOfError(error: unknown): Fate {
  if (error instanceof Withheld) return 'withheld';
  if (!(error instanceof MongoError)) return 'unknown';
  if (BEFORE_SENDING.has(error.name)) return 'unavailable';
  // The connection could not be made, or an overloaded server turned the command away unread.
  if (error.hasErrorLabel('HandshakeError')) return 'unavailable';
  if (error.hasErrorLabel('SystemOverloadedError') && error.hasErrorLabel('RetryableError')) return 'unavailable';
  // Its code is that of the write concern and tells nothing of the documents.
  if (!(error instanceof MongoServerError) || error instanceof MongoWriteConcernError) return 'unknown';
  const { code } = error;
  if (code === CODE.collectionUuidMismatch) return 'guardMissing';
  return code === CODE.unauthorized || code === CODE.authenticationFailed ? 'unavailable' : 'unknown';
}
