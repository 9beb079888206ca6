/** A claim of long ago is not taken for one that lies now where it lay then. */
import { assert, suite } from '../../protocol/testing/kit.ts';
import { SEGMENT_BYTES } from '../store/block/layout.ts';
import { TABLES } from './fingerprints.ts';
import { OldPositions, PASS_BYTES } from './old-positions.ts';
import { LAP_BYTES, Tail } from './tail.ts';
import { IN_STORE, Windows } from './windows.ts';

const test = suite('positions of old claims');

/** A log that has grown by `bytes` since the claims at `offsets`, one of each user, were made. */
function grownBy(bytes: number, offsets: readonly number[], mark: number) {
  const tail = new Tail(new Map());
  tail.reset(SEGMENT_BYTES);
  const windows = new Windows();
  const old = new OldPositions(tail, windows);
  const { index } = windows.open('summer', '-');
  for (const [user, offset] of offsets.entries()) index.add(user << 28, user + 1, tail.positionOf(offset));
  tail.moveHead(SEGMENT_BYTES + bytes);
  for (let step = 0; step <= TABLES; step++) old.step(mark);
  return { tail, positionOf: (user: number) => index.find(user << 28, user + 1) };
}

test('what the store has and memory no longer holds loses its position before positions come round', () => {
  const first = SEGMENT_BYTES + 4_096;
  const { tail, positionOf } = grownBy(PASS_BYTES, [first, first + 104], first + 104);
  assert.is(positionOf(0), IN_STORE);
  assert.is(tail.offsetOf(positionOf(1)), first + 104, 'what the store has not keeps it');
  tail.moveHead(LAP_BYTES + first + 4_096);
  assert.ok(tail.holds(tail.offsetOf(positionOf(1))), 'else it is taken for a newer one');
});

test('what memory holds keeps its position, and there is no pass before one is due', () => {
  const newest = SEGMENT_BYTES + PASS_BYTES - 4_096;
  const { tail, positionOf } = grownBy(PASS_BYTES, [newest], Number.POSITIVE_INFINITY);
  assert.is(tail.offsetOf(positionOf(0)), newest);
  const first = SEGMENT_BYTES + 4_096;
  const early = grownBy(PASS_BYTES - 1, [first], Number.POSITIVE_INFINITY);
  assert.is(early.tail.offsetOf(early.positionOf(0)), first);
});
