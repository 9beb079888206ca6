/** An event as players meet it. Pure. */
import type { EventState } from '../../protocol/event.ts';
import type { EventRecord } from '../store/store.ts';

/** `stockLeft` is null for an event without stock. */
export type Standing = { eventKey: string; state: EventState; stockLeft: number | null };

/** DRAFT before it opens and ENDED once it is over (its time of grace included), whatever is configured. */
export function stateAt(event: EventRecord, nowMs: number): EventState {
  const { state, startsAt, endsAt, graceMs, period, archivedUntil } = event;
  if (state !== 'LIVE') return state;
  if (nowMs < startsAt) return 'DRAFT';
  // The only period that such an event has.
  if (period === 'once' && archivedUntil !== undefined) return 'ENDED';
  return endsAt !== null && nowMs >= endsAt + graceMs ? 'ENDED' : 'LIVE';
}

export function isSame(one: Standing | undefined, other: Standing): boolean {
  return one?.state === other.state && one.stockLeft === other.stockLeft;
}
