import { assert, suite } from '../../protocol/testing/kit.ts';
import { chanceOf } from '../../protocol/testing/random.ts';
import { NumberSet } from './number-set.ts';

const test = suite('number set');

test('what was added is there, once, in order', () => {
  const chance = chanceOf(7);
  const set = new NumberSet();
  const model = new Set<number>();
  for (let i = 0; i < 1_000; i++) {
    const number = chance.integer(2) === 0 ? chance.integer(9_000) : chance.integer(2 ** 31) * 4_096;
    assert.is(set.add(number), !model.has(number));
    model.add(number);
  }
  assert.equal(
    [...set],
    [...model].sort((a, b) => a - b),
  );
  assert.ok([...model].every((number) => set.has(number)));
  assert.not(set.has(9_001));
});

test('dense numbers cost a bit each', () => {
  const set = new NumberSet();
  for (let number = 1; number <= 1_000_000; number++) set.add(number);
  assert.ok(set.bytes <= 131_072);
});
