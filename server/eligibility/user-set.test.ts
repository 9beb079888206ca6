/** That the set holds exactly what was put into it, whatever is added and removed, in memory that stays in proportion. */
import { assert, suite } from '../../protocol/testing/kit.ts';
import { chanceOf } from '../../protocol/testing/random.ts';
import { KeyHash } from '../lib/hash.ts';
import { UserSet } from './user-set.ts';

const test = suite('user set');
const SEED = { high: 1, low: 2 };

function bytesOf(userId: string): [Uint8Array, number, number] {
  const bytes = Buffer.from(`[${userId}]`, 'latin1');
  return [bytes, 1, bytes.length - 1];
}

test('it holds what was added and not removed, at random', () => {
  const chance = chanceOf(7);
  const set = new UserSet(new KeyHash(SEED));
  const expected = new Set<string>();
  // Short and longest ids, so that pages end with all kinds of gaps.
  const idOf = (n: number) => `u${n}`.padEnd(n % 97 === 0 ? 128 : 2, '.');
  for (let i = 0; i < 60_000; i++) {
    const id = idOf(chance.integer(20_000));
    if (chance.integer(5) < (i < 30_000 ? 3 : 1)) assert.is(set.add(...bytesOf(id)), !expected.has(id), id);
    else assert.is(set.delete(...bytesOf(id)), expected.has(id), id);
    if (set.has(...bytesOf(id))) expected.add(id);
    else expected.delete(id);
  }
  assert.ok(expected.size > 1_000);
  assert.is(set.count, expected.size);
  for (let n = 0; n < 20_000; n++) assert.is(set.has(...bytesOf(idOf(n))), expected.has(idOf(n)), idOf(n));
});

/** Every id has the same hash: only the bytes tell them apart. */
class OneHash extends KeyHash {
  override ofBytes(): void {
    this.high = 5;
    this.low = 6;
  }
}

test('two users with one hash are two users', () => {
  const set = new UserSet(new OneHash(SEED));
  for (let n = 0; n < 50; n++) set.add(...bytesOf(`user${n}`));
  for (let n = 0; n < 50; n += 2) assert.ok(set.delete(...bytesOf(`user${n}`)));
  for (let n = 0; n < 100; n++) assert.is(set.has(...bytesOf(`user${n}`)), n < 50 && n % 2 === 1, `user${n}`);
  assert.not(set.has(...bytesOf('user')), 'the beginning of an id is none');
});

test('a user takes about as much memory as said, and a list that changes all the time does not grow', () => {
  const set = new UserSet(new KeyHash(SEED));
  for (let n = 0; n < 100_000; n++) set.add(...bytesOf(`user${String(n).padStart(7, '0')}`));
  const { bytes } = set;
  assert.ok(bytes / 100_000 < 40, `${bytes / 100_000} bytes a user`);
  for (let n = 0; n < 300_000; n++) {
    set.delete(...bytesOf(`user${String(n).padStart(7, '0')}`));
    set.add(...bytesOf(`user${String(n + 100_000).padStart(7, '0')}`));
  }
  assert.is(set.count, 100_000);
  assert.ok(set.bytes < 2 * bytes, `${set.bytes} bytes of ${bytes}`);
});
