import { assert, suite } from '../../protocol/testing/kit.ts';
import { chanceOf } from '../../protocol/testing/random.ts';
import { copyWords, LastView, viewOf } from './words.ts';

const test = suite('words');

test('copies every length from and to every place, and nothing beside it', () => {
  const chance = chanceOf(20_261_123);
  const source = Buffer.from(chance.bytes(64));
  for (let bytes = 0; bytes <= 20; bytes++) {
    for (let start = 0; start < 5; start++) {
      for (let at = 0; at < 5; at++) {
        const copied = Buffer.alloc(32, 0xee);
        const expected = Buffer.alloc(32, 0xee);
        source.copy(expected, at, start, start + bytes);
        assert.is(copyWords(viewOf(copied), at, viewOf(source), start, start + bytes), at + bytes);
        assert.is(copied.toString('hex'), expected.toString('hex'));
      }
    }
  }
});

test('a view is of the bytes that it was asked for, wherever they lie in their buffer', () => {
  const last = new LastView();
  const whole = Buffer.from([1, 2, 3, 4, 5, 6, 7, 8]);
  const first = last.of(whole);
  assert.is(last.of(whole), first);
  assert.is(last.of(whole.subarray(2, 6)).getUint32(0), 0x03040506);
  assert.is(last.of(whole).getUint32(0), 0x01020304);
});
