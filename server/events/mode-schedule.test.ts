import type { ModeEntry } from '../../protocol/mode.ts';
import { assert, suite } from '../../protocol/testing/kit.ts';
import { chanceOf } from '../../protocol/testing/random.ts';
import { eventRecord } from '../shard/testing/bench.ts';
import { scheduledMode, segmentAt, setByHand, wantedMode } from './mode-schedule.ts';

const test = suite('mode schedule');

const entry = (from: string, to: string, mode: ModeEntry['mode'] = 'journal'): ModeEntry => ({ from, to, mode });
const EVENING = [entry('20:00', '23:00')];
const NIGHT = [entry('22:00', '02:30'), entry('02:30', '05:00', 'direct')];

// schedule, zone, instant -> mode (- for none), beginning of the stretch by the local clock
const TABLE = `
evening UTC                 2026-05-18T19:59:59.999Z  -        2026-05-17 23:00
evening UTC                 2026-05-18T20:00:00.000Z  journal  2026-05-18 20:00
evening UTC                 2026-05-18T22:59:59.999Z  journal  2026-05-18 20:00
evening UTC                 2026-05-18T23:00:00.000Z  -        2026-05-18 23:00
evening Asia/Seoul          2026-05-18T11:00:00.000Z  journal  2026-05-18 20:00
evening Asia/Seoul          2026-05-18T10:59:59.999Z  -        2026-05-17 23:00
evening Asia/Kolkata        2026-05-18T14:29:59.999Z  -        2026-05-17 23:00
evening Asia/Kolkata        2026-05-18T14:30:00.000Z  journal  2026-05-18 20:00
# the same local hours on both sides of a clock change
evening America/New_York    2026-03-08T00:30:00.000Z  -        2026-03-06 23:00
evening America/New_York    2026-03-08T01:00:00.000Z  journal  2026-03-07 20:00
evening America/New_York    2026-03-09T00:00:00.000Z  journal  2026-03-08 20:00
# across midnight
night   UTC                 2026-05-18T21:59:59.999Z  -        2026-05-18 05:00
night   UTC                 2026-05-18T22:00:00.000Z  journal  2026-05-18 22:00
night   UTC                 2026-05-19T00:00:00.000Z  journal  2026-05-18 22:00
night   UTC                 2026-05-19T02:29:59.999Z  journal  2026-05-18 22:00
night   UTC                 2026-05-19T02:30:00.000Z  direct   2026-05-19 02:30
night   UTC                 2026-05-19T05:00:00.000Z  -        2026-05-19 05:00
# 02:00 to 03:00 is skipped: the entry that ends there ends where the clock jumps, what is left of the next begins
night   America/New_York    2026-03-08T06:59:59.999Z  journal  2026-03-07 22:00
night   America/New_York    2026-03-08T07:00:00.000Z  direct   2026-03-08 02:30
night   America/New_York    2026-03-08T09:00:00.000Z  -        2026-03-08 05:00
# 01:00 to 02:00 comes twice and is inside both times
night   America/New_York    2026-11-01T05:30:00.000Z  journal  2026-10-31 22:00
night   America/New_York    2026-11-01T06:30:00.000Z  journal  2026-10-31 22:00
night   America/New_York    2026-11-01T07:30:00.000Z  direct   2026-11-01 02:30
# midnight itself is skipped in Beirut's spring: the date changes with the clock
night   Asia/Beirut         2026-03-28T21:59:59.999Z  journal  2026-03-28 22:00
night   Asia/Beirut         2026-03-28T22:00:00.000Z  journal  2026-03-28 22:00
`;

for (const line of TABLE.trim().split('\n')) {
  if (line.startsWith('#')) continue;
  test(line, () => {
    const [name, timeZone = '', at = '', mode, ...start] = line.trim().split(/\s+/);
    const schedule = name === 'evening' ? EVENING : NIGHT;
    const expected = mode === '-' ? null : mode;
    assert.is(scheduledMode(schedule, timeZone, Date.parse(at)), expected);
    assert.equal(segmentAt(schedule, timeZone, Date.parse(at)), { id: start.join(' '), mode: expected });
  });
}

test('a schedule without entries asks for nothing', () => {
  assert.is(segmentAt([], 'UTC', 0), null);
  assert.is(scheduledMode([], 'UTC', 0), null);
  assert.is(wantedMode(eventRecord({ mode: 'journal' }), 0), 'journal');
});

test('what is set by hand holds until the schedule next says something', () => {
  const at = (time: string) => Date.parse(`2026-05-${time}Z`);
  let event = eventRecord({ modeSchedule: EVENING });
  const wanted = (time: string) => wantedMode(event, at(time));
  assert.equal([wanted('18T19:00'), wanted('18T21:00'), wanted('18T23:30')], ['direct', 'journal', 'direct']);
  event = { ...event, mode: 'journal', modeByHand: setByHand(event, 'journal', at('18T12:00')) };
  assert.equal([wanted('18T19:00'), wanted('18T21:00'), wanted('18T23:30')], ['journal', 'journal', 'journal']);
  event = { ...event, mode: 'direct', modeByHand: setByHand(event, 'direct', at('18T21:00')) };
  assert.equal([wanted('18T22:59'), wanted('18T23:00'), wanted('19T19:59')], ['direct', 'direct', 'direct']);
  assert.is(wanted('19T20:00'), 'journal', 'the next evening is the schedule’s again');
});

test('the stretch of an instant is the one of the minute before, unless the mode or an edge is in between', () => {
  const chance = chanceOf(20_261_122);
  const zones = ['UTC', 'Asia/Seoul', 'America/New_York', 'Australia/Lord_Howe', 'America/Havana', 'Asia/Kathmandu'];
  for (let round = 0; round < 500; round++) {
    const timeZone = chance.pick(zones);
    const schedule = chance.pick([EVENING, NIGHT]);
    const edges = new Set(schedule.flatMap(({ from, to }) => [from, to]));
    const at = Date.UTC(2026, chance.integer(12), 1 + chance.integer(28), chance.integer(24), chance.integer(60));
    const [before, now] = [segmentAt(schedule, timeZone, at - 60_000), segmentAt(schedule, timeZone, at)];
    if (before?.id === now?.id) continue;
    const clockAt = (time: number) =>
      new Intl.DateTimeFormat('en-GB', { timeZone, hour: '2-digit', minute: '2-digit' }).format(time);
    const jump = minutes(clockAt(at)) - minutes(clockAt(at - 60_000));
    const isEdge = edges.has(clockAt(at));
    const isClockChange = jump !== 1 && jump !== 1 - 24 * 60;
    assert.ok(isEdge || isClockChange, `seed ${chance.seed}: ${timeZone} ${new Date(at).toISOString()}`);
  }
});

function minutes(clock: string): number {
  return Number(clock.slice(0, 2)) * 60 + Number(clock.slice(3));
}
