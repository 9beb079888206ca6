import { assert, rejection, suite } from '../../protocol/testing/kit.ts';
import { virtualTime } from '../../protocol/testing/virtual-time.ts';
import { AtMost } from './at-most.ts';

const test = suite('at most');

function gate(atOnceMax: number) {
  const time = virtualTime();
  const begun: number[] = [];
  const ends: (() => void)[] = [];
  const door = new AtMost(time, { atOnceMax });
  const enter = (n: number) =>
    door.run(async () => {
      begun.push(n);
      await new Promise<void>((resolve) => ends.push(resolve));
      return n;
    });
  return { time, begun, ends, door, enter };
}

test('lets so many in at once and the others one by one, in the order they came', async () => {
  const { time, begun, ends, enter } = gate(2);
  const results = [1, 2, 3, 4].map(enter);
  await time.settle();
  assert.equal(begun, [1, 2]);
  ends[1]?.();
  await time.settle();
  assert.equal(begun, [1, 2, 3]);
  for (const end of ends) end();
  await time.settle();
  for (const end of ends) end();
  assert.equal(await Promise.all(results), [1, 2, 3, 4]);
});

test('what fails leaves its place to the next', async () => {
  const { time, begun, ends, door, enter } = gate(1);
  const failing = rejection(door.run(() => Promise.reject(new Error('down'))));
  const next = enter(1);
  await time.settle();
  assert.is((await failing).message, 'down');
  await time.settle();
  assert.equal(begun, [1]);
  ends[0]?.();
  await next;
  const last = enter(2);
  await time.settle();
  assert.equal(begun, [1, 2], 'the place is free again');
  ends[1]?.();
  await last;
});

test('work that never waits begins in turns of its own', async () => {
  const { time, door } = gate(1);
  const order: string[] = [];
  const pages = [1, 2].map((n) => door.run(async () => void order.push(`page ${n}`)));
  time.soon(() => order.push('somebody else'));
  await time.settle();
  await Promise.all(pages);
  assert.equal(order, ['page 1', 'somebody else', 'page 2']);
});
