import { assert, suite } from '../../../protocol/testing/kit.ts';
import { chanceOf } from '../../../protocol/testing/random.ts';
import { textBytes, writeText } from './claim-text.ts';
import { BLOCK_BYTES_MAX, KIND, nextSegment, placeAfter, SEGMENT_BYTES, SEGMENT_HEAD_BYTES } from './layout.ts';
import { claimsOf, readBlock, seriesIn } from './reader.ts';
import { bodyOfSeries, type Series } from './series.ts';
import { BlockWriter } from './writer.ts';

const test = suite('journal block');

const SUMMER: Series = {
  eventKey: 'summer',
  period: '20260518',
  configVersion: 3,
  rewards: [{ kind: 'currency', id: 'gold', amount: 2 ** 40 }],
};
const WELCOME: Series = { eventKey: 'welcome', period: '-', configVersion: 1, rewards: [] };
const HEAD = {
  origin: 'node-1.0a1b2c3d',
  sequence: 7,
  offset: SEGMENT_HEAD_BYTES,
  firstAttempt: 2 ** 33,
  previous: 99,
};
const START = 64;

type Given = { series: number; slot: number; grantedAt: number; userId: string; requestId: string };

function add(writer: BlockWriter, { series, slot, grantedAt, userId, requestId }: Given): number {
  const text = Buffer.alloc(textBytes(userId.length) + textBytes(requestId.length));
  const userEnd = writeText(text, 0, userId);
  const end = writeText(text, userEnd, requestId);
  return writer.addClaim(series, slot, grantedAt, text, 0, userEnd, text, userEnd, end);
}

/** Full of what lay there before, which must not show. */
function written(claims: readonly Given[]): { buffer: Buffer; places: number[] } {
  const buffer = Buffer.alloc(BLOCK_BYTES_MAX, 0xee);
  const writer = new BlockWriter(buffer);
  writer.begin(START, HEAD);
  writer.addSeries(4, bodyOfSeries(SUMMER));
  writer.addSeries(5, bodyOfSeries(WELCOME));
  const places = claims.map((claim) => add(writer, claim));
  assert.is(writer.claims, claims.length);
  const block = writer.end(1_790_000_000_000);
  assert.is(block.length % 8, 0);
  return { buffer, places };
}

test('what is written is read, whatever the lengths', () => {
  const chance = chanceOf(20_261_122);
  const text = (length: number) => Buffer.from(chance.bytes(length)).toString('hex').slice(0, length);
  const given = Array.from({ length: 300 }, (_, i) => ({
    series: chance.pick([4, 5]),
    slot: chance.pick([0, 1, 2 ** 32 - 1]),
    grantedAt: 1_790_000_000_000 + i,
    userId: text(1 + chance.integer(128)),
    requestId: text(1 + chance.integer(128)),
  }));
  const { buffer, places } = written(given);
  const block = readBlock(buffer, START);
  if (typeof block === 'string') throw new Error(block);
  const { bytes: _bytes, crc: _crc, ...head } = block;
  assert.equal(head, { ...HEAD, closedAt: 1_790_000_000_000, claims: 300, kind: KIND.claims });
  const found = [...claimsOf(block)];
  assert.equal(
    found.map(({ at }) => at),
    places,
  );
  found.forEach(({ record, series }, i) => {
    const { userId, requestId, slot, grantedAt, series: of } = given[i] as Given;
    const { eventKey, period, configVersion, rewards } = of === 4 ? SUMMER : WELCOME;
    assert.is(series, of);
    assert.equal(record, {
      claimKey: `${eventKey}/${period}/${userId}`,
      ...{ eventKey, period, userId, requestId, grantedAt, configVersion, rewards },
      slot: slot === 0 ? null : slot,
      delivery: { state: 'PENDING', attempts: 0, fulfilledAt: null },
      attempt: `${HEAD.origin}.${HEAD.firstAttempt + i}`,
    });
  });
  assert.equal(
    seriesIn(block),
    new Map([
      [4, SUMMER],
      [5, WELCOME],
    ]),
  );
});

test('a bit that is not as it was written is found, wherever it is', () => {
  const claim = { series: 4, slot: 1, grantedAt: 1_790_000_000_000, userId: 'ann', requestId: 'r-1' };
  const { buffer } = written([claim]);
  const block = readBlock(buffer, START);
  if (typeof block === 'string') throw new Error(block);
  for (let bit = 0; bit < block.bytes.length * 8; bit++) {
    const byte = START + (bit >> 3);
    buffer[byte] = (buffer[byte] as number) ^ (1 << (bit & 7));
    assert.type(readBlock(buffer, START), 'string', `bit ${bit}`);
    buffer[byte] = (buffer[byte] as number) ^ (1 << (bit & 7));
  }
  for (let length = 0; length < block.bytes.length; length++) {
    assert.type(readBlock(buffer.subarray(0, START + length), START), 'string', `${length} bytes`);
  }
});

test('without claims it is a mark', () => {
  const writer = new BlockWriter(Buffer.alloc(4_096, 0xee));
  writer.begin(0, HEAD);
  const block = readBlock(writer.end(0), 0);
  assert.is(typeof block === 'string' ? block : block.kind, KIND.mark);
});

test('a block finds room in one segment', () => {
  assert.is(placeAfter(0), SEGMENT_HEAD_BYTES);
  assert.is(placeAfter(SEGMENT_HEAD_BYTES), SEGMENT_HEAD_BYTES);
  const last = SEGMENT_BYTES - BLOCK_BYTES_MAX;
  assert.is(placeAfter(last), last);
  assert.is(placeAfter(last + 8), SEGMENT_BYTES + SEGMENT_HEAD_BYTES);
  assert.is(nextSegment(0), SEGMENT_BYTES);
  assert.is(nextSegment(SEGMENT_BYTES - 8), SEGMENT_BYTES);
});
