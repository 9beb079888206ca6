import { assert, suite } from '../../protocol/testing/kit.ts';
import type { EventRecord } from '../store/store.ts';
import { archivableUntil, isArchived, isArchivedPeriod, isDelivering, isDue, withDelivery } from './archived.ts';

const test = suite('archived');
const HOUR = 3_600_000;
const at = (text: string) => Date.parse(`${text}Z`);

type Fields = Pick<EventRecord, 'period' | 'timeZone' | 'resetHour' | 'endsAt' | 'graceMs' | 'archivedUntil'>;
function eventOf(fields: Partial<Fields>): Fields {
  return { period: 'daily', timeZone: 'Asia/Seoul', resetHour: 4, endsAt: null, graceMs: 0, ...fields };
}

test('a period may go when it closed longer ago than its grace and 24 hours, and ended by the date', () => {
  // 04:00 in Seoul is 19:00 of the day before in UTC.
  const event = eventOf({ graceMs: HOUR });
  const reset = at('2026-05-18T19:00');
  const now = reset + 25 * HOUR;
  const before = at('2030-01-01T00:00');
  assert.is(archivableUntil(event, { before, now }), at('2026-05-17T19:00'), 'not as long ago, longer ago');
  assert.is(archivableUntil(event, { before, now: now + 1 }), reset);
  assert.is(archivableUntil(event, { before: reset, now: now + 1 }), reset);
  assert.is(archivableUntil(event, { before: reset - 1, now: now + 1 }), at('2026-05-17T19:00'));
});

test('an event that is claimed once closes with its end, and has to have one', () => {
  const endsAt = at('2026-05-18T00:00');
  const once = eventOf({ period: 'once', endsAt, graceMs: HOUR });
  const now = endsAt + 25 * HOUR;
  assert.is(archivableUntil(once, { before: now, now }), null);
  assert.is(archivableUntil(once, { before: now, now: now + 1 }), endsAt);
  assert.is(archivableUntil(once, { before: endsAt - 1, now: now + 1 }), null);
  assert.is(archivableUntil(eventOf({ period: 'once' }), { before: now, now }), null);
});

test('a mark holds for what had ended by it, and for an event claimed once whatever it becomes', () => {
  const archivedUntil = at('2026-05-18T19:00');
  const daily = eventOf({ archivedUntil });
  assert.ok(isArchivedPeriod(daily, '20260518'));
  assert.not(isArchivedPeriod(daily, '20260519'));
  assert.not(isArchivedPeriod(daily, '-'));
  assert.ok(isArchived(eventOf({ period: 'once', archivedUntil }), { endsAt: Number.POSITIVE_INFINITY }));
  assert.not(isArchived(eventOf({ period: 'once' }), { endsAt: Number.NEGATIVE_INFINITY }));
});

test('what was marked is due whatever the event has become, as long as it ended by the date', () => {
  const endsAt = at('2026-05-18T00:00');
  const now = at('2026-06-18T00:00');
  const reopened = eventOf({ period: 'once', endsAt: now + HOUR, archivedUntil: endsAt });
  assert.ok(isDue(reopened, '-', { before: now, now }));
  assert.not(isDue(reopened, '-', { before: endsAt - 1, now }));
  const slow = eventOf({ graceMs: 40 * 24 * HOUR, archivedUntil: at('2026-05-18T19:00') });
  assert.ok(isDue(slow, '20260518', { before: now, now }));
  assert.not(isDue(slow, '20260519', { before: now, now }));
  assert.not(isDue(slow, '20260518', { before: at('2026-05-18T18:00'), now }));
  assert.not(isDue(eventOf({}), '20260618', { before: now, now }));
});

test('PENDING means something where a delivery has been tried', () => {
  const delivery = (state: 'PENDING' | 'FULFILLED' | 'DEAD', attempts: number) => ({
    delivery: { state, attempts, fulfilledAt: null },
  });
  const of = (...claims: ReturnType<typeof delivery>[]) =>
    isDelivering(claims.reduce(withDelivery, { pending: 0, others: 0 }));
  assert.not(of(delivery('PENDING', 0), delivery('PENDING', 0)));
  assert.not(of(delivery('FULFILLED', 1), delivery('DEAD', 9)));
  assert.ok(of(delivery('FULFILLED', 1), delivery('PENDING', 0)));
  assert.ok(of(delivery('PENDING', 2)));
});
