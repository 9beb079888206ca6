/**
 * Which periods may leave the store for an archive, and which have been marked as leaving: nothing is granted in these any
 * more, whatever becomes of the event, because the store can no longer say who has claimed. Pure. Invariant: the mark of an
 * event only rises, so what has been marked once stays marked.
 */
import type { ClaimRecord, EventRecord } from '../store/store.ts';
import { type CalendarRule, type Span, spanAt, spanOf } from './calendar.ts';

/** Beyond the time of grace; far longer than anybody asks again about an attempt. */
export const CLOSED_MS = 86_400_000;

type Marked = Pick<EventRecord, 'period' | 'archivedUntil'>;
type Closing = CalendarRule & Pick<EventRecord, 'endsAt' | 'graceMs'>;

/** An event that is claimed once has one period: its mark is of that, wherever the event ends by now. */
export function isArchived({ period, archivedUntil }: Marked, span: Pick<Span, 'endsAt'>): boolean {
  return archivedUntil !== undefined && (period === 'once' || span.endsAt <= archivedUntil);
}

/** The same by the id of a period. */
export function isArchivedPeriod(event: CalendarRule & Marked, id: string): boolean {
  const span = spanOf(event, id);
  return span !== null && isArchived(event, span);
}

/**
 * The mark for an archive of what ended by `before`: periods that end by it have closed, their grace and `CLOSED_MS`
 * included. Null when there is none. A period closes at its reset, that of an event claimed once with its `endsAt`.
 */
export function archivableUntil(event: Closing, { before, now }: { before: number; now: number }): number | null {
  // Longer ago, not as long ago.
  const latest = Math.min(before, Math.ceil(now - event.graceMs - CLOSED_MS) - 1);
  if (event.period !== 'once') return spanAt(event, latest).startsAt;
  return event.endsAt !== null && event.endsAt <= latest ? event.endsAt : null;
}

/**
 * Whether a period is to be archived when everything that ended by `before` is: it may be marked, or has been, whatever the event
 * has become since.
 */
export function isDue(event: Closing & Marked, id: string, at: { before: number; now: number }): boolean {
  const { period, archivedUntil = Number.POSITIVE_INFINITY } = event;
  const marked = period === 'once' && archivedUntil > at.before ? null : Math.min(archivedUntil, at.before);
  const marks = [archivableUntil(event, at), event.archivedUntil === undefined ? null : marked];
  return marks.some((mark) => mark !== null && isArchivedPeriod({ ...event, archivedUntil: mark }, id));
}

/** What the deliveries of some claims say together. */
export type Deliveries = { pending: number; others: number };

export function withDelivery({ pending, others }: Deliveries, { delivery }: Pick<ClaimRecord, 'delivery'>): Deliveries {
  const isUntouched = delivery.state === 'PENDING' && delivery.attempts === 0;
  return {
    pending: pending + (delivery.state === 'PENDING' ? 1 : 0),
    others: others + (isUntouched ? 0 : 1),
  };
}

/**
 * Whether claims are waiting to be delivered: some are PENDING, and for some it has been tried or settled. Where all are as they
 * were granted nobody delivers through the store, and PENDING means nothing.
 */
export function isDelivering({ pending, others }: Deliveries): boolean {
  return pending > 0 && others > 0;
}
