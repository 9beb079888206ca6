import { assert, suite } from '../../protocol/testing/kit.ts';
import { chanceOf } from '../../protocol/testing/random.ts';
import { Grouping } from './grouping.ts';

const test = suite('grouping');

test('everything is handed out once, with what it came with, and the same hash in its order', () => {
  const chance = chanceOf(4);
  const count = 300_000;
  const highs = Array.from({ length: count }, () => chance.integer(1_000) * 4_000_000);
  const taken = new Set<number>();
  const last = new Map<number, number>();
  const grouping = new Grouping<string>((of, high, low, position) => {
    assert.ok(of === `${position % 3}` && high >>> 0 === highs[position] && low === -position, `${position}`);
    assert.ok((last.get(high) ?? -1) < position);
    last.set(high, position);
    taken.add(position);
  });
  for (const [position, high] of highs.entries()) grouping.add(`${position % 3}`, high, -position, position);
  assert.ok(taken.size < count);
  grouping.flush();
  grouping.flush();
  assert.is(taken.size, count);
});
