import {
  type BatchAsked,
  type BatchEntry,
  type BatchTuple,
  batchTuple,
  checkBatch,
  decodeBatch,
  type Settled,
} from './batch.ts';
import { encodeBatch } from './batch-pack.ts';
import type { Claim } from './claim.ts';
import { decodeBody, encodeFrame } from './codec.ts';
import { ERRORS } from './errors.ts';
import { KIND, LENGTH_BYTES, PREFIX_BYTES } from './frame.ts';
import { batchRequestId, requestIdShape } from './key.ts';
import { LIMITS } from './limits.ts';
import { OPS } from './ops.ts';
import { ReplyRefused, read } from './reply.ts';
import { BodyRefused } from './scan.ts';
import { faultsOf } from './shape.ts';
import { batchAsked, batchOutcomes, claimAt } from './testing/batch-vectors.ts';
import { assert, suite } from './testing/kit.ts';
import { type Chance, chanceOf } from './testing/random.ts';
import { problems } from './testing/vectors.ts';

const test = suite('batch');
const SEED = 20_261_123;

function frameOf(outcomes: readonly Settled[]): Uint8Array {
  return encodeFrame(KIND.reply, OPS.CLAIM_BATCH.op, 1, [ERRORS.OK.code, encodeBatch(outcomes), null]);
}

/** What a client makes of a frame's body. */
function readBody(body: Uint8Array, asked: BatchAsked): (BatchEntry | undefined)[] {
  const [, result] = decodeBody(body) as unknown[];
  const tuple = read(batchTuple, result);
  checkBatch(tuple, asked.userIds.filter((userId) => userId !== null).length);
  return decodeBatch(tuple, asked);
}

function overTheWire(outcomes: readonly Settled[], asked: BatchAsked): (BatchEntry | undefined)[] {
  const frame = frameOf(outcomes);
  assert.ok(frame.length - LENGTH_BYTES <= LIMITS.frameBytesMax, `${frame.length} bytes`);
  return readBody(frame.subarray(PREFIX_BYTES), asked);
}

function expectedOf(outcome: Settled): BatchEntry {
  if (!('claim' in outcome)) return { detail: undefined, ...outcome };
  const { code, claim, nextClaimAt } = outcome;
  return { code, claim: { ...claim, nextClaimAt } };
}

const askedFor = (count: number): BatchAsked => ({
  ...batchAsked,
  userIds: Array.from({ length: count }, (_, i) => batchAsked.userIds[i] ?? `u${i}`),
});

test('every outcome arrives as it was sent', () => {
  const outcomes = [...batchOutcomes, ...problems().filter(({ code }) => code !== 'ALREADY_CLAIMED')] as Settled[];
  const userIds = [
    'u1',
    'u2',
    'u3',
    null,
    'u4',
    'u5',
    'u6',
    ...problems()
      .slice(1)
      .map((_, i) => `p${i}`),
  ];
  const entries = overTheWire(outcomes, { ...batchAsked, userIds });
  assert.is(entries[3], undefined);
  const told = entries.filter((entry) => entry !== undefined);
  assert.equal(told, outcomes.map(expectedOf));
});

test('refusals that differ only in their server time share a problem, the rest of each is exact', () => {
  const window = { serverTime: 5_000, startsAt: 1, endsAt: null };
  const outcomes = Array.from({ length: 10_000 }, (_, i): Settled => {
    return { code: 'SOLD_OUT', window: { ...window, serverTime: 5_000 + i, startsAt: i % 2 } };
  });
  const [, told] = encodeBatch(outcomes) as [unknown, unknown[], Uint8Array];
  assert.is(told.length, 2);
  assert.ok(frameOf(outcomes).length < 30_200);
  const entries = overTheWire(outcomes, askedFor(10_000));
  assert.equal(entries[9_999], {
    code: 'SOLD_OUT',
    detail: undefined,
    window: { ...window, startsAt: 1, serverTime: 5_001 },
  });
});

test('10,000 grants are 10 bytes each and share their series', () => {
  const outcomes = Array.from({ length: 10_000 }, (_, i): Settled => {
    return { code: 'GRANTED', claim: claimAt(i, { slot: null, userId: `u${i}` }), nextClaimAt: null };
  });
  assert.ok(frameOf(outcomes).length < 100_200, `${frameOf(outcomes).length}`);
  const entries = overTheWire(outcomes, askedFor(10_000));
  assert.equal(entries[9_999], expectedOf(outcomes[9_999] as Settled));
});

test('10,000 duplicates with UUIDs and stock are told in full', () => {
  const outcomes = Array.from({ length: 10_000 }, (_, i): Settled => {
    const requestId = `3f1b0a52-7c1e-4d0e-9d25-${String(i).padStart(12, '0')}`;
    return { code: 'ALREADY_CLAIMED', claim: claimAt(i, { requestId, slot: i + 1 }), nextClaimAt: 7 };
  });
  assert.equal(
    overTheWire(outcomes, askedFor(10_000)).map((entry) => entry?.code),
    Array(10_000).fill('ALREADY_CLAIMED'),
  );
});

/** Asks again for what is open until nothing is, as a client does. */
function settleAll(
  outcomes: readonly Settled[],
  asked: BatchAsked,
): { entries: (BatchEntry | undefined)[]; asks: number } {
  const entries: (BatchEntry | undefined)[] = Array(outcomes.length).fill(undefined);
  for (let asks = 1; asks < 100; asks++) {
    const userIds = asked.userIds.map((userId, i) => (entries[i] === undefined ? userId : null));
    const open = outcomes.filter((_, i) => entries[i] === undefined);
    for (const [i, entry] of overTheWire(open, { ...asked, userIds }).entries()) {
      if (entry !== undefined && entry.code !== 'OUTCOME_UNKNOWN') entries[i] = entry;
    }
    if (entries.every((entry) => entry !== undefined)) return { entries, asks };
  }
  throw new Error('not settled');
}

test('duplicates for which there is no room are open, grants are not, and a second ask brings the rest', () => {
  const outcomes = Array.from({ length: 10_000 }, (_, i): Settled => {
    if (i % 10 === 9) return { code: 'GRANTED', claim: claimAt(i), nextClaimAt: null };
    return { code: 'ALREADY_CLAIMED', claim: claimAt(i, { requestId: 'x'.repeat(128) }), nextClaimAt: null };
  });
  const first = overTheWire(outcomes, askedFor(10_000));
  const codes = new Map<string, number>();
  for (const entry of first) codes.set(entry?.code ?? '', (codes.get(entry?.code ?? '') ?? 0) + 1);
  assert.is(codes.get('GRANTED'), 1_000);
  assert.ok((codes.get('ALREADY_CLAIMED') ?? 0) > 6_500 && (codes.get('OUTCOME_UNKNOWN') ?? 0) > 500);
  const { entries, asks } = settleAll(outcomes, askedFor(10_000));
  assert.is(asks, 2);
  assert.equal(entries, outcomes.map(expectedOf));
});

test('rewards and reasons of any size fit in a frame and in its values, and all are told in the end', () => {
  const rewards = Array.from({ length: 32 }, (_, i) => ({
    kind: '☀'.repeat(64),
    id: '☀'.repeat(128),
    amount: Number.MAX_SAFE_INTEGER - i,
  }));
  const small = [{ kind: 'a', id: 'b', amount: 1 }];
  const many = Array.from({ length: 3_000 }, (_, i): Settled => {
    return {
      code: 'ALREADY_CLAIMED',
      claim: claimAt(i, { configVersion: i, rewards: Array(32).fill(small[0]) }),
      nextClaimAt: i,
    };
  });
  assert.ok(settleAll(many, askedFor(3_000)).asks > 4);
  const large = Array.from({ length: 200 }, (_, i): Settled => {
    if (i % 2 === 0) return { code: 'GRANTED', claim: claimAt(i, { configVersion: i, rewards }), nextClaimAt: i };
    return { code: 'NOT_ELIGIBLE', reasons: Array.from({ length: 64 }, () => `${i}`.padStart(512, '☀')) };
  });
  const { entries, asks } = settleAll(large, askedFor(200));
  assert.ok(asks > 5 && asks < 40, `${asks}`);
  assert.equal(entries, large.map(expectedOf));
});

test('the longest batch id leaves room for every request id', () => {
  const longest = batchRequestId('b'.repeat(LIMITS.batchIdLengthMax), LIMITS.batchClaimsMax - 1);
  assert.equal(faultsOf(requestIdShape, longest), []);
  assert.ok(longest.length <= LIMITS.requestIdLengthMax);
});

test('rewards that claims share cannot be changed by one who reads them', () => {
  const [entry] = overTheWire(batchOutcomes, batchAsked);
  const { rewards } = (entry as { claim: Claim }).claim;
  assert.throws(() => rewards.pop());
  assert.throws(() => Object.assign(rewards[0] as object, { amount: 7 }));
});

/** What is wrong with the packed bytes of a batch of one, its tables having one series and one problem. */
const REFUSED: readonly (readonly [name: string, packed: number[]])[] = [
  ['no entry', []],
  ['an entry that ends early', [1, 0, 0, 0, 0]],
  ['an entry too many', [0, 0, 0, 0, 0, 0]],
  ['a problem that is not there', [0, 0, 1]],
  ['a series that is not there', [1, 0, 1, 0, 0, 0, 0, 0, 0, 0]],
  ['a code that no entry has', [31, 0, 0, 0, 0, 0, 0, 0, 0, 0]],
  ['a flag that no entry has', [1, 0, 0, 0, 0, 0, 0, 0, 0, 4]],
  ['a slot that ends early', [1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0]],
  ['a delivery state that there is not', [1, 0, 0, 0, 0, 0, 0, 0, 0, 2, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]],
  ['an empty request id', [10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]],
  ['a request id of 129 characters', [10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 129, ...Array(129).fill(0x61)]],
  ['a request id with a space', [10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0x20]],
  ['a request id that ends early', [10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3, 0x61, 0x61]],
];
const one: BatchTuple = [[['-', 1, [], null]], [[ERRORS.BUSY.code, 200, null]], Uint8Array.of(0, 0, 0)];
for (const [name, packed] of REFUSED) {
  test(`is refused: ${name}`, () => {
    const tuple: BatchTuple = [one[0], one[1], Uint8Array.from(packed)];
    for (const act of [() => checkBatch(tuple, 1), () => decodeBatch(tuple, { ...batchAsked, userIds: ['u1'] })]) {
      assert.throws(act, (error: unknown) => error instanceof ReplyRefused);
    }
  });
}

test('a problem that is a success, or no reply, is refused', () => {
  for (const body of [[ERRORS.OK.code], [ERRORS.GRANTED.code, null], 7, [], [ERRORS.BUSY.code, -1]]) {
    assert.throws(
      () => checkBatch([one[0], [body], one[2]], 1),
      (error: unknown) => error instanceof ReplyRefused,
    );
  }
});

function anyOutcome(chance: Chance, index: number): Settled {
  const chosen = chance.pick([...batchOutcomes, ...problems().slice(1)]) as Settled;
  if (!('claim' in chosen)) return chosen;
  const { rewards, delivery } = chosen.claim;
  const isDuplicate = chosen.code === 'ALREADY_CLAIMED';
  const claim = claimAt(index, {
    ...{ rewards, delivery, period: chance.pick(['-', '20261122']), configVersion: chance.integer(3) },
    requestId: isDuplicate ? 'w'.repeat(1 + chance.integer(128)) : batchRequestId('b-1', index),
    grantedAt: chance.pick([0, 1, 0xffffffff, 0x100000000, 2 ** 48 - 1, 1_795_323_600_123]),
    slot: chance.pick([null, 1, 1_000_000_000, 0xffffffff]),
  });
  return { ...chosen, claim, nextClaimAt: chance.pick([null, 0, 1_795_323_600_123]) };
}

test('seeded batches of anything: what comes out is what went in', () => {
  for (let round = 0; round < 300; round++) {
    const chance = chanceOf(SEED + round);
    const outcomes = Array.from({ length: 1 + chance.integer(40) }, (_, i) => anyOutcome(chance, i));
    assert.equal(overTheWire(outcomes, askedFor(outcomes.length)), outcomes.map(expectedOf), `seed ${SEED + round}`);
  }
});

test('seeded damage: an outcome for each or a declared refusal, never anything else', () => {
  const golden = frameOf(batchOutcomes).subarray(PREFIX_BYTES);
  const tally = { read: 0, refused: 0 };
  for (let round = 0; round < 3_000; round++) {
    const chance = chanceOf(SEED + round);
    const body = Uint8Array.from(golden);
    for (let i = chance.integer(3); i >= 0; i--) body[chance.integer(body.length)] = chance.integer(256);
    try {
      assert.is(readBody(body, batchAsked).length, batchAsked.userIds.length);
      tally.read++;
    } catch (error) {
      const isDeclared = error instanceof BodyRefused || error instanceof ReplyRefused;
      assert.ok(isDeclared, `seed ${SEED + round}: ${error instanceof Error ? error.stack : String(error)}`);
      tally.refused++;
    }
  }
  assert.ok(tally.read > 250 && tally.refused > 250, JSON.stringify(tally));
});
