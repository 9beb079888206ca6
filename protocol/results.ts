/**
 * The result of every operation that succeeded, by the op's name: what stands second in its reply. A client passes each
 * result through `read(RESULTS.NAME, result)` before it looks inside; what other outcomes carry is in `reply.ts`.
 */
import { auditViewShape, roleViewShape, sessionViewShape, signedInShape, userViewShape } from './accounts.ts';
import { batchTuple } from './batch.ts';
import { claimTuple } from './claim.ts';
import { eventViewShape } from './event.ts';
import { blockTuple } from './journal.ts';
import { userIdShape } from './key.ts';
import { LIMITS } from './limits.ts';
import { eventStandingTuple, type RequestName } from './ops.ts';
import { readyTuple } from './ready.ts';
import {
  boolean,
  bytes,
  choice,
  dictionary,
  integer,
  list,
  nothing,
  nullable,
  positionalAtLeast,
  recordAtLeast,
  type Shape,
  type TypeOf,
  text,
} from './shape.ts';
import { ARCHIVE_STATES, archiveItemTuple, BACKUP_STATES, mismatchTuple, storeTuple } from './upkeep.ts';

const count = integer({ min: 0, max: LIMITS.qualificationsMax });
const size = integer({ min: 0, max: Number.MAX_SAFE_INTEGER });
const document = bytes({ lengthMax: LIMITS.frameBytesMax });
const shortText = text({ lengthMin: 1, lengthMax: 512 });

/** `nextCursor` asks for what comes after; null on the last page. */
function page<T>(items: string, shape: Shape<T>) {
  return positionalAtLeast(
    [items, list(shape, { lengthMax: LIMITS.pageLengthMax })],
    ['nextCursor', nullable(text({ lengthMin: 1, lengthMax: 512 }))],
  );
}

const STORES_MAX = 64;
/**
 * `incomplete` names the stores that did not answer, and whose claims are therefore not in the page. `asOf`: what was
 * acknowledged by then is listed; null where that is not known, and of one's own claims, which are listed at once.
 */
const claimPage = positionalAtLeast(
  ['claims', list(claimTuple, { lengthMax: LIMITS.pageLengthMax })],
  ['nextCursor', nullable(text({ lengthMin: 1, lengthMax: 512 }))],
  ['incomplete', nullable(list(text({ lengthMin: 1, lengthMax: 64 }), { lengthMax: STORES_MAX }))],
  ['asOf', nullable(integer({ min: 0, max: 8_640_000_000_000_000 }))],
);

/** Somebody else's issuer whose tokens edges accept: for users whose ids begin with the prefix, as USER and nothing more. */
export const trustedIssuerTuple = positionalAtLeast(
  ['issuer', shortText],
  ['audience', shortText],
  ['userIdPrefix', userIdShape],
  ['jwks', document],
);

export const RESULTS = {
  HELLO: readyTuple,
  PING: nothing,
  /** The code of its reply is GRANTED or REPLAYED. */
  CLAIM: claimTuple,
  CLAIM_BY_REQUEST: claimTuple,
  CLAIMS_OF_USER: claimPage,
  CLAIMS_LIST: claimPage,
  /** `batch.ts` reads it. */
  CLAIM_BATCH: batchTuple,
  EVENT_CREATE: eventViewShape,
  EVENT_CHANGE: eventViewShape,
  EVENT_GET: eventViewShape,
  EVENT_LIST: page('events', eventViewShape),
  EVENT_PAUSE: eventViewShape,
  EVENT_RESUME: eventViewShape,
  EVENT_MODE: eventViewShape,
  QUALIFY: positionalAtLeast(['received', count], ['added', count], ['existing', count]),
  DISQUALIFY: positionalAtLeast(['received', count], ['removed', count], ['absent', count]),
  QUALIFIED: boolean,
  /** A JWK set as bytes of JSON, and what tokens must name. */
  TOKEN_KEYS: positionalAtLeast(
    ['jwks', document],
    ['issuer', shortText],
    ['audience', shortText],
    ['trusted', nullable(list(trustedIssuerTuple, { lengthMax: LIMITS.trustedIssuersMax }))],
  ),
  STATUS: positionalAtLeast(
    ['ready', boolean],
    ['checks', dictionary(recordAtLeast({ ok: boolean, detail: nullable(text({ lengthMax: 512 })) }))],
  ),
  METRICS: document,
  /** `next` is the `after` of the next page, null when there is nothing more now. `journal.ts` reads the blocks. */
  JOURNAL_BLOCKS: positionalAtLeast(
    ['blocks', list(blockTuple, { lengthMax: LIMITS.pageLengthMax })],
    ['next', nullable(integer({ min: 0, max: Number.MAX_SAFE_INTEGER }))],
  ),
  /** `upkeep.ts` reads these. */
  STORES: positionalAtLeast(['stores', list(storeTuple, { lengthMax: 64 })]),
  RECONCILE: positionalAtLeast(
    ['nextCursor', nullable(text({ lengthMin: 1, lengthMax: 512 }))],
    ['asOf', integer({ min: 0, max: 8_640_000_000_000_000 })],
    ['checked', size],
    ['total', size],
    ['mismatches', list(mismatchTuple, { lengthMax: 8_192 })],
  ),
  BACKUP: positionalAtLeast(
    ['state', choice(...BACKUP_STATES)],
    ['phase', shortText],
    ['bytes', size],
    ['bytesTotal', size],
    ['claims', nullable(size)],
    ['detail', nullable(shortText)],
  ),
  ARCHIVE: positionalAtLeast(
    ['state', choice(...ARCHIVE_STATES)],
    ['phase', shortText],
    ['done', size],
    ['total', size],
    ['claims', size],
    ['itemCount', size],
    ['items', list(archiveItemTuple, { lengthMax: 1_024 })],
    ['detail', nullable(shortText)],
  ),
  REGISTER: userViewShape,
  LOGIN: signedInShape,
  REFRESH: signedInShape,
  LOGOUT: nothing,
  ME: userViewShape,
  SESSIONS_OF_USER: page('sessions', sessionViewShape),
  SESSION_END: nothing,
  PASSWORD_CHANGE: nothing,
  ERASE_SELF: nothing,
  USERS_LIST: page('users', userViewShape),
  USER_ROLES_SET: userViewShape,
  USER_LOGOUT: nothing,
  USER_ERASE: nothing,
  ROLES_LIST: page('roles', roleViewShape),
  ROLE_CREATE: roleViewShape,
  ROLE_CHANGE: roleViewShape,
  ROLE_DELETE: nothing,
  AUDIT_LIST: page('entries', auditViewShape),
  SUBSCRIBE: positionalAtLeast(['events', list(eventStandingTuple, { lengthMax: LIMITS.subscribedMax })]),
  UNSUBSCRIBE: nothing,
} satisfies Record<RequestName, Shape<unknown>>;

export type Result<K extends RequestName> = TypeOf<(typeof RESULTS)[K]>;
