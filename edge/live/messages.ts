/**
 * What is said on `/v1/live`: text frames of JSON, each with a `type`. A client says `hello` and then `claim`, and `hello`
 * again with its next access token if it wants to stay; the edge says `ready`, `outcome`, `event` and `granted`. What a
 * client says is untrusted.
 */
import type { ClaimJson, ProblemJson } from '../../clients/json.ts';
import type { EventState } from '../../protocol/event.ts';
import { eventKeyShape, requestIdShape } from '../../protocol/key.ts';
import { choice, type Fault, faultsOf, list, record, text } from '../../protocol/shape.ts';
import type { ClaimBody } from '../claim-outcome.ts';
import { EDGE_LIMITS } from '../limits.ts';

const EVENTS_MAX = 100;

export type Hello = { accessToken: string; events: string[] };
export type ClaimMessage = { eventKey: string; requestId?: string };

/** Times are ISO 8601 UTC. */
export type Told =
  | { type: 'ready'; userId: string; serverTime: string }
  | { type: 'outcome'; requestId: string | null; status: number; body: ClaimBody | ProblemJson }
  | { type: 'event'; eventKey: string; state: EventState; stockLeft: number | null }
  | { type: 'granted'; claim: ClaimJson };

export type Heard =
  | { type: 'hello'; hello: Hello | null; faults: Fault[] }
  /** With faults there is nothing to claim; the request id is kept where it is one, so that the answer can name it. */
  | { type: 'claim'; claim: ClaimMessage | null; requestId: string | null; faults: Fault[] }
  | { type: 'unknown' };

/** As long as a message may be: what is no token is refused, and logged, where all tokens are judged. */
const tokenShape = text({ lengthMin: 1, lengthMax: EDGE_LIMITS.liveMessageBytesMax });
const helloShape = record(
  { type: choice('hello'), accessToken: tokenShape },
  { events: list(eventKeyShape, { lengthMax: EVENTS_MAX }) },
);
const claimShape = record({ type: choice('claim'), eventKey: eventKeyShape }, { requestId: requestIdShape });

/** Never throws: what is no message of this channel is `unknown`. */
export function heardOf(data: string): Heard {
  const value = parsed(data);
  if (value?.type === 'hello') {
    const faults = faultsOf(helloShape, value);
    const { accessToken, events } = value as { accessToken: string; events?: string[] };
    return { type: 'hello', hello: faults.length > 0 ? null : { accessToken, events: [...new Set(events)] }, faults };
  }
  if (value?.type === 'claim') {
    const faults = faultsOf(claimShape, value);
    const claim = value as unknown as ClaimMessage;
    const requestId = faultsOf(requestIdShape, claim.requestId).length > 0 ? null : (claim.requestId as string);
    return { type: 'claim', claim: faults.length > 0 ? null : claim, requestId, faults };
  }
  return { type: 'unknown' };
}

function parsed(data: string): { readonly type?: unknown } | null {
  try {
    const value: unknown = JSON.parse(data);
    return typeof value === 'object' ? value : null;
  } catch {
    return null;
  }
}
