import { assert, suite } from '../../protocol/testing/kit.ts';
import type { EventRecord } from '../store/store.ts';
import { eventOf } from '../store/testing/fixtures.ts';
import { spanAt } from './calendar.ts';
import { LATE_MS_MAX, placeOf } from './place.ts';

const test = suite('place of a claim');

/** The night of 8 March 2026 in New York, in which an hour is skipped; the reset is at 04:00. */
const RESET = Date.parse('2026-03-08T08:00:00Z');

function placeAt(now: number, fields: Partial<EventRecord> = {}, isRepeatable = true) {
  const days = { period: 'daily', timeZone: 'America/New_York', resetHour: 4, startsAt: 0, splitBy: 'day' } as const;
  const event = eventOf({ ...days, ...fields });
  return placeOf(event, { span: spanAt(event, now), now, isRepeatable });
}

test('most claims need no place', () => {
  assert.is(placeAt(RESET, { splitBy: 'none' }), undefined);
  assert.is(placeAt(RESET, { splitBy: 'none', store: 'main' }), undefined);
  assert.equal(placeAt(RESET, { splitBy: 'none', store: 'b' }), { store: 'b', splitBy: 'none' });
  assert.equal(placeAt(RESET, { splitBy: 'event' }), { store: 'main', splitBy: 'event' });
});

test('for ten minutes after a reset a repeatable claim names the day before', () => {
  const place = { store: 'main', splitBy: 'day' };
  assert.equal(placeAt(RESET), { ...place, periodBefore: '20260307' });
  assert.equal(placeAt(RESET + LATE_MS_MAX - 1), { ...place, periodBefore: '20260307' });
  assert.equal(placeAt(RESET + LATE_MS_MAX), place);
  assert.equal(placeAt(RESET - 1), place, 'a day after the reset before');
  assert.equal(placeAt(RESET, {}, false), place, 'a request id that nobody can have sent before');
  assert.equal(placeAt(RESET + 1, { startsAt: RESET }), place, 'an event without a day before');
});
