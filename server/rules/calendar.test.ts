import { assert, suite } from '../../protocol/testing/kit.ts';
import { chanceOf } from '../../protocol/testing/random.ts';
import { type CalendarRule, spanAt, spanOf } from './calendar.ts';

const test = suite('calendar');

// period, zone, reset hour, instant -> id, start, end
const TABLE = `
once    UTC              0  2026-05-18T12:00:00.000Z  -
daily   UTC              0  2026-05-18T00:00:00.000Z  20260518 2026-05-18T00:00:00.000Z 2026-05-19T00:00:00.000Z
daily   UTC              0  2026-05-17T23:59:59.999Z  20260517 2026-05-17T00:00:00.000Z 2026-05-18T00:00:00.000Z
daily   Asia/Seoul       4  2026-05-17T18:59:59.900Z  20260517 2026-05-16T19:00:00.000Z 2026-05-17T19:00:00.000Z
daily   Asia/Seoul       4  2026-05-17T19:00:00.100Z  20260518 2026-05-17T19:00:00.000Z 2026-05-18T19:00:00.000Z
daily   America/New_York 4  2026-03-08T07:59:59.999Z  20260307 2026-03-07T09:00:00.000Z 2026-03-08T08:00:00.000Z
daily   America/New_York 4  2026-03-08T08:00:00.000Z  20260308 2026-03-08T08:00:00.000Z 2026-03-09T08:00:00.000Z
daily   America/New_York 4  2026-11-01T08:59:59.999Z  20261031 2026-10-31T08:00:00.000Z 2026-11-01T09:00:00.000Z
daily   America/New_York 4  2026-11-01T09:00:00.000Z  20261101 2026-11-01T09:00:00.000Z 2026-11-02T09:00:00.000Z
# 02:00 does not exist on the spring day: the reset is at 03:00 EDT, the instant the clock jumps
daily   America/New_York 2  2026-03-08T06:59:59.999Z  20260307 2026-03-07T07:00:00.000Z 2026-03-08T07:00:00.000Z
daily   America/New_York 2  2026-03-08T07:00:00.000Z  20260308 2026-03-08T07:00:00.000Z 2026-03-09T06:00:00.000Z
# 01:00 comes twice on the autumn day: the first one counts, the second is inside the same period
daily   America/New_York 1  2026-11-01T05:00:00.000Z  20261101 2026-11-01T05:00:00.000Z 2026-11-02T06:00:00.000Z
daily   America/New_York 1  2026-11-01T06:30:00.000Z  20261101 2026-11-01T05:00:00.000Z 2026-11-02T06:00:00.000Z
# midnight itself is skipped in Beirut's spring and repeated in Havana's autumn
daily   Asia/Beirut      0  2026-03-28T22:00:00.000Z  20260329 2026-03-28T22:00:00.000Z 2026-03-29T21:00:00.000Z
daily   America/Havana   0  2026-11-01T05:30:00.000Z  20261101 2026-11-01T04:00:00.000Z 2026-11-02T05:00:00.000Z
# half-hour daylight saving
daily   Australia/Lord_Howe 2 2026-10-03T15:29:59.999Z 20261003 2026-10-02T15:30:00.000Z 2026-10-03T15:30:00.000Z
daily   Australia/Lord_Howe 2 2026-10-03T15:30:00.000Z 20261004 2026-10-03T15:30:00.000Z 2026-10-04T15:00:00.000Z
weekly  UTC              0  2026-05-18T00:00:00.000Z  2026W21  2026-05-18T00:00:00.000Z 2026-05-25T00:00:00.000Z
weekly  UTC              5  2026-05-18T04:59:59.999Z  2026W20  2026-05-11T05:00:00.000Z 2026-05-18T05:00:00.000Z
weekly  UTC              0  2027-01-01T00:00:00.000Z  2026W53  2026-12-28T00:00:00.000Z 2027-01-04T00:00:00.000Z
weekly  UTC              0  2024-12-30T00:00:00.000Z  2025W01  2024-12-30T00:00:00.000Z 2025-01-06T00:00:00.000Z
monthly UTC              0  2026-12-31T23:59:59.999Z  202612   2026-12-01T00:00:00.000Z 2027-01-01T00:00:00.000Z
monthly Asia/Seoul       4  2026-04-30T18:59:59.999Z  202604   2026-03-31T19:00:00.000Z 2026-04-30T19:00:00.000Z
monthly Asia/Seoul       4  2026-04-30T19:00:00.000Z  202605   2026-04-30T19:00:00.000Z 2026-05-31T19:00:00.000Z
`;

for (const line of TABLE.trim().split('\n')) {
  if (line.startsWith('#')) continue;
  const [period, timeZone, resetHour, at, id, startsAt, endsAt] = line.split(/\s+/) as string[];
  test(`${period} ${timeZone} ${resetHour} at ${at} is ${id}`, () => {
    const rule = { period, timeZone, resetHour: Number(resetHour) } as CalendarRule;
    const span = spanAt(rule, Date.parse(at as string));
    assert.is(span.id, id);
    assert.equal(spanOf(rule, span.id), span, 'by its id');
    if (startsAt === undefined) return;
    assert.is(new Date(span.startsAt).toISOString(), startsAt);
    assert.is(new Date(span.endsAt).toISOString(), endsAt);
  });
}

test('periods tile time: every instant is in exactly one, neighbours meet, ids differ', () => {
  const chance = chanceOf(20260518);
  const zones = [
    'UTC',
    'Asia/Seoul',
    'America/New_York',
    'Europe/London',
    'Asia/Beirut',
    'Australia/Lord_Howe',
    'Asia/Kathmandu',
  ];
  for (let i = 0; i < 400; i++) {
    const rule: CalendarRule = {
      period: chance.pick(['daily', 'weekly', 'monthly'] as const),
      timeZone: chance.pick(zones),
      resetHour: chance.integer(24),
    };
    const at = Date.UTC(2024, 0, 1) + chance.integer(4 * 365) * 86_400_000 + chance.integer(86_400_000);
    const span = spanAt(rule, at);
    const label = `seed ${chance.seed}, ${JSON.stringify(rule)} at ${new Date(at).toISOString()}`;
    assert.ok(span.startsAt <= at && at < span.endsAt, label);
    assert.equal(spanAt(rule, span.startsAt), span, label);
    assert.equal(spanAt(rule, span.endsAt - 1), span, label);
    const next = spanAt(rule, span.endsAt);
    assert.is(next.startsAt, span.endsAt, label);
    assert.ok(next.id > span.id, label);
  }
});

test('an id that no period of the rule has', () => {
  const rule = (period: CalendarRule['period']) => ({ period, timeZone: 'Asia/Seoul', resetHour: 4 });
  for (const [period, id] of [
    ['once', '20260518'],
    ['daily', '-'],
    ['daily', '20260230'],
    ['daily', '2026W21'],
    ['weekly', '2026W54'],
    ['weekly', '202605'],
    ['monthly', '202613'],
    ['monthly', '20260518'],
  ] as const) {
    assert.is(spanOf(rule(period), id), null, `${period} ${id}`);
  }
});
