/**
 * Which collection a claim lies in: the one rule that inserts, reads, the projection and the guard go by. Pure. Invariant:
 * one claim key has one place, because what an event is split by is fixed before its first claim, and a day is a period.
 */
import type { SplitBy } from '../../../protocol/event.ts';
import { COLLECTION } from './schema.ts';

const EVENT_PREFIX = `${COLLECTION.claims}_event_`;
const DAY_PREFIX = `${COLLECTION.claims}_day_`;
const DAY = /^\d{8}$/;
/** Of the collections that hold the claims of one event, or of one day. */
export const SPLIT_NAME = /^user_events_(?:event_.+|day_\d{8})$/;

type Series = { eventKey: string; period: string };

/** The name of the collection. Throws for an event split by day whose period is no day: nobody may have made such an event. */
export function collectionOf({ eventKey, period }: Series, splitBy: SplitBy = 'none'): string {
  if (splitBy === 'none') return COLLECTION.claims;
  if (splitBy === 'event') return EVENT_PREFIX + eventKey;
  if (!DAY.test(period)) throw new Error(`${eventKey} is split by day and has the period ${period}`);
  return DAY_PREFIX + period;
}

export function isOfDay(collection: string): boolean {
  return collection.startsWith(DAY_PREFIX);
}

/** The period of all claims there; null where there are several. */
export function dayOf(collection: string): string | null {
  return isOfDay(collection) ? collection.slice(DAY_PREFIX.length) : null;
}

/** Whether claims of the event, of the one period or of any, may lie there, whatever the event is split by. */
export function mayHold(collection: string, eventKey: string, period?: string): boolean {
  if (collection === COLLECTION.claims) return true;
  if (isOfDay(collection)) return period === undefined || collection === DAY_PREFIX + period;
  return collection === EVENT_PREFIX + eventKey;
}

/** Whether the event's claims lie there: the same as `eventsIn`, of one event. */
export function keepsEvent(
  collection: string,
  { eventKey, splitBy = 'none' }: { eventKey: string; splitBy?: SplitBy },
): boolean {
  return splitBy === 'day' ? isOfDay(collection) : collection === collectionOf({ eventKey, period: '' }, splitBy);
}

/** The events whose claims lie there, as a condition on what is kept of them. */
export function eventsIn(collection: string): { _id: string } | { splitBy: 'day' | { $in: (string | null)[] } } {
  if (collection === COLLECTION.claims) return { splitBy: { $in: ['none', null] } };
  return isOfDay(collection) ? { splitBy: 'day' } : { _id: collection.slice(EVENT_PREFIX.length) };
}
