/** Prefixes in the order of bytes. */
import { assert, suite } from '../../protocol/testing/kit.ts';
import { byBytes, prefixEndOf } from './prefix.ts';

const test = suite('prefixes');

const STRINGS = [
  'a',
  'ab',
  'abc',
  'b',
  'é',
  'é́',
  'ﬀ',
  '\u{d7ff}',
  '\u{d7ff}x',
  '\u{e000}',
  '\u{ffff}',
  '\u{10000}',
  '😀',
  '\u{10ffff}',
  '\u{10ffff}x',
];

test('what begins with a prefix lies between it and its end, and nothing else does', () => {
  for (const prefix of STRINGS) {
    const end = prefixEndOf(prefix);
    for (const string of STRINGS) {
      const isBetween = byBytes(prefix, string) <= 0 && (end === null || byBytes(string, end) < 0);
      assert.is(isBetween, string.startsWith(prefix), `${prefix} ${string}`);
    }
  }
  assert.is(prefixEndOf(''), null);
});

test('the order is that of code points, not of 16-bit units', () => {
  assert.equal(['😀', '\u{ffff}', 'a'].sort(byBytes), ['a', '\u{ffff}', '😀']);
});
