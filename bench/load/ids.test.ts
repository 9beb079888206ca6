import { assert, suite } from '../../protocol/testing/kit.ts';
import { newTag, REQUEST_ID_LENGTH, requestIdOf, scattered, USER_ID_LENGTH, userIdOf, writeDigits } from './ids.ts';

const test = suite('ids of the load');

test('no two numbers make one id', () => {
  const count = 200_000;
  const low = Array.from({ length: count }, (_, index) => scattered(index));
  const high = Array.from({ length: count }, (_, index) => scattered(0xffffffff - index));
  assert.is(new Set([...low, ...high]).size, 2 * count);
});

test('digits that are written are those of the text', () => {
  const bytes = Buffer.alloc(USER_ID_LENGTH);
  for (const index of [0, 1, 255, 256, 4_095, 1_000_000, 0xffffffff]) {
    writeDigits(bytes, 1, scattered(index));
    assert.is(bytes.toString('latin1', 1, 9), userIdOf(index, 'aaaaaaa').slice(1, 9));
    assert.is(bytes.toString('latin1', 1, 9), requestIdOf(index, 'aaaaaaa').slice(0, 8));
  }
});

test('all ids have one length', () => {
  for (let index = 0; index < 1_000; index++) {
    const tag = newTag();
    assert.is(userIdOf(index, tag).length, USER_ID_LENGTH);
    assert.is(requestIdOf(index, tag).length, REQUEST_ID_LENGTH);
  }
});
