import { assert, suite } from '../../protocol/testing/kit.ts';
import { chanceOf } from '../../protocol/testing/random.ts';
import { KeyHash } from './hash.ts';

const test = suite('journal hash');
const SEED = 20_261_122;
const PUBLISHED_SEED = { high: 0x07060504, low: 0x03020100 };
/** Of the bytes 0, 1, 2 … by their number: HalfSipHash-1-3 as the Linux kernel's tests have it. */
const PUBLISHED = [
  0x5814c896, 0xe7e864ca, 0xbc4b0e30, 0x01539939, 0x7e059ea6, 0x88e3d89b, 0xa0080b65, 0x9d38d9d6, 0x577999b1,
];

type Hashed = { high: number; low: number };

function hashed(hash: KeyHash, bytes: Uint8Array): Hashed {
  hash.ofBytes(bytes, 0, bytes.length);
  return { high: hash.high, low: hash.low };
}

function pairHashed(hash: KeyHash, first: string, second: string): string {
  hash.ofText(first);
  hash.thenText(second);
  return `${hash.high},${hash.low}`;
}

function bitsOf(word: number): number {
  let bits = 0;
  for (let rest = word; rest !== 0; rest &= rest - 1) bits++;
  return bits;
}

test('the upper half is HalfSipHash-1-3 as published', () => {
  const hash = new KeyHash(PUBLISHED_SEED);
  const bytes = Uint8Array.from(PUBLISHED, (_, index) => index);
  PUBLISHED.forEach((expected, length) => {
    assert.is(hashed(hash, bytes.subarray(0, length)).high >>> 0, expected, `of ${length} bytes`);
  });
});

test('bytes at any place and text agree, longer than any id too', () => {
  const chance = chanceOf(SEED);
  const hash = new KeyHash({ high: chance.integer(2 ** 32), low: chance.integer(2 ** 32) });
  for (const length of [0, 1, 2, 3, 4, 5, 11, 36, 128, 255, 256, 257, 1_000]) {
    const text = Buffer.from(chance.bytes(length)).toString('latin1');
    const start = chance.integer(9);
    const buffer = Buffer.from(`${'x'.repeat(start)}${text}yyy`, 'latin1');
    hash.ofText(text);
    const { high, low } = hash;
    hash.ofBytes(buffer, start, start + length);
    assert.equal([hash.high, hash.low], [high, low], `${length} bytes, seed ${SEED}`);
    hash.thenText(text);
    const then = [hash.high, hash.low];
    hash.ofText(text);
    hash.thenBytes(buffer, start, start + length);
    assert.equal([hash.high, hash.low], then, `${length} bytes, then the same`);
  }
});

test('where a user id ends and the request id begins is part of the hash', () => {
  const hash = new KeyHash(PUBLISHED_SEED);
  const pairs = [
    ['ab', 'c'],
    ['a', 'bc'],
    ['abc', ''],
    ['', 'abc'],
    ['c', 'ab'],
    ['abcd', 'efgh'],
    ['abcdefgh', ''],
  ];
  const seen = new Set(pairs.map(([first = '', second = '']) => pairHashed(hash, first, second)));
  assert.is(seen.size, pairs.length);
});

test('another seed gives another hash, whichever half differs', () => {
  const bytes = Buffer.from('player-4711');
  const of = (high: number, low: number) => JSON.stringify(hashed(new KeyHash({ high, low }), bytes));
  assert.is(new Set([of(1, 2), of(1, 3), of(2, 2), of(2 ** 32 - 1, 2)]).size, 4);
});

test('each flipped bit flips each bit of the hash half of the time', () => {
  const chance = chanceOf(SEED);
  const hash = new KeyHash({ high: chance.integer(2 ** 32), low: chance.integer(2 ** 32) });
  const rounds = 400;
  const flips = new Int32Array(64);
  let worst = 0;
  for (let bit = 0; bit < 13 * 8; bit++) {
    flips.fill(0);
    for (let round = 0; round < rounds; round++) {
      const bytes = chance.bytes(13);
      const before = hashed(hash, bytes);
      bytes[bit >> 3] = (bytes[bit >> 3] as number) ^ (1 << (bit & 7));
      const after = hashed(hash, bytes);
      for (let out = 0; out < 32; out++) {
        flips[out] = (flips[out] as number) + (((before.high ^ after.high) >>> out) & 1);
        flips[32 + out] = (flips[32 + out] as number) + (((before.low ^ after.low) >>> out) & 1);
      }
    }
    for (const flipped of flips) worst = Math.max(worst, Math.abs(flipped / rounds - 0.5));
  }
  // 6,656 frequencies with a deviation of 0.025 each: six of those are a chance of 1 in 70,000.
  assert.ok(worst < 0.15, `off by ${worst}, seed ${SEED}`);
});

test('numbered ids fill tables, slots and buckets evenly and share no hash', () => {
  const hash = new KeyHash(PUBLISHED_SEED);
  const total = 1 << 17;
  const counts = { tables: new Int32Array(256), slots: new Int32Array(256), buckets: new Int32Array(256) };
  const seen = new Set<number>();
  let ones = 0;
  for (let number = 0; number < total; number++) {
    hash.ofText(`user-${number}`);
    const { high, low } = hash;
    for (const [counted, at] of [
      [counts.tables, high >>> 24],
      [counts.slots, low >>> 24],
      [counts.buckets, low & 255],
    ] as const)
      counted[at] = (counted[at] as number) + 1;
    seen.add((high >>> 12) * 2 ** 32 + (low >>> 0));
    ones += bitsOf(high) + bitsOf(low);
  }
  assert.is(seen.size, total);
  assert.ok(Math.abs(ones / total - 32) < 0.1, `${ones / total} ones`);
  for (const [name, counted] of Object.entries(counts)) {
    const expected = total / counted.length;
    const chiSquared = counted.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
    // 255 degrees of freedom: 255 ± 22.6.
    assert.ok(chiSquared < 400, `${name}: ${chiSquared}`);
  }
});
