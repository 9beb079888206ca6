import { claimsInBlock } from '../../../protocol/journal.ts';
import { assert, rejection, suite } from '../../../protocol/testing/kit.ts';
import { textBytes, writeText } from './claim-text.ts';
import { BLOCK_BYTES_MAX } from './layout.ts';
import { claimsOf, readBlock } from './reader.ts';
import { bodyOfSeries } from './series.ts';
import { viewOf, viewsBehind } from './view.ts';
import { BlockWriter } from './writer.ts';

const test = suite('block view');

const SERIES = [
  { eventKey: 'summer', period: '20260518', configVersion: 3, rewards: [{ kind: 'item', id: 'sword', amount: 1 }] },
  { eventKey: 'welcome', period: '-', configVersion: 1, rewards: [] },
];

/** A block with the claims of so many users, of both series in turn. */
function blockAt(offset: number, users: number): Buffer {
  const buffer = Buffer.alloc(BLOCK_BYTES_MAX);
  const writer = new BlockWriter(buffer);
  writer.begin(0, { origin: 'node.boot', sequence: offset / 8, offset, firstAttempt: 100, previous: 7 });
  for (const [i, series] of SERIES.entries()) writer.addSeries(10 + i, bodyOfSeries(series));
  for (let i = 0; i < users; i++) {
    const [userId, requestId] = [`user${i}`, `request${i}`];
    const text = Buffer.alloc(textBytes(userId.length) + textBytes(requestId.length));
    const userEnd = writeText(text, 0, userId);
    const end = writeText(text, userEnd, requestId);
    writer.addClaim(10 + (i % 2), i % 2 === 0 ? i + 1 : 0, 1_790_000_000_000 + i, text, 0, userEnd, text, userEnd, end);
  }
  return Buffer.from(writer.end(1_790_000_001_000));
}

async function* stream(...blocks: Buffer[]): AsyncGenerator<Buffer> {
  yield* blocks;
}

test('a view says what the block says', () => {
  const block = readBlock(blockAt(4_096, 5), 0);
  if (typeof block === 'string') throw new Error(block);
  const view = viewOf(block);
  const { bytes, claims: _claims, ...head } = block;
  const { series, claims, ...shown } = view;
  assert.equal(shown, { ...head, kind: 'claims', bytes: bytes.length });
  assert.equal(series, SERIES);
  assert.equal(
    claimsInBlock(view),
    [...claimsOf(block)].map(({ record }) => record),
  );
  assert.is(claims.length, 5);
});

test('pages begin behind an offset and end at their limit, reading no further', async () => {
  let read = 0;
  async function* counted(): AsyncGenerator<Buffer> {
    for (const offset of [4_096, 8_192, 12_288, 16_384]) {
      read++;
      yield blockAt(offset, 1);
    }
  }
  const offsets = async (after: number | null, limit: number) =>
    (await viewsBehind(counted(), { after, limit })).map(({ offset }) => offset);
  assert.equal(await offsets(null, 2), [4_096, 8_192]);
  assert.is(read, 2);
  assert.equal(await offsets(4_096, 2), [8_192, 12_288]);
  assert.equal(await offsets(8_191, 9), [8_192, 12_288, 16_384]);
  assert.equal(await offsets(16_384, 9), []);
  assert.equal(await viewsBehind(null, { after: null, limit: 1 }), []);
});

test('bytes that are no block are a fault', async () => {
  const torn = blockAt(4_096, 3);
  torn[70] = (torn[70] ?? 0) ^ 1;
  const error = await rejection(viewsBehind(stream(torn), { after: null, limit: 1 }));
  assert.match(error.message, /a wrong checksum/);
});
