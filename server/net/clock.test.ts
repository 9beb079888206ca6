import { assert, suite } from '../../protocol/testing/kit.ts';
import { virtualTime } from '../../protocol/testing/virtual-time.ts';
import { SweepClock } from './clock.ts';

const test = suite('sweep clock');

test('it moves with the sweep and can be read exactly between two', async () => {
  const runtime = virtualTime();
  const clock = new SweepClock(runtime, 250);
  await runtime.advance(100);
  assert.equal([clock.nowMs, clock.exactMs()], [0, 100]);
  await runtime.advance(150);
  clock.advance();
  assert.equal([clock.nowMs, clock.exactMs()], [250, 250]);
});

test('a minute in which the process stood still counts as two sweeps', async () => {
  const runtime = virtualTime();
  const clock = new SweepClock(runtime, 250);
  await runtime.advance(60_000);
  assert.is(clock.exactMs(), 500);
  clock.advance();
  assert.is(clock.nowMs, 500);
  await runtime.advance(250);
  clock.advance();
  assert.is(clock.nowMs, 750);
});
