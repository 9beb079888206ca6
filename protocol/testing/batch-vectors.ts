/** The golden batch: what was asked, how each claim of it ended, and other outcomes for tests to draw from. */
import type { Settled } from '../batch.ts';
import type { Claim, Reward } from '../claim.ts';
import { batchRequestId, claimKeyOf } from '../key.ts';

const NOW = Date.UTC(2026, 10, 22, 5, 0, 0, 123);
const DAY = 86_400_000;

/** Nil stands for a claim whose outcome an earlier reply has told. */
export const batchAsked = {
  eventKey: 'summer',
  batchId: 'b-1',
  userIds: ['u1', 'u2', 'u3', null, 'u4', 'u5', 'u6'],
};

const gold: Reward[] = [{ kind: 'currency', id: 'gold', amount: 100 }];
const sword: Reward[] = [...gold, { kind: 'item', id: 'sword-of-dawn', amount: 1 }];

/** The claim at `index` of the batch, as the batch itself makes it. */
export function claimAt(index: number, fields: Partial<Claim> = {}): Claim {
  const { eventKey, batchId, userIds } = batchAsked;
  const userId = userIds[index] ?? `u${index}`;
  const period = fields.period ?? '20261122';
  return {
    claimKey: claimKeyOf(eventKey, period, userId),
    eventKey,
    period,
    userId,
    requestId: batchRequestId(batchId, index),
    grantedAt: NOW,
    configVersion: 3,
    slot: 41,
    rewards: sword,
    delivery: { state: 'PENDING', attempts: 0, fulfilledAt: null },
    ...fields,
  };
}

const fulfilled = { state: 'FULFILLED', attempts: 2, fulfilledAt: NOW - 1_500 } as const;

/** One for each claim that was asked for. */
export const batchOutcomes: Settled[] = [
  { code: 'GRANTED', claim: claimAt(0), nextClaimAt: NOW + DAY },
  {
    code: 'REPLAYED',
    claim: claimAt(1, { slot: 7, grantedAt: NOW - 2_000, delivery: fulfilled }),
    nextClaimAt: NOW + DAY,
  },
  {
    code: 'ALREADY_CLAIMED',
    claim: claimAt(2, { requestId: 'r-9', configVersion: 2, rewards: gold, slot: null, grantedAt: NOW - DAY / 2 }),
    nextClaimAt: NOW + DAY,
  },
  { code: 'SOLD_OUT', window: { serverTime: NOW, startsAt: NOW - DAY, endsAt: NOW + DAY } },
  { code: 'BUSY', retryAfterMs: 200 },
  { code: 'GRANTED', claim: claimAt(6, { slot: 42 }), nextClaimAt: NOW + DAY },
];
