import { decodeBody, encodeFrame, type Value, wide, widen } from './codec.ts';
import { KIND, LENGTH_BYTES, PREFIX_BYTES } from './frame.ts';
import { BodyRefused } from './scan.ts';
import { ACCEPTED } from './testing/accepted.ts';
import { assert, suite } from './testing/kit.ts';
import { bytesOfHex, hexOf, toJson } from './testing/vectors.ts';

const test = suite('codec');

const bodyOf = (...values: Value[]) => encodeFrame(KIND.request, 1, 1, values).subarray(PREFIX_BYTES);
const roundTrip = (...values: Value[]) => decodeBody(bodyOf(...values));

const INTEGERS = [0, 1, -1, -32, -33, 127, 128, 255, 256, 65_535, 65_536, -32_768, -32_769];
for (const power of [31, 32, 33, 40, 52, 53]) {
  const edge = 2 ** power;
  INTEGERS.push(...[edge - 1, 1 - edge, ...(power < 53 ? [edge, -edge, edge + 1, -edge - 1] : [])]);
}

test('no integer leaves as a float', () => {
  for (const integer of INTEGERS) {
    const body = bodyOf(wide(integer));
    assert.not.ok([0xca, 0xcb].includes(body[1] as number), `${integer} left as a float`);
    assert.equal(decodeBody(body), [integer]);
  }
});

test('integers inside lists and maps are widened', () => {
  const value = { list: [INTEGERS, { deep: 2 ** 40 }], bytes: Uint8Array.of(1), text: 'x', none: null, yes: true };
  assert.equal(toJson(roundTrip(widen(value))), toJson([value]));
});

test('bytes stay bytes when a value is widened', () => {
  const [bytes] = roundTrip(widen(Uint8Array.of(1, 2))) as [Uint8Array];
  assert.ok(bytes instanceof Uint8Array);
  assert.is(hexOf(bytes), '0102');
});

test('undefined leaves as nil and objects with the shortest map header', () => {
  assert.is(hexOf(bodyOf(undefined as unknown as Value, { a: 1 })), '92c081a16101');
});

test('all of the prefix is written over what the room held before', () => {
  for (let i = 0; i < 2_000; i++) {
    const frame = encodeFrame(KIND.reply, 16, 0x01020304, ['x'.repeat(i % 50), new Uint8Array(i % 90).fill(0xee)]);
    const length = (frame.length - LENGTH_BYTES).toString(16).padStart(8, '0');
    assert.is(hexOf(frame.subarray(0, PREFIX_BYTES)), `${length}0102100001020304`);
  }
});

test('frames made later leave earlier ones alone', () => {
  const frames = Array.from({ length: 3_000 }, (_, i) => encodeFrame(KIND.request, 16, i, [i, 'u'.repeat(i % 40)]));
  for (const [i, frame] of frames.entries()) {
    assert.equal(decodeBody(frame.subarray(PREFIX_BYTES)), [i, 'u'.repeat(i % 40)]);
  }
});

for (const { name, hex, body } of ACCEPTED) {
  test(`reads ${name}`, () => assert.equal(toJson(decodeBody(bytesOfHex(hex))), body));
}

test('text of every length arrives as it was sent', () => {
  for (const letter of ['a', 'é', '☀', '🎁', '\0']) {
    for (const length of [0, 1, 15, 16, 31, 32, 64, 65, 130, 255, 256, 1_000]) {
      const sent = letter.repeat(length);
      assert.equal(roundTrip(sent, 'next', { [sent.slice(0, 40)]: sent }), [
        sent,
        'next',
        { [sent.slice(0, 40)]: sent },
      ]);
    }
  }
});

test('what msgpackr would make of its extensions is never asked', () => {
  for (const hex of ['91d4724091a161', '91c7067801a3612f67', '91d6ff00000000', '91d40000']) {
    assert.throws(
      () => decodeBody(bytesOfHex(hex)),
      (error: unknown) => error instanceof BodyRefused,
    );
  }
});
