import { decodeBody, encodeFrame, type Value } from './codec.ts';
import { KIND } from './frame.ts';
import { type BlockView, blockTuple, claimsInBlock, decodeBlock, encodeBlock } from './journal.ts';
import { LIMITS } from './limits.ts';
import { OPS } from './ops.ts';
import { read } from './reply.ts';
import { RESULTS } from './results.ts';
import { faultsOf, type TypeOf } from './shape.ts';
import { assert, suite } from './testing/kit.ts';

const test = suite('journal');

const NOW = 1_795_348_800_000;
const block: BlockView = {
  ...{ offset: 2 ** 34, bytes: 176, kind: 'claims', origin: 'node.boot', sequence: 2 ** 33, closedAt: NOW },
  ...{ crc: 0xffff_ffff, previous: 0, firstAttempt: 2 ** 40 },
  series: [
    { eventKey: 'a', period: '-', configVersion: 1, rewards: [] },
    { eventKey: 'b', period: '20261122', configVersion: 2 ** 40, rewards: [{ kind: 'x', id: 'y', amount: 2 ** 50 }] },
  ],
  claims: [
    { series: 1, slot: 2 ** 31, grantedAt: NOW, userId: 'u1', requestId: 'r1' },
    { series: 0, slot: null, grantedAt: NOW - 1, userId: 'u2', requestId: 'r2' },
  ],
};

function overTheWire(blocks: readonly BlockView[]): BlockView[] {
  const result: Value[] = [blocks.map(encodeBlock), null];
  const frame = encodeFrame(KIND.reply, OPS.JOURNAL_BLOCKS.op, 1, [0, result, null]);
  assert.ok(frame.length - 4 <= LIMITS.frameBytesMax);
  const [, sent] = decodeBody(frame.subarray(12)) as [number, unknown];
  return read(RESULTS.JOURNAL_BLOCKS, sent)[0].map(decodeBlock);
}

test('a block comes over as it is, also from a later server that says more', () => {
  assert.equal(overTheWire([block]), [block]);
  const longer = [...JSON.parse(JSON.stringify(encodeBlock(block).map(plain))), 'later'];
  assert.equal(faultsOf(blockTuple, longer), []);
  assert.equal(decodeBlock(longer as TypeOf<typeof blockTuple>), block);
});

function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain);
  return typeof value === 'bigint' ? Number(value) : value;
}

test('its claims are those that will be among the claims', () => {
  const delivery = { state: 'PENDING', attempts: 0, fulfilledAt: null };
  assert.equal(claimsInBlock(block), [
    {
      ...{ claimKey: 'b/20261122/u1', eventKey: 'b', period: '20261122', userId: 'u1', requestId: 'r1' },
      ...{ grantedAt: NOW, configVersion: 2 ** 40, slot: 2 ** 31, rewards: block.series[1]?.rewards, delivery },
      attempt: `node.boot.${2 ** 40}`,
    },
    {
      ...{ claimKey: 'a/-/u2', eventKey: 'a', period: '-', userId: 'u2', requestId: 'r2' },
      ...{ grantedAt: NOW - 1, configVersion: 1, slot: null, rewards: [], delivery },
      attempt: `node.boot.${2 ** 40 + 1}`,
    },
  ]);
  assert.equal(claimsInBlock({ ...block, series: [] }), []);
});

test('the fullest block fits into a frame, whatever its claims look like', () => {
  // 256 KiB of items of 32 bytes, the least a claim takes, and of 288, the most.
  for (const [count, length] of [
    [8_190, 1],
    [909, 128],
  ] as const) {
    const text = 'x'.repeat(length);
    const claim = { series: 0, slot: 2 ** 32 - 1, grantedAt: NOW, userId: text, requestId: text };
    const full = { ...block, claims: Array.from({ length: count }, () => claim) };
    assert.is(overTheWire([full])[0]?.claims.length, count);
  }
});
