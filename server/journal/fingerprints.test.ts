import { assert, suite } from '../../protocol/testing/kit.ts';
import { type Chance, chanceOf } from '../../protocol/testing/random.ts';
import { ABSENT, Fingerprints } from './fingerprints.ts';

const test = suite('journal fingerprints');
const SEED = 20_261_123;
const UINT32_MAX = 2 ** 32 - 1;
const EDGES = [0, 1, 2 ** 31 - 1, 2 ** 31, UINT32_MAX];

type Hash = { high: number; low: number };

function positionsOf(fingerprints: Fingerprints, { high, low }: Hash): number[] {
  const positions: number[] = [];
  for (let at = fingerprints.find(high, low); at !== ABSENT; at = fingerprints.next()) positions.push(at);
  return positions.sort((a, b) => a - b);
}

function hashOf(chance: Chance): Hash {
  return { high: chance.integer(2 ** 32) | 0, low: chance.integer(2 ** 32) | 0 };
}

/** What a Fingerprints is for whoever cannot see its slots: eight bits of `high`, `low`, and positions in any order. */
class Model {
  readonly #positions = new Map<string, number[]>();

  at({ high, low }: Hash): number[] {
    const key = `${high >>> 24}/${low >>> 0 || 1}`;
    const positions = this.#positions.get(key) ?? [];
    this.#positions.set(key, positions);
    return positions;
  }

  remove(hash: Hash, position: number): boolean {
    const positions = this.at(hash);
    const index = positions.indexOf(position);
    if (index !== -1) positions.splice(index, 1);
    return index !== -1;
  }
}

/** Adds, removes and looks up hashes that `draw` gives, and compares after each step. */
function compare(chance: Chance, steps: number, draw: () => Hash): void {
  const fingerprints = new Fingerprints();
  const model = new Model();
  let count = 0;
  for (let step = 0; step < steps; step++) {
    const hash = draw();
    const position = chance.integer(6) === 0 ? chance.pick(EDGES) : chance.integer(8);
    if (chance.integer(step < steps / 2 ? 4 : 2) > 0) {
      fingerprints.add(hash.high, hash.low, position);
      model.at(hash).push(position);
      count++;
    } else {
      const isRemoved = model.remove(hash, position);
      if (isRemoved) count--;
      assert.is(fingerprints.remove(hash.high, hash.low, position), isRemoved, `step ${step}, seed ${chance.seed}`);
    }
    const asked = draw();
    const expected = model.at(asked).toSorted((a, b) => a - b);
    assert.equal(positionsOf(fingerprints, asked), expected, `step ${step}, seed ${chance.seed}`);
    assert.is(fingerprints.count, count);
  }
}

test('nothing is found in an empty one, which holds no memory', () => {
  const fingerprints = new Fingerprints();
  for (const edge of EDGES) assert.is(fingerprints.find(edge, edge), ABSENT);
  assert.is(fingerprints.next(), ABSENT);
  assert.is(fingerprints.remove(1, 2, 3), false);
  assert.equal([fingerprints.count, fingerprints.bytes], [0, 0]);
});

test('hashes and positions at the edges of 32 bits come back, signed or not', () => {
  const fingerprints = new Fingerprints();
  for (const high of EDGES)
    for (const low of EDGES) for (const position of EDGES) fingerprints.add(high, low | 0, position);
  // 0 and 1 share a table and a tag, and so do both halves of the top: their entries are found together.
  assert.equal(positionsOf(fingerprints, { high: UINT32_MAX, low: UINT32_MAX }), EDGES);
  assert.equal(positionsOf(fingerprints, { high: -1, low: -1 }), EDGES);
  assert.is(positionsOf(fingerprints, { high: 0, low: 0 }).length, 4 * EDGES.length);
  assert.is(fingerprints.remove(-1, -1, -1), true);
  assert.equal(positionsOf(fingerprints, { high: -1, low: -1 }), EDGES.slice(0, -1));
});

test('it is exact while it grows and shrinks, against a map', () => {
  const chance = chanceOf(SEED);
  const hashes = Array.from({ length: 6_000 }, () => hashOf(chance));
  compare(chance, 40_000, () => chance.pick(hashes));
});

test('it is exact when all meet in one table at the last slots and the walk wraps', () => {
  const chance = chanceOf(SEED + 1);
  compare(chance, 8_000, () => ({ high: 7, low: -1 - chance.integer(60) }));
});

test('it is exact when few hashes are shared by many', () => {
  const chance = chanceOf(SEED + 2);
  compare(chance, 3_000, () => ({ high: chance.integer(2) << 24, low: chance.pick([0, 1, 2 ** 31, 5, 6]) }));
});

test('any change ends a walk', () => {
  const fingerprints = new Fingerprints();
  for (const position of [1, 2, 3]) fingerprints.add(9, 9, position);
  const changes = [
    () => fingerprints.add(9, 9, 4),
    () => assert.ok(fingerprints.remove(9, 9, 4)),
    () => assert.is(fingerprints.find(8, 8), ABSENT),
    () => fingerprints.clear(),
  ];
  for (const change of changes) {
    assert.is.not(fingerprints.find(9, 9), ABSENT);
    change();
    assert.is(fingerprints.next(), ABSENT);
  }
});

test('entries that come and go take no more memory', () => {
  const fingerprints = new Fingerprints();
  for (let entry = 0; entry < 35; entry++) fingerprints.add(1, entry << 26, entry);
  const { bytes } = fingerprints;
  for (let entry = 0; entry < 1_000; entry++) {
    fingerprints.add(1, entry, entry);
    assert.ok(fingerprints.remove(1, entry, entry));
  }
  assert.is(fingerprints.bytes, bytes);
});

test('clear forgets all and gives the memory back', () => {
  const chance = chanceOf(SEED);
  const fingerprints = new Fingerprints();
  const hashes = Array.from({ length: 5_000 }, () => hashOf(chance));
  for (const { high, low } of hashes) fingerprints.add(high, low, 1);
  fingerprints.clear();
  assert.equal([fingerprints.count, fingerprints.bytes], [0, 0]);
  assert.ok(hashes.every(({ high, low }) => fingerprints.find(high, low) === ABSENT));
  fingerprints.add(1, 2, 3);
  assert.equal(positionsOf(fingerprints, { high: 1, low: 2 }), [3]);
});

test('a million entries take at most 14 bytes each at any time, and all are found', () => {
  const million = 1_000_000;
  const chance = chanceOf(SEED);
  const halves = new Uint32Array(chance.bytes(4 * 8_192).buffer);
  // Sums of drawn halves: a million draws would take longer than what is tested.
  const highOf = (entry: number) => (halves[entry & 4_095] as number) + Math.imul(entry, 0x9e3779b1);
  const lowOf = (entry: number) => (halves[4_096 + (entry & 4_095)] as number) ^ Math.imul(entry, 0x85ebca6b);
  const fingerprints = new Fingerprints();
  let bytesWorst = 0;
  for (let entry = 0; entry < million; entry++) {
    fingerprints.add(highOf(entry), lowOf(entry), entry);
    if (entry > 300_000) bytesWorst = Math.max(bytesWorst, fingerprints.bytes / fingerprints.count);
  }
  assert.ok(bytesWorst < 14, `${bytesWorst} bytes, seed ${SEED}`);
  let others = 0;
  for (let entry = 0; entry < million; entry++) {
    let at = fingerprints.find(highOf(entry), lowOf(entry));
    for (; at !== entry && at !== ABSENT; at = fingerprints.next()) others++;
    if (at !== entry) throw new Error(`entry ${entry} is not found, seed ${SEED}`);
  }
  assert.ok(others < 20, `${others} hits of others`);
});
