import { encodeFrame, type Value } from '../../protocol/codec.ts';
import { FrameReader, KIND, ProtocolViolation } from '../../protocol/frame.ts';
import { OPS } from '../../protocol/ops.ts';
import { assert, suite } from '../../protocol/testing/kit.ts';
import { type Chance, chanceOf } from '../../protocol/testing/random.ts';
import { Ask } from '../journal/ask.ts';
import { Fingerprints } from '../journal/fingerprints.ts';
import { Foresight } from '../journal/foresight.ts';
import { RequestFilter } from '../journal/request-filter.ts';
import { KeyHash } from '../lib/hash.ts';
import { textStart } from '../store/block/claim-text.ts';
import { ClaimBody } from './claim-body.ts';
import { foreseeClaims } from './claim-glance.ts';

const test = suite('claim glance');
const SEED = { high: 7, low: 11 };

function frameOf(chance: Chance, number: number): Uint8Array {
  const text = (length: number) => 'abcdefgh'.repeat(17).slice(0, 1 + chance.integer(length));
  const claim: Value[] = [null, text(64), text(128), chance.integer(5) === 0 ? null : text(128), null];
  if (chance.integer(6) === 0) return encodeFrame(KIND.request, OPS.PING.op, number, []);
  if (chance.integer(9) === 0) claim[0] = ['ann', text(20), ['USER'], 1, 'edge'];
  return encodeFrame(KIND.request, OPS.CLAIM.op, number, claim);
}

/** The claims of a chunk as they are read in turn: how many there were, and how many of those were foreseen rightly. */
function readAfterGlance(chunk: Uint8Array): { claims: number; foreseen: number } {
  const hash = new KeyHash(SEED);
  const foresight = new Foresight(hash, new RequestFilter());
  foresight.know(0, new Fingerprints());
  foreseeClaims(chunk, foresight);
  const reader = new FrameReader(65_536);
  const body = new ClaimBody();
  const ask = new Ask();
  const seen = { claims: 0, foreseen: 0 };
  reader.push(chunk);
  try {
    while (reader.read()) {
      if (reader.op !== OPS.CLAIM.op || !body.read(reader.bytes, reader.bodyAt, reader.bodyEnd)) continue;
      seen.claims++;
      const { bytes, userAt, userEnd, requestAt, requestEnd, hasRequestId } = body;
      Object.assign(ask, { bytes, userAt, userEnd, requestBytes: hasRequestId ? bytes : Buffer.alloc(9) });
      Object.assign(ask, { requestAt, requestEnd });
      if (!foresight.take(ask)) continue;
      seen.foreseen++;
      hash.ofBytes(bytes, textStart(bytes, userAt), userEnd);
      assert.equal([foresight.userHigh, foresight.userLow], [hash.high, hash.low]);
      assert.is(foresight.hasPair, hasRequestId);
      if (!hasRequestId) continue;
      hash.thenBytes(bytes, textStart(bytes, requestAt), requestEnd);
      assert.equal([foresight.pairHigh, foresight.pairLow], [hash.high, hash.low]);
    }
  } catch (error) {
    if (!(error instanceof ProtocolViolation)) throw error;
  }
  return seen;
}

test('every claim among other frames is foreseen, with the hashes that it has', () => {
  const chance = chanceOf(20_261_123);
  for (let round = 0; round < 200; round++) {
    const frames = Array.from({ length: 2 + chance.integer(30) }, (_, i) => frameOf(chance, i));
    const last = frames.at(-1) as Uint8Array;
    // A whole frame more than what is cut off, which is not read either.
    const chunk = Buffer.concat([...frames, last.subarray(0, chance.integer(last.length))]);
    const { claims, foreseen } = readAfterGlance(chunk);
    assert.is(foreseen, claims);
  }
});

test('one claim alone is left to itself', () => {
  const frame = encodeFrame(KIND.request, OPS.CLAIM.op, 1, [null, 'e', 'ann', 'r', null]);
  assert.equal(readAfterGlance(Buffer.from(frame)), { claims: 1, foreseen: 0 });
});

test('whatever the bytes are, nobody gets a hash that is not their own', () => {
  const chance = chanceOf(20_261_124);
  let foreseen = 0;
  for (let round = 0; round < 3_000; round++) {
    const frames = Array.from({ length: 2 + chance.integer(8) }, (_, i) => frameOf(chance, i));
    const chunk = Buffer.concat(frames);
    for (let i = chance.integer(4); i >= 0; i--) chunk[chance.integer(chunk.length)] = chance.integer(256);
    foreseen += readAfterGlance(chunk.subarray(0, 1 + chance.integer(chunk.length))).foreseen;
  }
  assert.ok(foreseen > 1_000, `${foreseen}`);
  for (let length = 0; length < 64; length++) readAfterGlance(Buffer.from(chance.bytes(length)));
});
