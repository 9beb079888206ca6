import { LIMITS } from './limits.ts';
import { BodyRefused, scanBody } from './scan.ts';
import { ACCEPTED } from './testing/accepted.ts';
import { assert, suite } from './testing/kit.ts';
import { REFUSED } from './testing/refused.ts';
import { bytesOfHex } from './testing/vectors.ts';

const test = suite('scan');

/** The rule a body broke, or null when it is legal. */
function ruleOf(body: Uint8Array): string | null {
  try {
    scanBody(body);
    return null;
  } catch (error) {
    if (error instanceof BodyRefused) return error.rule;
    throw error;
  }
}
const rule = (hex: string) => ruleOf(bytesOfHex(hex));

for (const { name, hex } of ACCEPTED) test(`accepts ${name}`, () => assert.is(rule(hex), null));
for (const { name, hex, rule: broken } of REFUSED['refused-bodies']) {
  test(`refuses ${name}`, () => assert.is(rule(hex), broken));
}

test('every proper prefix of a legal body is refused', () => {
  for (const { hex } of ACCEPTED) {
    const body = bytesOfHex(hex);
    for (let end = 0; end < body.length; end++) assert.is(ruleOf(body.subarray(0, end)), 'whole values');
  }
});

test('every extension head is refused', () => {
  for (const head of [0xc7, 0xc8, 0xc9, 0xd4, 0xd5, 0xd6, 0xd7, 0xd8]) {
    assert.is(ruleOf(Uint8Array.of(0x91, head, ...new Uint8Array(20))), 'no extension types');
  }
});

test('values are counted with keys and containers', () => {
  const nils = (count: number) =>
    Uint8Array.from([0xdd, 0, count >> 16, count >> 8, count, ...Array(count).fill(0xc0)]);
  assert.is(ruleOf(nils(LIMITS.bodyValuesMax - 1)), null);
  assert.is(ruleOf(nils(LIMITS.bodyValuesMax)), 'at most 65536 values');
  const pairs = 0xffff;
  assert.is(ruleOf(Uint8Array.from([0xde, 0xff, 0xff, ...Array(pairs * 2).fill(0xa0)])), 'at most 65536 values');
  const lists = Uint8Array.from([0xdd, 0, 0, 0xff, 0xff, ...Array(65_535).fill([0x91, 0x90]).flat()]);
  assert.is(ruleOf(lists), 'at most 65536 values');
});

test('maps and arrays share the depth', () => {
  assert.is(rule(`${'9181a161'.repeat(4)}c0`), null);
  assert.is(rule(`${'9181a161'.repeat(4)}90`), 'at most 8 levels');
});

test('counts that multiply are refused in no time', () => {
  const startedAt = performance.now();
  for (const head of ['dd', 'df']) assert.is(rule(`${head}ffffffff`.repeat(7)), 'whole values');
  assert.ok(performance.now() - startedAt < 1_000);
});

test('a key with a byte order mark in the middle differs from one without', () => {
  assert.is(rule('8 2 a4 61 ef bb bf 01 a1 61 02'.replaceAll(' ', '')), null);
});

test('a refused body does not spoil the next', () => {
  assert.is(rule('91'), 'whole values');
  assert.is(rule('9101'), null);
});
