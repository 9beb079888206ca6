import type { Runtime } from '../../protocol/runtime.ts';
import { assert, rejection, suite } from '../../protocol/testing/kit.ts';
import { chanceOf } from '../../protocol/testing/random.ts';
import { createClock } from './clock.ts';

const test = suite('clock');
const STORE_ORIGIN = 1_800_000_000_000;

/** A machine whose time moves only when told, and a store whose clock is set apart from it. */
function world() {
  let monotonic = 5_000.25;
  let timers: { at: number; run: () => void }[] = [];
  const state = { storeAheadMs: 0, wallAheadMs: 0, requestMs: 0, replyMs: 0, isDown: false, readings: 0 };
  const runtime: Runtime = {
    monotonicMs: () => monotonic,
    wallMs: () => STORE_ORIGIN + monotonic + state.wallAheadMs,
    after(ms, run) {
      const timer = { at: monotonic + ms, run };
      timers.push(timer);
      return () => {
        timers = timers.filter((other) => other !== timer);
      };
    },
    soon: (run) => run(),
    randomBytes: (length) => new Uint8Array(length),
    random: () => 0.5,
  };
  async function storeTimeMs(): Promise<number> {
    state.readings++;
    if (state.isDown) throw new Error('store is down');
    monotonic += state.requestMs;
    const answer = STORE_ORIGIN + monotonic + state.storeAheadMs;
    monotonic += state.replyMs;
    return answer;
  }
  async function pass(ms: number): Promise<void> {
    const end = monotonic + ms;
    for (;;) {
      const due = timers.filter((timer) => timer.at <= end).sort((a, b) => a.at - b.at)[0];
      if (due === undefined) break;
      timers = timers.filter((timer) => timer !== due);
      monotonic = Math.max(monotonic, due.at);
      due.run();
      await new Promise((resolve) => setImmediate(resolve));
    }
    monotonic = Math.max(monotonic, end);
  }
  return { state, runtime, storeTimeMs, pass, storeNow: () => STORE_ORIGIN + monotonic + state.storeAheadMs };
}

test('begins at the store time, halving the round trip', async () => {
  const { state, runtime, storeTimeMs, storeNow } = world();
  state.storeAheadMs = 7_000;
  state.requestMs = 40;
  state.replyMs = 40;
  const clock = await createClock({ runtime, storeTimeMs });
  assert.is(clock.nowMs(), Math.floor(storeNow()));
  assert.is(clock.skewMs(), 7_000);
});

test('is deaf to jumps of the wall clock and shows them as skew', async () => {
  const { state, runtime, storeTimeMs, pass, storeNow } = world();
  const clock = await createClock({ runtime, storeTimeMs });
  state.wallAheadMs = 3_600_000;
  await pass(10);
  assert.is(clock.nowMs(), Math.floor(storeNow()));
  assert.is(clock.skewMs(), -3_600_000);
});

test('approaches a store clock that was set back, gradually and never backwards', async () => {
  const { state, runtime, storeTimeMs, pass, storeNow } = world();
  const clock = await createClock({ runtime, storeTimeMs });
  await pass(59_999);
  state.storeAheadMs = -1_000;
  let before = clock.nowMs();
  let gap = before - storeNow();
  for (let i = 0; i < 30; i++) {
    await pass(500);
    const now = clock.nowMs();
    assert.ok(now - before >= 449, `moved ${now - before} ms in 500`);
    assert.ok(now - storeNow() <= gap + 1, 'the gap grew');
    before = now;
    gap = now - storeNow();
  }
  assert.ok(Math.abs(gap) <= 1, `still ${gap} ms apart`);
});

test('keeps going while the store is down, and takes its time again soon after', async () => {
  const { state, runtime, storeTimeMs, pass, storeNow } = world();
  const clock = await createClock({ runtime, storeTimeMs });
  state.isDown = true;
  await pass(62_000);
  assert.is(clock.nowMs(), Math.floor(storeNow()));
  state.isDown = false;
  state.storeAheadMs = 20;
  await pass(10_000);
  clock.nowMs();
  await pass(1_000);
  assert.is(clock.nowMs(), Math.floor(storeNow()));
});

test('ignores a reading whose round trip says nothing', async () => {
  const { state, runtime, storeTimeMs, pass, storeNow } = world();
  const clock = await createClock({ runtime, storeTimeMs });
  state.replyMs = 4_000;
  await pass(64_000);
  assert.ok(state.readings > 1);
  clock.nowMs();
  await pass(1_000);
  assert.is(clock.nowMs(), Math.floor(storeNow()));
});

test('asks no more once stopped, and rejects when the first reading fails', async () => {
  const { state, runtime, storeTimeMs, pass } = world();
  const clock = await createClock({ runtime, storeTimeMs });
  clock.stop();
  await pass(200_000);
  assert.is(state.readings, 1);
  state.isDown = true;
  assert.is((await rejection(createClock({ runtime, storeTimeMs }))).message, 'store is down');
});

test('never goes back, whatever the store says', async () => {
  const chance = chanceOf(20261122);
  const { state, runtime, storeTimeMs, pass } = world();
  const clock = await createClock({ runtime, storeTimeMs });
  let before = clock.nowMs();
  for (let i = 0; i < 2_000; i++) {
    state.storeAheadMs = (chance.fraction() - 0.5) * 100_000;
    state.replyMs = chance.fraction() * 300;
    await pass(chance.fraction() * 20_000);
    const now = clock.nowMs();
    assert.ok(Number.isSafeInteger(now) && now >= before, `seed ${chance.seed}, step ${i}: ${before} then ${now}`);
    before = now;
  }
});
