import { assert, suite } from '../../protocol/testing/kit.ts';
import { chanceOf } from '../../protocol/testing/random.ts';
import { KeyHash } from '../lib/hash.ts';
import { RequestFilter } from './request-filter.ts';

const test = suite('journal request filter');
const SEED = 20_261_124;
const TAGS = 65_536;

test('an empty one says no and holds no memory', () => {
  const filter = new RequestFilter();
  assert.not(filter.has(0, 0));
  assert.not(filter.has(-1, -1));
  assert.equal([filter.count, filter.bytes], [0, 0]);
});

test('it holds exactly the tags of each bucket while runs lengthen and move, against sets', () => {
  const chance = chanceOf(SEED);
  const filter = new RequestFilter();
  const buckets = Array.from({ length: 3_000 }, () => ({ high: chance.integer(2 ** 32) | 0, tags: new Set<number>() }));
  for (let step = 0; step < 150_000; step++) {
    const { high, tags } = chance.pick(step % 3 === 0 ? buckets.slice(0, 40) : buckets);
    // Tag 0 is left out: the unused half of a last word reads as one.
    const tag = 1 + chance.integer(TAGS - 1);
    const isThere = filter.has(high, tag);
    if (isThere !== tags.has(tag)) throw new Error(`step ${step}: ${isThere}, seed ${SEED}`);
    if (!isThere) filter.add(high, tag | (chance.integer(TAGS) << 16));
    tags.add(tag);
  }
  for (const { high, tags } of buckets)
    for (const tag of tags) if (!filter.has(high, tag)) throw new Error(`tag ${tag} is lost, seed ${SEED}`);
});

test('the places of runs that have moved on are used again', () => {
  const filter = new RequestFilter();
  const buckets = 4_096;
  filter.add(0, 1);
  const { bytes } = filter;
  for (let tag = 1; tag <= 58; tag++) for (let bucket = 1; bucket <= buckets; bucket++) filter.add(bucket << 13, tag);
  const held = (filter.bytes - bytes) / (58 * buckets);
  // 2.2 for the runs, 1.9 for what each shorter length keeps in hand; all places ever used would be 9.9.
  assert.ok(held < 4.5, `${held} bytes a tag`);
});

test('a bucket that is full says yes to all and takes no more memory', () => {
  const filter = new RequestFilter();
  const added = 8_191;
  for (let tag = 1; tag <= added; tag++) filter.add(-1, tag);
  const { bytes } = filter;
  assert.ok(filter.has(-1, 65_000));
  for (let tag = 1; tag <= added; tag++) filter.add(-1, tag);
  assert.ok(filter.has(-1, 1) && filter.has(-1, added));
  assert.is(filter.bytes, bytes);
  assert.not(filter.has(1, 1));
});

test('of a million requests none is forgotten, and 0.004 % of others are mistaken for one', () => {
  const hash = new KeyHash({ high: SEED, low: ~SEED });
  const filter = new RequestFilter();
  const million = 1_000_000;
  const id = Buffer.from('request-00000000');
  const hashRequest = (number: number) => {
    id.writeInt32LE(number, 8);
    hash.ofBytes(id, 0, id.length);
  };
  for (let number = 0; number < million; number++) {
    hashRequest(number);
    filter.add(hash.high, hash.low);
  }
  assert.is(filter.count, million);
  assert.ok(filter.bytes < 10_000_000, `${filter.bytes} bytes`);
  let mistaken = 0;
  for (let number = 0; number < 2 * million; number++) {
    hashRequest(number);
    const isThere = filter.has(hash.high, hash.low);
    if (number >= million) mistaken += Number(isThere);
    else if (!isThere) throw new Error(`request ${number} is forgotten`);
  }
  assert.ok(mistaken < 100, `${mistaken} of a million are mistaken, seed ${SEED}`);
});
