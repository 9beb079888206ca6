/**
 * Every operation of the protocol as data: its number, how it travels and the shape of its arguments. Numbers are never
 * reused. The first argument of every request after READY is the actor: the user for whom an edge asks, or null when
 * the service asks for itself.
 */
import { eventKeyShape, requestIdShape, userIdShape } from './key.ts';
import { LIMITS } from './limits.ts';
import {
  anything,
  bytes,
  integer,
  list,
  nullable,
  positional,
  positionalAtLeast,
  type Shape,
  type TypeOf,
  text,
} from './shape.ts';

/** The user an edge speaks for: what the access token said, which the server checks again where it matters. */
export const actorShape = positional(
  ['userId', userIdShape],
  ['sessionId', text({ lengthMin: 1, lengthMax: 128 })],
  ['roles', list(text({ lengthMin: 1, lengthMax: 64 }), { lengthMax: 16 })],
);
export type Actor = { userId: string; sessionId: string; roles: string[] };

const actor = ['actor', nullable(actorShape)] as const;
const eventKey = ['eventKey', eventKeyShape] as const;
const userId = ['userId', userIdShape] as const;
const cursor = ['cursor', nullable(text({ lengthMin: 1, lengthMax: 512 }))] as const;
const limit = ['limit', nullable(integer({ min: 1, max: LIMITS.pageLengthMax }))] as const;
const time = nullable(integer({ min: 0, max: 8_640_000_000_000_000 }));
const name = text({ lengthMin: 1, lengthMax: 128 });
const nonce = bytes({ lengthMin: LIMITS.nonceBytes, lengthMax: LIMITS.nonceBytes });
const userIds = list(userIdShape, { lengthMin: 1, lengthMax: LIMITS.qualificationsMax });

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
    positional(
      actor,
      eventKey,
      ['userId', nullable(userIdShape)],
      ['requestId', nullable(requestIdShape)],
      ['deadlineMs', nullable(integer({ min: 1, max: LIMITS.deadlineMsMax }))],
    ),
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

  QUALIFY: request(48, positional(actor, eventKey, ['userIds', userIds])),
  DISQUALIFY: request(49, positional(actor, eventKey, ['userIds', userIds])),
  QUALIFIED: request(50, positional(actor, eventKey, userId)),

  /** The public token keys as the bytes of a JWK set, with the issuer and audience that tokens must name. */
  TOKEN_KEYS: request(64, positional(actor)),
  /** The node's readiness checks. */
  STATUS: request(65, positional(actor)),
  /** The node's metrics as the bytes of a JSON document. */
  METRICS: request(66, positional(actor)),
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
