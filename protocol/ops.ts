/**
 * Every operation of the protocol as data: its number, how it travels and the shape of its arguments. Numbers are never
 * reused. The first argument of every request after READY is the actor: the user for whom an edge asks, or null when
 * the service asks for itself.
 */
import {
  addressShape,
  auditNameShape,
  deviceIdShape,
  newPasswordShape,
  passwordShape,
  ROLE_MATCHES,
  refreshTokenShape,
  roleNameShape,
  roleNamesShape,
  sessionIdShape,
  userAgentShape,
  usernameShape,
} from './accounts.ts';
import { claimTuple } from './claim.ts';
import { EVENT_STATES } from './event.ts';
import { batchIdShape, eventKeyShape, requestIdShape, userIdShape } from './key.ts';
import { LIMITS } from './limits.ts';
import { modeShape } from './mode.ts';
import {
  anything,
  boolean,
  bytes,
  choice,
  integer,
  list,
  nullable,
  positional,
  positionalAtLeast,
  refine,
  type Shape,
  type TypeOf,
  text,
} from './shape.ts';
import { ARCHIVE_INTENTS } from './upkeep.ts';

const time = nullable(integer({ min: 0, max: 8_640_000_000_000_000 }));

/**
 * The user an edge speaks for: what the access token said, which the server checks again where it matters, and the
 * address the request came from.
 */
export const actorShape = positional(
  ['userId', userIdShape],
  ['sessionId', sessionIdShape],
  ['roles', list(text({ lengthMin: 1, lengthMax: 64 }), { lengthMax: 16 })],
  ['issuedAt', time],
  ['from', nullable(addressShape)],
);
/** `issuedAt` is the token's `iat` in milliseconds since 1970 UTC. */
export type Actor = {
  userId: string;
  sessionId: string;
  roles: string[];
  issuedAt: number | null;
  from: string | null;
};

const actor = ['actor', nullable(actorShape)] as const;
const eventKey = ['eventKey', eventKeyShape] as const;
const userId = ['userId', userIdShape] as const;
const cursor = ['cursor', nullable(text({ lengthMin: 1, lengthMax: 512 }))] as const;
const limit = ['limit', nullable(integer({ min: 1, max: LIMITS.pageLengthMax }))] as const;
const deadlineMs = ['deadlineMs', nullable(integer({ min: 1, max: LIMITS.deadlineMsMax }))] as const;
const from = ['from', nullable(addressShape)] as const;
const userAgent = ['userAgent', nullable(userAgentShape)] as const;
const name = text({ lengthMin: 1, lengthMax: 128 });
const nonce = bytes({ lengthMin: LIMITS.nonceBytes, lengthMax: LIMITS.nonceBytes });
const userIds = list(userIdShape, { lengthMin: 1, lengthMax: LIMITS.qualificationsMax });

const claimants = refine(
  list(nullable(userIdShape), { lengthMin: 1, lengthMax: LIMITS.batchClaimsMax }),
  'at least one that is not null',
  (userIds) => userIds.some((id) => id !== null),
);

const eventKeys = ['eventKeys', nullable(list(eventKeyShape, { lengthMax: LIMITS.subscribedMax }))] as const;
const subscribedUserIds = ['userIds', nullable(list(userIdShape, { lengthMax: LIMITS.subscribedMax }))] as const;
/** An event as players meet it: DRAFT before it opens, ENDED once it is over; `stockLeft` of the running period. */
const eventStanding = [
  eventKey,
  ['state', choice(...EVENT_STATES)],
  ['stockLeft', nullable(integer({ min: 0, max: Number.MAX_SAFE_INTEGER }))],
] as const;
export const eventStandingTuple = positionalAtLeast(...eventStanding);

function request<T>(op: number, args: Shape<T>) {
  return { op, kind: 'request', args } as const;
}
function notice<T>(op: number, args: Shape<T>) {
  return { op, kind: 'notice', args } as const;
}

export const OPS = {
  /** Server to client, first frame of every connection. */
  WELCOME: notice(
    1,
    positionalAtLeast(
      ['versionMin', integer({ min: 1, max: 255 })],
      ['versionMax', integer({ min: 1, max: 255 })],
      ['clusterId', name],
      ['nodeId', name],
      ['nonce', nonce],
      ['frameBytesMaxBeforeReady', integer({ min: 64, max: LIMITS.frameBytesMax })],
    ),
  ),
  /** Client to server; the reply is READY: agreed limits, shard map version, server proof, server time, roles. */
  HELLO: request(
    2,
    positional(
      ['version', integer({ min: 1, max: 255 })],
      ['clientName', name],
      ['serviceId', name],
      ['nonce', nonce],
      ['proof', bytes({ lengthMin: 32, lengthMax: 32 })],
    ),
  ),
  /** Either side; the reply is OK. */
  PING: request(3, positional()),
  /** Server to client: finish what was accepted, send nothing new, connect elsewhere. */
  GOAWAY: notice(4, positionalAtLeast(['reason', integer({ min: 0, max: 65_535 })])),
  /** Server to client, last frame before it closes by itself: the pinned reason and a sentence for people. */
  CLOSE: notice(
    5,
    positionalAtLeast(['reason', integer({ min: 0, max: 65_535 })], ['detail', nullable(text({ lengthMax: 512 }))]),
  ),

  CLAIM: request(
    16,
    positional(actor, eventKey, ['userId', nullable(userIdShape)], ['requestId', nullable(requestIdShape)], deadlineMs),
  ),
  CLAIM_BY_REQUEST: request(17, positional(actor, ['userId', nullable(userIdShape)], ['requestId', requestIdShape])),
  CLAIMS_OF_USER: request(
    18,
    positional(actor, ['userId', nullable(userIdShape)], ['eventKey', nullable(eventKeyShape)], limit, cursor),
  ),
  CLAIMS_LIST: request(
    19,
    positional(
      actor,
      ['eventKey', nullable(eventKeyShape)],
      ['userId', nullable(userIdShape)],
      ['from', time],
      ['to', time],
      limit,
      cursor,
    ),
  ),
  /**
   * Many claims of one event, each as if it had come alone with the request id `batchId.i`, where i is its place in
   * `userIds`, from 0. Null makes no claim: who asks again names only those that are still open, each in its old place.
   */
  CLAIM_BATCH: request(20, positional(actor, eventKey, ['batchId', batchIdShape], ['userIds', claimants], deadlineMs)),

  /** Who may write is asked before `eventInputShape` and `eventPatchShape` judge what was written. */
  EVENT_CREATE: request(32, positional(actor, ['event', anything])),
  EVENT_CHANGE: request(
    33,
    positional(
      actor,
      eventKey,
      ['patch', anything],
      ['configVersion', nullable(integer({ min: 1, max: Number.MAX_SAFE_INTEGER }))],
    ),
  ),
  EVENT_GET: request(34, positional(actor, eventKey)),
  EVENT_LIST: request(35, positional(actor, limit, cursor)),
  EVENT_PAUSE: request(36, positional(actor, eventKey)),
  EVENT_RESUME: request(37, positional(actor, eventKey)),
  /** How it commits from now on; answered once that holds everywhere. Claims get BUSY for a second or two meanwhile. */
  EVENT_MODE: request(38, positional(actor, eventKey, ['mode', modeShape])),

  QUALIFY: request(48, positional(actor, eventKey, ['userIds', userIds])),
  DISQUALIFY: request(49, positional(actor, eventKey, ['userIds', userIds])),
  QUALIFIED: request(50, positional(actor, eventKey, userId)),

  /** The public token keys as the bytes of a JWK set, with the issuer and audience that tokens must name. */
  TOKEN_KEYS: request(64, positional(actor)),
  /** The node's readiness checks. */
  STATUS: request(65, positional(actor)),
  /** The node's metrics as the bytes of a JSON document. */
  METRICS: request(66, positional(actor)),
  /** What the journal holds, oldest first: blocks that lie behind the offset `after`, as many as fit into the reply. */
  JOURNAL_BLOCKS: request(
    67,
    positional(actor, ['after', nullable(integer({ min: 0, max: Number.MAX_SAFE_INTEGER }))], limit),
  ),

  /** The stores and their collections, with what they count of themselves. */
  STORES: request(68, positional(actor)),
  /**
   * Compares what must agree, part by part: null begins, the cursor of an answer goes on. `asOf`: claims granted later are
   * not judged; null is 5 s ago.
   */
  RECONCILE: request(69, positional(actor, ['asOf', time], cursor)),
  /**
   * A copy of the running store into an empty folder of the server's machine: the first one with a new `backupId` begins
   * it, the others say how far it is.
   */
  BACKUP: request(
    70,
    positional(actor, ['directory', text({ lengthMin: 1, lengthMax: 1_024 })], ['backupId', requestIdShape]),
  ),
  /**
   * Claims of periods that ended by `before`, out of the store into files in a folder of the server's machine. The first
   * one with a new `archiveId` begins it, the others say how far it is and give the items behind `after`; STOP ends it.
   */
  ARCHIVE: request(
    71,
    positional(
      actor,
      ['directory', text({ lengthMin: 1, lengthMax: 1_024 })],
      ['before', integer({ min: 0, max: 8_640_000_000_000_000 })],
      ['archiveId', requestIdShape],
      ['intent', choice(...ARCHIVE_INTENTS)],
      ['after', integer({ min: 0, max: Number.MAX_SAFE_INTEGER })],
    ),
  ),

  /** The first three are the edge's own, before anybody is signed in: the actor is null, so the address comes apart. */
  REGISTER: request(
    80,
    positional(actor, ['username', usernameShape], ['password', newPasswordShape], from, userAgent),
  ),
  LOGIN: request(
    81,
    positional(
      actor,
      ['username', usernameShape],
      ['password', passwordShape],
      ['deviceId', deviceIdShape],
      ['replaceSession', nullable(boolean)],
      from,
      userAgent,
    ),
  ),
  REFRESH: request(
    82,
    positional(actor, ['refreshToken', refreshTokenShape], ['deviceId', deviceIdShape], from, userAgent),
  ),
  /** Those up to ERASE_SELF are about the actor and nobody else. */
  LOGOUT: request(83, positional(actor)),
  ME: request(84, positional(actor)),
  SESSIONS_OF_USER: request(85, positional(actor)),
  SESSION_END: request(86, positional(actor, ['sessionId', sessionIdShape])),
  PASSWORD_CHANGE: request(
    87,
    positional(actor, ['currentPassword', passwordShape], ['newPassword', newPasswordShape]),
  ),
  ERASE_SELF: request(88, positional(actor, ['password', passwordShape])),

  USERS_LIST: request(
    96,
    positional(
      actor,
      ['roles', nullable(roleNamesShape)],
      ['match', nullable(choice(...ROLE_MATCHES))],
      ['usernamePrefix', nullable(usernameShape)],
      limit,
      cursor,
    ),
  ),
  USER_ROLES_SET: request(97, positional(actor, userId, ['roles', roleNamesShape])),
  USER_LOGOUT: request(98, positional(actor, userId)),
  USER_ERASE: request(99, positional(actor, userId)),
  ROLES_LIST: request(100, positional(actor)),
  /** As with events, `roleInputShape` and `rolePatchShape` judge later. */
  ROLE_CREATE: request(101, positional(actor, ['role', anything])),
  ROLE_CHANGE: request(102, positional(actor, ['name', roleNameShape], ['patch', anything])),
  ROLE_DELETE: request(103, positional(actor, ['name', roleNameShape])),
  AUDIT_LIST: request(
    104,
    positional(
      actor,
      ['by', nullable(auditNameShape)],
      ['action', nullable(auditNameShape)],
      ['subject', nullable(auditNameShape)],
      ['from', time],
      ['to', time],
      limit,
      cursor,
    ),
  ),

  /**
   * An edge asks to be told, on this connection: of revocations from the first time on, of changes of the events and of
   * claims of the users named, in addition to those named before. The result is the events as they stand.
   */
  SUBSCRIBE: request(112, positional(actor, eventKeys, subscribedUserIds)),
  UNSUBSCRIBE: request(113, positional(actor, eventKeys, subscribedUserIds)),
  EVENT_CHANGED: notice(114, eventStandingTuple),
  /** The same grant may be told more than once, by several servers too: its claim key says so. */
  CLAIM_GRANTED: notice(115, positionalAtLeast(['claim', claimTuple])),
  /**
   * Access tokens of this session are no longer good; with null, all of the user's that have no stored session and were
   * issued before `at`. To be forgotten at `until`.
   */
  REVOKED: notice(
    116,
    positionalAtLeast(
      ['userId', userIdShape],
      ['sessionId', nullable(sessionIdShape)],
      ['at', integer({ min: 0, max: 8_640_000_000_000_000 })],
      ['until', integer({ min: 0, max: 8_640_000_000_000_000 })],
    ),
  ),
} as const;

export type OpName = keyof typeof OPS;
export type RequestName = { [K in OpName]: (typeof OPS)[K]['kind'] extends 'request' ? K : never }[OpName];
export type Args<K extends OpName> = TypeOf<(typeof OPS)[K]['args']>;

const names = new Map<number, OpName>();
for (const [opName, { op }] of Object.entries(OPS)) {
  if (names.has(op)) throw new Error(`op number ${op} is used twice`);
  names.set(op, opName as OpName);
}

export function opName(op: number): OpName | undefined {
  return names.get(op);
}
