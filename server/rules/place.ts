/**
 * Where the claims of an event are kept, as the store is told with each draft. Pure. Invariant: it depends on nothing of the
 * event but what is fixed before its first claim.
 */
import { MAIN_STORE } from '../../protocol/event.ts';
import type { ClaimPlace, EventRecord } from '../store/store.ts';
import { type Span, spanAt } from './calendar.ts';

/** For so long after a reset an attempt of the period before may still land. */
export const LATE_MS_MAX = 600_000;

/**
 * Undefined for the place of most claims. `isRepeatable`: the caller has chosen the request id and may have sent it before
 * the reset, to a server that has not been heard of since.
 */
export function placeOf(
  event: EventRecord,
  { span, now, isRepeatable }: { span: Span; now: number; isRepeatable: boolean },
): ClaimPlace | undefined {
  const { store = MAIN_STORE, splitBy = 'none' } = event;
  if (store === MAIN_STORE && splitBy === 'none') return undefined;
  const isAfterReset = span.startsAt > event.startsAt && now - span.startsAt < LATE_MS_MAX;
  if (splitBy !== 'day' || !isRepeatable || !isAfterReset) return { store, splitBy };
  return { store, splitBy, periodBefore: spanAt(event, span.startsAt - 1).id };
}
