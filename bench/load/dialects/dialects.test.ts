import type { BatchTuple, Settled } from '../../../protocol/batch.ts';
import { encodeBatch } from '../../../protocol/batch-pack.ts';
import type { Claim } from '../../../protocol/claim.ts';
import { decodeBody, encodeFrame } from '../../../protocol/codec.ts';
import { ERRORS, errorName } from '../../../protocol/errors.ts';
import { KIND, PREFIX_BYTES } from '../../../protocol/frame.ts';
import { OPS } from '../../../protocol/ops.ts';
import { faultsOf } from '../../../protocol/shape.ts';
import { assert, suite } from '../../../protocol/testing/kit.ts';
import { chanceOf } from '../../../protocol/testing/random.ts';
import { newTag, requestIdOf, userIdOf } from '../ids.ts';
import type { Claims } from '../job.ts';
import { batchFrames } from './batch-frames.ts';
import { claimFrames } from './claim-frames.ts';
import type { Replies, Spoken } from './dialect.ts';
import { setCommands } from './resp.ts';

const test = suite('dialects of the load');
const SEED = Number(process.env.CLAIMD_TEST_SEED ?? Date.now() % 1_000_000);

function claimsOf(eventKeys: readonly string[] = ['event-a'], userCount: number | null = null): Claims {
  return { eventKeys, userTag: newTag(), requestTag: newTag(), userCount };
}

/** The request at `index`, written behind another one. */
function written({ requests }: Spoken, index: number, slot: number): Buffer {
  const room = requests.room(2);
  const first = requests.write(room, 0, 7, 0);
  const length = requests.write(room, first, index, slot);
  return room.subarray(first, first + length);
}

/** Outcomes by name and slots, of bytes that arrive in pieces of any size. */
function taken(replies: Replies, bytes: Uint8Array, pieceMax: number) {
  const chance = chanceOf(SEED);
  const outcomes: Record<string, number> = {};
  const slots: number[] = [];
  const answers = {
    counted(outcome: number, claims: number) {
      const name = errorName(outcome) ?? `${outcome}`;
      outcomes[name] = (outcomes[name] ?? 0) + claims;
    },
    settled: (slot: number) => slots.push(slot),
  };
  for (let at = 0; at < bytes.length; ) {
    const end = at + 1 + chance.integer(pieceMax);
    replies(Buffer.from(bytes.subarray(at, end)), answers);
    at = end;
  }
  return { outcomes, slots };
}

test('requests say what the server takes them for', () => {
  const claims = claimsOf(['event-a', 'event-b', 'event-c']);
  const { userTag, requestTag } = claims;
  const single = written(claimFrames(claims, 100), 5, 2);
  const args = decodeBody(single.subarray(PREFIX_BYTES));
  assert.equal(faultsOf(OPS.CLAIM.args, args), []);
  assert.equal(args, [null, 'event-c', userIdOf(5, userTag), requestIdOf(5, requestTag), null]);
  assert.is(single.readUInt32BE(8), 3);

  const batch = written(batchFrames(claims, 4, 100), 4, 0);
  const batchArgs = decodeBody(batch.subarray(PREFIX_BYTES));
  assert.equal(faultsOf(OPS.CLAIM_BATCH.args, batchArgs), []);
  const userIds = [4, 5, 6, 7].map((index) => userIdOf(index, userTag));
  assert.equal(batchArgs, [null, 'event-b', requestIdOf(4, requestTag), userIds, null]);
});

test('users who come again do so with the next event', () => {
  const claims = claimsOf(['event-a', 'event-b'], 3);
  const args = decodeBody(written(claimFrames(claims, 100), 4, 0).subarray(PREFIX_BYTES)) as unknown[];
  assert.equal(args.slice(1, 3), ['event-b', userIdOf(1, claims.userTag)]);
});

const claim: Claim = {
  claimKey: 'event-a/-/u1',
  eventKey: 'event-a',
  period: '-',
  userId: 'u1',
  requestId: 'r-1',
  grantedAt: 1_795_323_600_123,
  configVersion: 1,
  slot: null,
  rewards: [],
  delivery: { state: 'PENDING', attempts: 0, fulfilledAt: null },
};
const OUTCOMES: readonly Settled[] = [
  { code: 'GRANTED', claim, nextClaimAt: null },
  { code: 'GRANTED', claim: { ...claim, slot: 12 }, nextClaimAt: null },
  {
    code: 'REPLAYED',
    claim: { ...claim, delivery: { state: 'DEAD', attempts: 3, fulfilledAt: null } },
    nextClaimAt: null,
  },
  { code: 'ALREADY_CLAIMED', claim: { ...claim, requestId: 'x'.repeat(128) }, nextClaimAt: null },
  { code: 'BUSY', retryAfterMs: 100 },
  { code: 'OUTCOME_UNKNOWN' },
];

test(`each entry of a batch is counted, however its reply arrives (seed ${SEED})`, () => {
  const chance = chanceOf(SEED);
  const expected: Record<string, number> = {};
  const frames = Array.from({ length: 20 }, (_, number) => {
    const outcomes = Array.from({ length: 50 }, () => chance.pick(OUTCOMES));
    for (const { code } of outcomes) expected[code] = (expected[code] ?? 0) + 1;
    const result: BatchTuple | unknown = encodeBatch(outcomes);
    return encodeFrame(KIND.reply, OPS.CLAIM_BATCH.op, number + 1, [ERRORS.OK.code, result as [], null]);
  });
  const refused = encodeFrame(KIND.reply, OPS.CLAIM_BATCH.op, 21, [ERRORS.BUSY.code, 100, null]);
  expected.BUSY = (expected.BUSY ?? 0) + 50;
  const replies = batchFrames(claimsOf(), 50, 100).replies();
  const { outcomes, slots } = taken(replies, Buffer.concat([...frames, refused]), 900);
  assert.equal(sorted(outcomes), sorted(expected));
  assert.equal(
    slots,
    Array.from({ length: 21 }, (_, slot) => slot),
  );
});

test('single replies and status lines are counted, byte by byte', () => {
  const frames = [1, 10, 1].map((code, slot) => encodeFrame(KIND.reply, OPS.CLAIM.op, slot + 1, [code, null, null]));
  const ofFrames = taken(claimFrames(claimsOf(), 3).replies(), Buffer.concat(frames), 1);
  assert.equal(ofFrames, { outcomes: { GRANTED: 2, [errorName(10) ?? '10']: 1 }, slots: [0, 1, 2] });
  const ofLines = taken(setCommands(claimsOf(), 3).replies(), Buffer.from('+OK\r\n$-1\r\n+OK\r\n'), 1);
  assert.equal(ofLines.outcomes, { GRANTED: 2, ALREADY_CLAIMED: 1 });
  assert.throws(() => taken(setCommands(claimsOf(), 1).replies(), Buffer.from('-ERR\r\n'), 9), /redis answered/);
});

function sorted(counts: Record<string, number>): [string, number][] {
  return Object.entries(counts).sort(([a], [b]) => a.localeCompare(b));
}
