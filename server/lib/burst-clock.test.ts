import { assert, suite } from '../../protocol/testing/kit.ts';
import { BurstClock } from './burst-clock.ts';

const test = suite('burst clock');

test('one moment for what one call does, another for the next', async () => {
  let now = 5;
  const burst = new BurstClock({ monotonicMs: () => now }, { nowMs: () => now * 100 });
  burst.read();
  now = 6;
  burst.read();
  assert.equal([burst.monotonicMs, burst.nowMs], [5, 500]);
  await null;
  burst.read();
  assert.equal([burst.monotonicMs, burst.nowMs], [6, 600]);
});
