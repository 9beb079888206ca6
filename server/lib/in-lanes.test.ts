import { assert, rejection, suite } from '../../protocol/testing/kit.ts';
import { inLanes } from './in-lanes.ts';

const test = suite('in lanes');

test('a few at once, in order, with the results in order', async () => {
  const ends: (() => void)[] = [];
  const begun: number[] = [];
  const work = async (item: number) => {
    begun.push(item);
    await new Promise<void>((resolve) => ends.push(resolve));
    return item * 10;
  };
  const results = inLanes([1, 2, 3], 2, work);
  assert.equal(begun, [1, 2]);
  ends[1]?.();
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(begun, [1, 2, 3]);
  ends[0]?.();
  ends[2]?.();
  assert.equal(await results, [10, 20, 30]);
  assert.equal(await inLanes([], 2, work), []);
});

test('the first failure is told, and nothing more is begun', async () => {
  const begun: number[] = [];
  const failing = inLanes([1, 2, 3], 1, async (item) => {
    begun.push(item);
    throw new Error(`item ${item}`);
  });
  assert.is((await rejection(failing)).message, 'item 1');
  assert.equal(begun, [1]);
});
