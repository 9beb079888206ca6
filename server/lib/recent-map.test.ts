import { assert, suite } from '../../protocol/testing/kit.ts';
import { chanceOf } from '../../protocol/testing/random.ts';
import { RecentMap } from './recent-map.ts';

const test = suite('recent map');

test('keeps at least the half of its bound that was used last', () => {
  const map = new RecentMap<number, string>(10);
  for (let i = 0; i < 100; i++) {
    map.set(i, `value ${i}`);
    for (let back = 0; back < Math.min(5, i + 1); back++) {
      if (map.get(i - back) !== `value ${i - back}`) throw new Error(`${i - back} is gone after ${i}`);
    }
  }
  assert.is(map.get(0), undefined);
});

test('an entry that is asked for outlives those that are not', () => {
  const map = new RecentMap<number, number>(8);
  map.set(-1, 1);
  for (let i = 0; i < 50; i++) {
    map.set(i, i);
    assert.is(map.get(-1), 1);
  }
});

test('a later value replaces an older one that sits in the old generation', () => {
  const map = new RecentMap<string, number>(4);
  map.set('a', 1);
  map.set('b', 1);
  map.set('c', 1);
  map.set('a', 2);
  assert.is(map.get('a'), 2);
  map.delete('a');
  map.delete('b');
  assert.is(map.get('a'), undefined);
  assert.is(map.get('b'), undefined);
});

test('a bound of 0 remembers nothing', () => {
  const map = new RecentMap<string, number>(0);
  map.set('a', 1);
  assert.is(map.get('a'), undefined);
  assert.is(map.size, 0);
});

test('never answers with a stale value and never holds more than its bound', () => {
  const chance = chanceOf(7);
  const truth = new Map<number, number>();
  const map = new RecentMap<number, number>(33);
  for (let i = 0; i < 20_000; i++) {
    const key = chance.integer(60);
    const deed = chance.integer(3);
    if (deed === 0) {
      map.set(key, i);
      truth.set(key, i);
    } else if (deed === 1) {
      map.delete(key);
      truth.delete(key);
    } else {
      const found = map.get(key);
      assert.ok(found === undefined || found === truth.get(key), `seed ${chance.seed}, step ${i}`);
    }
    assert.ok(map.size <= 33);
  }
  map.clear();
  assert.is(map.size, 0);
});
