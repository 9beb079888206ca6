import { assert, suite } from '../protocol/testing/kit.ts';
import { chanceOf } from '../protocol/testing/random.ts';
import { Deadlines } from './deadlines.ts';
import { ManualRuntime } from './testing/manual-runtime.ts';

const test = suite('deadlines');

function itemsOn(runtime: ManualRuntime) {
  const expired: string[] = [];
  const deadlines = new Deadlines<{ deadlineAt: number; expire(): void }>(runtime);
  const add = (name: string, ms: number) =>
    deadlines.add({ deadlineAt: runtime.monotonicMs() + ms, expire: () => expired.push(name) }, ms);
  return { expired, deadlines, add };
}

test('each expires at its time, in whatever order it was added', () => {
  const runtime = new ManualRuntime();
  const { expired, add } = itemsOn(runtime);
  add('slow', 500);
  add('fast', 20);
  runtime.advance(10);
  add('late fast', 20);
  runtime.advance(9);
  assert.equal(expired, []);
  runtime.advance(1);
  assert.equal(expired, ['fast']);
  runtime.advance(10);
  assert.equal(expired, ['fast', 'late fast']);
  runtime.advance(470);
  assert.equal(expired, ['fast', 'late fast', 'slow']);
  assert.equal(runtime.pending, []);
});

test('what is removed never expires, and nobody waits for it', () => {
  const runtime = new ManualRuntime();
  const { expired, add } = itemsOn(runtime);
  const gone = add('gone', 100);
  gone.remove();
  runtime.advance(100);
  assert.equal(expired, []);
  assert.equal(runtime.pending, []);
});

test('ten thousand deadlines of one patience stand on one timer', () => {
  const runtime = new ManualRuntime();
  const { expired, add } = itemsOn(runtime);
  for (let i = 0; i < 10_000; i++) add(`${i}`, 5_000);
  assert.equal(runtime.pending, [5_000]);
  runtime.advance(5_000);
  assert.is(expired.length, 10_000);
});

test('a seeded mix never expires early nor more than a timer tick late', () => {
  const chance = chanceOf(44);
  const runtime = new ManualRuntime();
  const deadlines = new Deadlines<{ deadlineAt: number; expire(): void }>(runtime);
  let open = 0;
  for (let step = 0; step < 3_000; step++) {
    const ms = 1 + chance.integer(50);
    const deadlineAt = runtime.monotonicMs() + ms;
    open++;
    const expire = () => {
      open--;
      const lateMs = runtime.monotonicMs() - deadlineAt;
      assert.ok(lateMs >= 0 && lateMs <= 1, `${lateMs} ms late, seed ${chance.seed}`);
    };
    const entry = deadlines.add({ deadlineAt, expire }, ms);
    if (chance.integer(3) === 0) {
      entry.remove();
      open--;
    }
    runtime.advance(chance.fraction());
  }
  runtime.advance(52);
  assert.is(open, 0);
});
