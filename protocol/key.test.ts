import { claimKeyOf, eventKeyShape, lockKeyOf, requestIdShape, requestKeyOf, userIdShape } from './key.ts';
import { faultsOf, type Shape } from './shape.ts';
import { assert, suite } from './testing/kit.ts';

const test = suite('key');
const takes = (shape: Shape<unknown>, value: unknown) => faultsOf(shape, value).length === 0;

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._:-';

test('event keys and user ids hold exactly the alphabet', () => {
  for (let code = 0; code < 0x250; code++) {
    const letter = String.fromCharCode(code);
    assert.is(takes(eventKeyShape, letter), ALPHABET.includes(letter), `event key ${code}`);
    assert.is(takes(userIdShape, letter), ALPHABET.includes(letter), `user id ${code}`);
  }
});

test('request ids hold exactly the visible ASCII characters', () => {
  for (let code = 0; code < 0x250; code++) {
    assert.is(takes(requestIdShape, String.fromCharCode(code)), code > 0x20 && code < 0x7f, `request id ${code}`);
  }
});

test('lengths end where the limits say', () => {
  const table: [Shape<unknown>, number][] = [
    [eventKeyShape, 64],
    [userIdShape, 128],
    [requestIdShape, 128],
  ];
  for (const [shape, lengthMax] of table) {
    assert.ok(takes(shape, 'x'.repeat(lengthMax)));
    assert.not.ok(takes(shape, 'x'.repeat(lengthMax + 1)));
    assert.not.ok(takes(shape, ''));
    assert.not.ok(takes(shape, 'x\n'));
  }
});

test('nothing is normalised: look-alikes are refused', () => {
  for (const key of ['ｗelcome', 'wеlcome', 'welcome ', 'wel/come', 'we%6ccome', 'Å', '']) {
    assert.not.ok(takes(eventKeyShape, key), key);
  }
});

test('keys are the parts joined by a character that no part holds', () => {
  assert.not.ok(ALPHABET.includes('/'));
  assert.is(claimKeyOf('welcome', '-', 'u1'), 'welcome/-/u1');
  assert.is(lockKeyOf('welcome', 'u1'), 'welcome/u1');
  assert.is(requestKeyOf('u1', 'a/b'), 'u1/a/b');
});
