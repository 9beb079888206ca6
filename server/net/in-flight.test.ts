import { assert, suite } from '../../protocol/testing/kit.ts';
import { chanceOf } from '../../protocol/testing/random.ts';
import { InFlight } from './in-flight.ts';

const test = suite('in flight');

test('a number is in flight from add to delete, once', () => {
  const numbers = new InFlight();
  assert.not(numbers.has(0));
  assert.not(numbers.delete(0));
  for (const number of [0, 1, 0xffffffff, 0x80000000, 64, 128]) {
    assert.ok(numbers.add(number), `${number}`);
    assert.not(numbers.add(number), `${number} again`);
  }
  assert.is(numbers.size, 6);
  assert.ok(numbers.delete(0xffffffff));
  assert.not(numbers.delete(0xffffffff));
  assert.is(numbers.size, 5);
  numbers.clear();
  assert.is(numbers.size, 0);
  assert.not(numbers.has(1));
  assert.ok(numbers.add(1));
});

/** Numbers as peers choose them: counted up, any at all, and all with the same home. */
const PEERS: Record<string, (step: number, any: number) => number> = {
  'that counts up': (step) => (0xffffff00 + step) >>> 0,
  'that throws dice': (_, any) => any >>> 0,
  'that wants collisions': (step) => ((step % 1_024) * 4_096) >>> 0,
};
for (const [name, numberOf] of Object.entries(PEERS)) {
  test(`agrees with a Set for a peer ${name}`, () => {
    const seed = 20_260_518;
    const chance = chanceOf(seed);
    const numbers = new InFlight();
    const truth = new Set<number>();
    for (let step = 0; step < 30_000; step++) {
      if (truth.size < 1_024 && chance.fraction() < 0.55) {
        const number = numberOf(step, chance.integer(2 ** 32));
        assert.is(numbers.add(number), !truth.has(number), `seed ${seed} step ${step}`);
        truth.add(number);
      } else if (truth.size > 0) {
        const number = [...truth][chance.integer(Math.min(truth.size, 8))] as number;
        assert.ok(numbers.delete(number), `seed ${seed} step ${step}`);
        truth.delete(number);
      }
      assert.is(numbers.size, truth.size);
    }
    for (const number of truth) assert.ok(numbers.has(number));
  });
}
