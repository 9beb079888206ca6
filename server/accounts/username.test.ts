import { assert, suite } from '../../protocol/testing/kit.ts';
import { usernameKeyOf } from './username.ts';

const test = suite('username');

test('names that people take for one are one', () => {
  const same = [
    ['Mira', 'mira', 'MIRA', 'ｍｉｒａ'],
    ['straße', 'STRASSE', 'Strasse'],
    ['Ångström', 'A\u030angstro\u0308m'],
    ['ΣΊΣΥΦΟΣ', 'σίσυφος', 'σίσυφοσ'],
    ['İstanbul', 'i\u0307stanbul'],
  ];
  for (const names of same) {
    const keys = new Set(names.map(usernameKeyOf));
    assert.is(keys.size, 1, names.join(' '));
    assert.not(keys.has(null), names.join(' '));
  }
});

test('a key is its own key', () => {
  for (const name of ['Mira', 'straße', 'ﬀ', 'Ⅷ', 'ΐ', 'ŉ', 'İ', 'ᾳ', '한국어', '玩家1']) {
    const key = usernameKeyOf(name);
    assert.ok(key !== null, name);
    assert.is(usernameKeyOf(key), key, name);
  }
});

test('what cannot be seen, cut or typed is no name', () => {
  for (const name of ['', ' ', 'a b', 'a:b', 'a/b', 'a\u200bb', 'a\u202eb', 'a\nb', '.a', '\u0301a', 'x'.repeat(65)]) {
    assert.is(usernameKeyOf(name), null, JSON.stringify(name));
  }
  assert.is(usernameKeyOf('a.b_c@d+e-f'), 'a.b_c@d+e-f');
});
