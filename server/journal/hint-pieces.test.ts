/** Memory into pieces while it goes on changing, and back: nothing that was known is missing. */
import { assert, suite } from '../../protocol/testing/kit.ts';
import { chanceOf } from '../../protocol/testing/random.ts';
import { ABSENT, Fingerprints } from './fingerprints.ts';
import { FORMAT, type HintHead, headIn, piecesOf, restorePiece } from './hint-pieces.ts';
import { RequestFilter } from './request-filter.ts';
import { LAP_BYTES } from './tail.ts';
import { IN_STORE } from './windows.ts';

const test = suite('hint pieces');

type Claim = { high: number; low: number; position: number };

function headOf(at: Partial<HintHead>): HintHead {
  const last = { at: 0, crc: 0 };
  return { format: FORMAT, last, until: 0, mark: 0, directCommits: 0, boots: [], windows: [], series: [], ...at };
}

function positionsOf(index: Fingerprints, { high, low }: Claim): number[] {
  const positions: number[] = [];
  for (let found = index.find(high, low); found !== ABSENT; found = index.next()) positions.push(found);
  return positions;
}

/** A buffer of its own, as it is read. */
function read(piece: Uint8Array): Buffer {
  const bytes = Buffer.allocUnsafeSlow(piece.length);
  bytes.set(piece);
  return bytes;
}

/** Positions are offsets here. `lap` is added to all that the hint says of the log. */
function restored(lap: number, seed: number) {
  const chance = chanceOf(seed);
  const [index, filter] = [new Fingerprints(), new RequestFilter()];
  let position = 8;
  const add = (): Claim => {
    const claim = { high: chance.integer(2 ** 32), low: chance.integer(2 ** 32), position: position++ };
    index.add(claim.high, claim.low, claim.position);
    filter.add(claim.high, claim.low);
    return claim;
  };
  const known = Array.from({ length: 20_000 }, add);
  const [mark, until] = [7_000, position];
  const head = headOf({ mark: lap + mark, until: lap + until });
  const pieces: Buffer[] = [];
  const later: Claim[] = [];
  for (const piece of piecesOf({ head, indexes: [index], filter, tail: { offsetOf: (at) => lap + at } })) {
    pieces.push(read(piece));
    // Between two pieces memory goes on.
    for (let i = 0; i < 6_000; i++) later.push(add());
  }
  const [first, ...rest] = pieces as [Buffer, ...Buffer[]];
  assert.equal(headIn(first), head);
  const [indexAgain, filterAgain] = [new Fingerprints(), new RequestFilter()];
  for (const piece of rest) restorePiece(piece, [indexAgain], filterAgain);
  return { known, later, mark, pieces, index: indexAgain, filter: filterAgain };
}

test('every claim and every request is known again, and where those lie that are not in the store', () => {
  const { known, mark, index, filter } = restored(0, 11);
  for (const claim of known) {
    const expected = claim.position < mark ? IN_STORE : claim.position;
    assert.ok(positionsOf(index, claim).includes(expected), `${claim.position}`);
    assert.ok(filter.has(claim.high, claim.low));
  }
});

test('what came while it was copied is not there, for it may not be durable', () => {
  const { known, index, later } = restored(0, 12);
  assert.ok(later.length > 20_000);
  assert.is(index.count, known.length);
});

test('in a log that has come round it is there without its place, since it may be an old claim', () => {
  const { known, later, index } = restored(LAP_BYTES, 13);
  assert.ok(index.count > known.length);
  for (const claim of later) assert.ok(positionsOf(index, claim).every((position) => position === IN_STORE));
});

test('a full bucket, an empty index and windows that are not wanted', () => {
  const filter = new RequestFilter();
  for (let i = 0; i < 10_000; i++) filter.add(0, i);
  const index = new Fingerprints();
  index.add(1, 2, 3);
  const tail = { offsetOf: (at: number) => at };
  const memory = { head: headOf({ until: 9 }), indexes: [new Fingerprints(), index], filter, tail };
  const pieces = Array.from(piecesOf(memory), read);
  const again = new RequestFilter();
  const indexes = [new Fingerprints(), null];
  for (const piece of pieces.slice(1)) restorePiece(piece, indexes, again);
  assert.is(indexes[0]?.count, 0);
  for (const low of [0, 9_999, 60_000]) assert.ok(again.has(0, low));
});

test('a piece of another kind, a head of another format', () => {
  const [head] = piecesOf({
    head: headOf({ format: 99 as 1 }),
    indexes: [],
    filter: new RequestFilter(),
    tail: { offsetOf: Number },
  });
  assert.is(headIn(read(head as Uint8Array)), null);
  assert.is(headIn(read(Uint8Array.of(7, 0, 0, 0))), null);
  assert.throws(() => restorePiece(read(Uint8Array.of(7, 0, 0, 0)), [], new RequestFilter()));
});
