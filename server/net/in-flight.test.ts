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

test('claims count from when their request is weighed until its number leaves', () => {
  const numbers = new InFlight();
  for (const number of [7, 71]) numbers.add(number);
  assert.is(numbers.claims, 0);
  numbers.weigh(7, 10_000);
  numbers.weigh(71, 1);
  numbers.weigh(71, 2);
  assert.is(numbers.claims, 10_002);
  numbers.delete(7);
  assert.is(numbers.claims, 2);
  assert.throws(() => numbers.weigh(7, 1), /not in flight/);
  numbers.clear();
  assert.is(numbers.claims, 0);
});

/** Numbers as peers choose them: counted up, any at all, and all with the same home. */
const PEERS: Record<string, (step: number, any: number) => number> = {
  'that counts up': (step) => (0xffffff00 + step) >>> 0,
  'that throws dice': (_, any) => any >>> 0,
  'that wants collisions': (step) => ((step % 1_024) * 4_096) >>> 0,
};
for (const [name, numberOf] of Object.entries(PEERS)) {
  test(`agrees with a Map for a peer ${name}`, () => {
    const seed = 20_260_518;
    const chance = chanceOf(seed);
    const numbers = new InFlight();
    const truth = new Map<number, number>();
    let claims = 0;
    for (let step = 0; step < 30_000; step++) {
      if (truth.size < 1_024 && chance.fraction() < 0.55) {
        const number = numberOf(step, chance.integer(2 ** 32));
        assert.is(numbers.add(number), !truth.has(number), `seed ${seed} step ${step}`);
        const weight = truth.get(number) ?? chance.integer(3) * 5_000;
        numbers.weigh(number, weight);
        claims += weight - (truth.get(number) ?? 0);
        truth.set(number, weight);
      } else if (truth.size > 0) {
        const number = [...truth.keys()][chance.integer(Math.min(truth.size, 8))] as number;
        assert.ok(numbers.delete(number), `seed ${seed} step ${step}`);
        claims -= truth.get(number) as number;
        truth.delete(number);
      }
      assert.equal([numbers.size, numbers.claims], [truth.size, claims], `seed ${seed} step ${step}`);
    }
    for (const number of truth.keys()) assert.ok(numbers.has(number));
  });
}
