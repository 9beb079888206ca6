/** When a request is sent again, and after how long: pure, over the error table. */
import { ERRORS, type ErrorName } from '../protocol/errors.ts';
import type { RequestName } from '../protocol/ops.ts';
import type { Runtime } from '../protocol/runtime.ts';

/**
 * `repeatable`: carrying it out twice leaves the same as carrying it out once, and the second answer is as good as the
 * first: reads, sets, and claims by their request id. `once`: a second answer could deny what the first one did.
 */
export const REPETITION = {
  HELLO: 'once',
  PING: 'repeatable',
  CLAIM: 'repeatable',
  CLAIM_BY_REQUEST: 'repeatable',
  CLAIMS_OF_USER: 'repeatable',
  CLAIMS_LIST: 'repeatable',
  CLAIM_BATCH: 'repeatable',
  EVENT_CREATE: 'once',
  EVENT_CHANGE: 'once',
  EVENT_GET: 'repeatable',
  EVENT_LIST: 'repeatable',
  EVENT_PAUSE: 'repeatable',
  EVENT_RESUME: 'repeatable',
  EVENT_MODE: 'repeatable',
  QUALIFY: 'repeatable',
  DISQUALIFY: 'repeatable',
  QUALIFIED: 'repeatable',
  TOKEN_KEYS: 'repeatable',
  STATUS: 'repeatable',
  METRICS: 'repeatable',
  JOURNAL_BLOCKS: 'repeatable',
  STORES: 'repeatable',
  RECONCILE: 'repeatable',
  BACKUP: 'repeatable',
  ARCHIVE: 'repeatable',
  REGISTER: 'once',
  // The second answer would be the session without its refresh token.
  LOGIN: 'once',
  REFRESH: 'repeatable',
  LOGOUT: 'once',
  ME: 'repeatable',
  SESSIONS_OF_USER: 'repeatable',
  SESSION_END: 'once',
  PASSWORD_CHANGE: 'once',
  ERASE_SELF: 'once',
  USERS_LIST: 'repeatable',
  USER_ROLES_SET: 'repeatable',
  USER_LOGOUT: 'repeatable',
  USER_ERASE: 'once',
  ROLES_LIST: 'repeatable',
  ROLE_CREATE: 'once',
  ROLE_CHANGE: 'repeatable',
  ROLE_DELETE: 'once',
  AUDIT_LIST: 'repeatable',
  // They belong to the connection on which they were sent.
  SUBSCRIBE: 'once',
  UNSUBSCRIBE: 'once',
} as const satisfies Record<RequestName, 'repeatable' | 'once'>;

/**
 * What an answer says of its attempt. `final`: the answer of the request. `undecided`: nothing was done, another
 * attempt may be made. `unsettled`: something may have been done, and only another attempt can tell.
 */
export type Standing = 'final' | 'undecided' | 'unsettled';

const MAY_HAVE_ACTED: ReadonlySet<ErrorName> = new Set(['OUTCOME_UNKNOWN', 'INTERNAL', 'IN_PROGRESS']);

export function standingOf(name: RequestName, code: ErrorName): Standing {
  if (ERRORS[code].retry !== 'sameId') return 'final';
  if (!MAY_HAVE_ACTED.has(code)) return 'undecided';
  return REPETITION[name] === 'once' ? 'final' : 'unsettled';
}

export const RETRY = { baseMs: 10, maxMs: 500 } as const;
export const RECONNECT = { baseMs: 50, maxMs: 5_000 } as const;

/** Exponential backoff with full jitter, in milliseconds; `attempts` is how many have failed, from 1. */
export function jitterMs(
  { baseMs, maxMs }: { baseMs: number; maxMs: number },
  attempts: number,
  chance: Runtime,
): number {
  return chance.random() * Math.min(maxMs, baseMs * 2 ** Math.min(attempts, 30));
}
