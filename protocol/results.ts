/**
 * The result of every operation that succeeded, by the op's name: what stands second in its reply. A client passes each
 * result through `read(RESULTS.NAME, result)` before it looks inside; what other outcomes carry is in `reply.ts`.
 */
import { claimTuple } from './claim.ts';
import { eventViewShape } from './event.ts';
import { LIMITS } from './limits.ts';
import type { RequestName } from './ops.ts';
import { readyTuple } from './ready.ts';
import {
  boolean,
  bytes,
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

const count = integer({ min: 0, max: LIMITS.qualificationsMax });
const document = bytes({ lengthMax: LIMITS.frameBytesMax });
const shortText = text({ lengthMin: 1, lengthMax: 512 });

/** `nextCursor` asks for what comes after; null on the last page. */
function page<T>(items: string, shape: Shape<T>) {
  return positionalAtLeast(
    [items, list(shape, { lengthMax: LIMITS.pageLengthMax })],
    ['nextCursor', nullable(text({ lengthMin: 1, lengthMax: 512 }))],
  );
}

export const RESULTS = {
  HELLO: readyTuple,
  PING: nothing,
  /** The code of its reply is GRANTED or REPLAYED. */
  CLAIM: claimTuple,
  CLAIM_BY_REQUEST: claimTuple,
  CLAIMS_OF_USER: page('claims', claimTuple),
  CLAIMS_LIST: page('claims', claimTuple),
  EVENT_CREATE: eventViewShape,
  EVENT_CHANGE: eventViewShape,
  EVENT_GET: eventViewShape,
  EVENT_LIST: page('events', eventViewShape),
  EVENT_PAUSE: eventViewShape,
  EVENT_RESUME: eventViewShape,
  QUALIFY: positionalAtLeast(['received', count], ['added', count], ['existing', count]),
  DISQUALIFY: positionalAtLeast(['received', count], ['removed', count], ['absent', count]),
  QUALIFIED: boolean,
  /** A JWK set as bytes of JSON, and what tokens must name. */
  TOKEN_KEYS: positionalAtLeast(['jwks', document], ['issuer', shortText], ['audience', shortText]),
  STATUS: positionalAtLeast(
    ['ready', boolean],
    ['checks', dictionary(recordAtLeast({ ok: boolean, detail: nullable(text({ lengthMax: 512 })) }))],
  ),
  METRICS: document,
} satisfies Record<RequestName, Shape<unknown>>;

export type Result<K extends RequestName> = TypeOf<(typeof RESULTS)[K]>;
