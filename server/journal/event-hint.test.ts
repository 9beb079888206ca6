import { assert, suite } from '../../protocol/testing/kit.ts';
import { textBytes, writeText } from '../store/block/claim-text.ts';
import { HINTS, hintOf } from './event-hint.ts';

const test = suite('event hint');

function hintFor(key: string, among = 0): number {
  const bytes = Buffer.alloc(among + textBytes(key.length) + among, 0x5a);
  return hintOf(bytes, among, writeText(bytes, among, key));
}

test('a key has one hint, wherever it lies', () => {
  for (const key of ['a', 'ab', 'welcome', 'x'.repeat(31), 'y'.repeat(32), 'z'.repeat(64)]) {
    const hint = hintFor(key);
    assert.ok(hint >= 0 && hint < HINTS, `${key}: ${hint}`);
    assert.is(hintFor(key, 9), hint);
  }
});

test('keys as studios name them mostly have hints of their own', () => {
  const keys = [
    ...Array.from({ length: 31 }, (_, i) => `daily-2026-12-${i + 1}`),
    ...['spring', 'summer', 'autumn', 'winter'].map((season) => `${season}-2026`),
    ...['asia', 'europe', 'america'].map((region) => `launch:${region}`),
  ];
  const hints = new Set(keys.map((key) => hintFor(key)));
  assert.ok(hints.size > keys.length * 0.8, `${hints.size} of ${keys.length}`);
});
