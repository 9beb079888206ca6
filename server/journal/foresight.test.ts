import { assert, suite } from '../../protocol/testing/kit.ts';
import { KeyHash } from '../lib/hash.ts';
import { textBytes, writeText } from '../store/block/claim-text.ts';
import { Ask } from './ask.ts';
import { Fingerprints } from './fingerprints.ts';
import { FORESEEN_MAX, Foresight } from './foresight.ts';
import { RequestFilter } from './request-filter.ts';

const test = suite('foresight');
const SEED = { high: 0x1234_5678, low: 0x0bad_cafe };

type Place = { userAt: number; userEnd: number; requestEnd: number };

function bench(claims: readonly (readonly [userId: string, requestId: string | null])[]) {
  const texts = claims.flat().filter((text) => text !== null);
  const bytes = Buffer.alloc(texts.reduce((sum, text) => sum + textBytes(text.length), 0));
  let at = 0;
  const places = claims.map(([userId, requestId]): Place => {
    const userAt = at;
    const userEnd = writeText(bytes, userAt, userId);
    at = requestId === null ? userEnd : writeText(bytes, userEnd, requestId);
    return { userAt, userEnd, requestEnd: at };
  });
  const foresight = new Foresight(new KeyHash(SEED), new RequestFilter());
  foresight.know(0, new Fingerprints());
  foresight.begin(bytes);
  for (const { userAt, userEnd, requestEnd } of places) foresight.add(0, userAt, userEnd, requestEnd);
  foresight.touch();
  return { bytes, places, foresight };
}

function askFor(bytes: Uint8Array, { userAt, userEnd, requestEnd }: Place): Ask {
  const ask = new Ask();
  return Object.assign(ask, { bytes, userAt, userEnd, requestBytes: bytes, requestAt: userEnd, requestEnd });
}

function hashesOf(userId: string, requestId: string): number[] {
  const hash = new KeyHash(SEED);
  hash.ofText(userId);
  const user = [hash.high, hash.low];
  hash.thenText(requestId);
  return [...user, hash.high, hash.low];
}

const known = ({ userHigh, userLow, pairHigh, pairLow }: Foresight) => [userHigh, userLow, pairHigh, pairLow];

test('who was foreseen has the hashes of their ids, also when others in between are not asked for', () => {
  const claims = Array.from({ length: 40 }, (_, i) => [`u${i}`, i % 3 === 0 ? `${i}`.repeat(30) : `r${i}`] as const);
  const { bytes, places, foresight } = bench(claims);
  claims.forEach(([userId, requestId], i) => {
    if (i % 4 === 1) return;
    assert.ok(foresight.take(askFor(bytes, places[i] as Place)));
    assert.ok(foresight.hasPair);
    assert.equal(known(foresight), hashesOf(userId, requestId));
  });
  assert.not(foresight.take(askFor(bytes, places[0] as Place)), 'passed already');
});

test('other bytes, or others of these bytes, are nobody that was foreseen', () => {
  const claims = [['ann', 'r1'] as const];
  const { bytes, places, foresight } = bench(claims);
  const [place = { userAt: 0, userEnd: 0, requestEnd: 0 }] = places;
  assert.not(foresight.take(askFor(Buffer.from(bytes), place)), 'the same content elsewhere');
  assert.not(foresight.take(askFor(bytes, { ...place, userEnd: place.userEnd - 1 })));
  assert.ok(foresight.take(askFor(bytes, { ...place, requestEnd: place.requestEnd - 1 })));
  assert.not(foresight.hasPair, 'of another request id');
  const ask = askFor(bytes, place);
  ask.requestBytes = Buffer.from(bytes);
  assert.ok(foresight.take(ask));
  assert.not(foresight.hasPair, 'of an id that the server made');
  foresight.begin(bytes);
  assert.not(foresight.take(askFor(bytes, place)), 'forgotten');
});

test('users alone, as in a batch, and no more than fit', () => {
  const { bytes, places, foresight } = bench([
    ['ann', null],
    ['bob', null],
  ]);
  assert.ok(foresight.take(askFor(bytes, places[1] as Place)));
  assert.not(foresight.hasPair);
  assert.equal(known(foresight).slice(0, 2), hashesOf('bob', '').slice(0, 2));
  foresight.begin(bytes);
  const { userAt, userEnd } = places[0] as Place;
  for (let i = 1; i < FORESEEN_MAX; i++) assert.ok(foresight.add(0, userAt, userEnd, userEnd));
  assert.not(foresight.add(0, userAt, userEnd, userEnd));
  foresight.touch();
});
