import { assert, suite } from '../../protocol/testing/kit.ts';
import { virtualTime } from '../../protocol/testing/virtual-time.ts';
import { eventRecord } from '../shard/testing/bench.ts';
import type { EventRecord, EventStore } from '../store/store.ts';
import { EventConfigs } from './configs.ts';

const test = suite('event configurations');

/** A store of one event whose reads are answered when the test says so. */
function bench() {
  const time = virtualTime();
  const state = {
    event: eventRecord() as EventRecord | null,
    isFailing: false,
    reads: 0,
    holdBack: null as Promise<void> | null,
  };
  const store = {
    async get(keys: readonly string[]) {
      state.reads++;
      const found = keys.map(() => state.event);
      await state.holdBack;
      if (state.isFailing) throw new Error('down');
      return found;
    },
  } as unknown as EventStore;
  const configs = new EventConfigs(store, time);
  configs.start();
  const config = configs.of('summer');
  if (config === undefined) throw new Error('no room');
  const whenFresh = async () => {
    const told: boolean[] = [];
    configs.whenFresh(config, (isFresh) => told.push(isFresh));
    await time.settle();
    return told[0];
  };
  return { time, state, configs, config, whenFresh };
}

test('an event in use is read again before it is too old to decide by', async () => {
  const { time, configs, config, whenFresh } = bench();
  assert.is(await whenFresh(), true);
  for (let i = 0; i < 50; i++) {
    configs.of('summer');
    await time.advance(100);
    assert.ok(configs.isFresh(config));
  }
});

test('an event that cannot be read again is too old after 800 ms, and whoever waits is told', async () => {
  const { time, state, configs, config, whenFresh } = bench();
  await whenFresh();
  state.isFailing = true;
  await time.advance(799);
  assert.ok(configs.isFresh(config));
  await time.advance(1);
  assert.not(configs.isFresh(config));
  assert.is(await whenFresh(), false);
  state.isFailing = false;
  assert.is(await whenFresh(), true);
});

test('an event nobody claims is read no more', async () => {
  const { time, state, whenFresh } = bench();
  await whenFresh();
  await time.advance(20_000);
  const { reads } = state;
  await time.advance(20_000);
  assert.is(state.reads, reads);
});

test('a read that left before a write was made does not bring back what was there before', async () => {
  const { time, state, configs, config, whenFresh } = bench();
  await whenFresh();
  let release = () => {};
  state.holdBack = new Promise((resolve) => {
    release = resolve;
  });
  await time.advance(200);
  configs.put(eventRecord({ state: 'PAUSED', revision: 2 }), time.monotonicMs());
  release();
  state.holdBack = null;
  await time.settle();
  assert.is(config.record?.state, 'PAUSED');
});

test('an event made here is known here at once, though a read has just found none', async () => {
  const { time, state, configs, config, whenFresh } = bench();
  state.event = null;
  const sentAt = time.monotonicMs();
  await time.advance(10);
  await whenFresh();
  assert.is(config.record, null);
  configs.put(eventRecord(), sentAt);
  assert.is(config.record?.eventKey, 'summer');
});

test('the same revision stays the same object', async () => {
  const { time, state, config, whenFresh } = bench();
  await whenFresh();
  const before = config.record;
  state.event = eventRecord();
  await time.advance(400);
  assert.is(config.record, before);
});
