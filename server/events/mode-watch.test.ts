import type { ModeEntry } from '../../protocol/mode.ts';
import { assert, suite } from '../../protocol/testing/kit.ts';
import { createLog } from '../lib/log.ts';
import type { EventRecord } from '../store/store.ts';
import { ModeWatch } from './mode-watch.ts';
import { eventsBench } from './testing/bench.ts';

const test = suite('mode watch');

/** Virtual time begins at midnight UTC. */
const FIRST_MINUTE: ModeEntry = { from: '00:01', to: '00:02', mode: 'journal' };
const MINUTE_MS = 60_000;

async function watched() {
  const bench = await eventsBench();
  const { store, events, door, clock, time } = bench;
  const switched: string[] = [];
  const warned: string[] = [];
  const log = createLog({ level: 'silent' });
  log.warn = ((_: object, message: string) => warned.push(message)) as never;
  const watch = new ModeWatch({
    ...{ store, events, journal: door, clock, runtime: time, log },
    async switched({ before, after }) {
      switched.push(`${after.eventKey}: ${before.mode} to ${after.mode}`);
    },
  });
  watch.start();
  return { ...bench, watch, switched, warned };
}

test('an event follows its schedule, within two seconds of the hour, and back', async () => {
  const { events, time, recordOf, wouldGet, switched, watch } = await watched();
  await events.create({ eventKey: 'e', modeSchedule: [FIRST_MINUTE] });
  await time.advance(MINUTE_MS - 1_000);
  assert.equal([recordOf().mode, recordOf().revision], ['direct', 1]);
  await time.advance(1_500);
  assert.is(wouldGet(), 'BUSY');
  await time.advance(1_000);
  assert.equal([recordOf().mode, recordOf().configVersion, wouldGet()], ['journal', 2, 'GRANT']);
  await time.advance(MINUTE_MS - 2_500);
  assert.is(recordOf().mode, 'journal');
  await time.advance(4_000);
  assert.equal([recordOf().mode, recordOf().configVersion], ['direct', 3]);
  assert.equal(switched, ['e: direct to journal', 'e: journal to direct']);
  watch.stop();
});

test('what is set by hand in an hour is left alone until the hour is over', async () => {
  const { events, time, recordOf, switched } = await watched();
  await events.create({ eventKey: 'e', mode: 'journal', modeSchedule: [{ ...FIRST_MINUTE, mode: 'direct' }] });
  await time.advance(MINUTE_MS + 5_000);
  assert.is(recordOf().mode, 'direct');
  void events.setMode('e', 'journal');
  await time.settle();
  await time.advance(MINUTE_MS - 10_000);
  assert.is(recordOf().mode, 'journal');
  await time.advance(2 * MINUTE_MS);
  assert.equal(switched, ['e: journal to direct']);
  assert.equal(recordOf().modeByHand, { mode: 'journal', during: '2026-05-18 00:01' });
});

test('a schedule that is written during its hour holds at once, and one that is emptied leaves the mode as it is', async () => {
  const { events, time, recordOf } = await watched();
  await events.create({ eventKey: 'e' });
  await time.advance(MINUTE_MS + 1_000);
  await events.change('e', { modeSchedule: [FIRST_MINUTE] }, null);
  await time.advance(3_000);
  assert.is(recordOf().mode, 'journal');
  void events.setMode('e', 'direct');
  await time.settle();
  await time.advance(3_000);
  assert.is(recordOf().mode, 'direct');
  await events.change('e', { modeSchedule: [FIRST_MINUTE] }, null);
  await time.advance(3_000);
  assert.is(recordOf().mode, 'journal', 'what was set by hand is over');
  await events.change('e', { modeSchedule: [] }, null);
  await time.advance(2 * MINUTE_MS);
  assert.equal([recordOf().mode, recordOf().modeByHand], ['journal', undefined]);
});

test('only LIVE events are switched, only by the journal’s writer', async () => {
  const { events, time, recordOf, door } = await watched();
  const modeSchedule = [{ ...FIRST_MINUTE, from: '00:00', to: '12:00' }];
  await events.create({ eventKey: 'e', state: 'PAUSED', modeSchedule });
  await time.advance(5_000);
  assert.is(recordOf().mode, 'direct');
  door.problem = { code: 'MOVED', address: '127.0.0.1:1', mapVersion: 1 };
  await events.resume('e');
  await time.advance(5_000);
  assert.is(recordOf().mode, 'direct');
  door.problem = null;
  await time.advance(3_000);
  assert.is(recordOf().mode, 'journal');
});

test('a switch that a dead writer left behind is finished, as it was meant', async () => {
  const { events, time, clock, records, recordOf, wouldGet } = await watched();
  await events.create({ eventKey: 'e', state: 'PAUSED' });
  const heldUntil = clock.nowMs() + 50_000;
  const left: EventRecord = { ...recordOf(), modeNext: { mode: 'journal', by: 'hand' }, heldUntil, revision: 5 };
  records.set('e', left);
  await time.advance(3_000);
  assert.equal([recordOf().mode, recordOf().heldUntil, recordOf().modeNext], ['journal', null, undefined]);
  assert.equal(recordOf().modeByHand, { mode: 'journal', during: null });
  await events.resume('e');
  assert.is(wouldGet(), 'GRANT');
});

test('what fails is logged and tried again', async () => {
  const { events, time, state, recordOf, warned } = await watched();
  await events.create({ eventKey: 'e', modeSchedule: [{ ...FIRST_MINUTE, from: '00:00' }] });
  state.failures = 2;
  await time.advance(2_000);
  assert.equal(warned, ['schedules of modes could not be read', 'schedules of modes could not be read']);
  await time.advance(1_500);
  state.failures = 2;
  await time.advance(1_000);
  assert.ok(warned.includes('an event could not be switched'), String(warned));
  await time.advance(5_000);
  assert.is(recordOf().mode, 'journal');
});

test('of many events a page is read each second, and every switch is made', async () => {
  const { events, time, records } = await watched();
  const modeSchedule = [{ ...FIRST_MINUTE, from: '00:00', to: '12:00' }];
  for (let i = 0; i < 1_200; i++) {
    const eventKey = `e${String(i).padStart(4, '0')}`;
    await events.create(i % 10 === 0 ? { eventKey, modeSchedule } : { eventKey });
  }
  const switchedCount = () => [...records.values()].filter(({ mode }) => mode === 'journal').length;
  await time.advance(2_100);
  assert.is(switchedCount(), 50, 'no more at once');
  await time.advance(8_000);
  assert.is(switchedCount(), 120);
});
