/** A claim as callers see it, and its positional form on the wire. */
import { type Value, wide } from './codec.ts';
import { claimKeyOf, eventKeyShape, requestIdShape, userIdShape } from './key.ts';
import { LIMITS } from './limits.ts';
import { choice, integer, list, nullable, pattern, positionalAtLeast, type TypeOf, text } from './shape.ts';

export type Reward = { kind: string; id: string; amount: number };
export const DELIVERY_STATES = ['PENDING', 'FULFILLED', 'DEAD'] as const;
export type DeliveryState = (typeof DELIVERY_STATES)[number];
/** Times are milliseconds since 1970-01-01 UTC. */
export type Delivery = { state: DeliveryState; attempts: number; fulfilledAt: number | null };

export type Claim = {
  claimKey: string;
  eventKey: string;
  period: string;
  userId: string;
  requestId: string;
  grantedAt: number;
  configVersion: number;
  /** Stock number 1…N, or null for an event without stock. */
  slot: number | null;
  rewards: Reward[];
  delivery: Delivery;
};

const time = integer({ min: 0, max: 8_640_000_000_000_000 });
const count = integer({ min: 0, max: Number.MAX_SAFE_INTEGER });
export const periodShape = pattern('-, yyyymmdd, yyyyWww or yyyymm', 8, /^(-|\d{8}|\d{4}W\d{2}|\d{6})$/);

export const rewardTuple = positionalAtLeast(
  ['kind', text({ lengthMin: 1, lengthMax: 64 })],
  ['id', text({ lengthMin: 1, lengthMax: 128 })],
  ['amount', count],
);

export const rewardsTuple = list(rewardTuple, { lengthMax: LIMITS.rewardsMax });

/** CLAIM on the wire. `nextClaimAt` is null when the user can never claim this event again. */
export const claimTuple = positionalAtLeast(
  ['eventKey', eventKeyShape],
  ['period', periodShape],
  ['userId', userIdShape],
  ['requestId', requestIdShape],
  ['grantedAt', time],
  ['configVersion', count],
  ['slot', nullable(count)],
  ['rewards', rewardsTuple],
  ['deliveryState', choice(...DELIVERY_STATES)],
  ['deliveryAttempts', count],
  ['fulfilledAt', nullable(time)],
  ['nextClaimAt', nullable(time)],
);

export type ClaimView = Claim & { nextClaimAt: number | null };

export function encodeClaim(claim: Claim, nextClaimAt: number | null): Value[] {
  return [
    claim.eventKey,
    claim.period,
    claim.userId,
    claim.requestId,
    wide(claim.grantedAt),
    wide(claim.configVersion),
    wideOrNull(claim.slot),
    encodeRewards(claim.rewards),
    claim.delivery.state,
    wide(claim.delivery.attempts),
    wideOrNull(claim.delivery.fulfilledAt),
    wideOrNull(nextClaimAt),
  ];
}

export function encodeRewards(rewards: readonly Reward[]): Value[] {
  return rewards.map(({ kind, id, amount }) => [kind, id, wide(amount)]);
}

/** Takes what `rewardsTuple` has accepted. */
export function decodeRewards(tuples: TypeOf<typeof rewardsTuple>): Reward[] {
  return tuples.map(([kind, id, amount]) => ({ kind, id, amount }));
}

export function wideOrNull(value: number | null): Value {
  return value === null ? null : wide(value);
}

/** Takes what `claimTuple` has accepted. */
export function decodeClaim(tuple: TypeOf<typeof claimTuple>): ClaimView {
  const [
    eventKey,
    period,
    userId,
    requestId,
    grantedAt,
    configVersion,
    slot,
    rewards,
    state,
    attempts,
    fulfilledAt,
    nextClaimAt,
  ] = tuple;
  return {
    claimKey: claimKeyOf(eventKey, period, userId),
    eventKey,
    period,
    userId,
    requestId,
    grantedAt,
    configVersion,
    slot,
    rewards: decodeRewards(rewards),
    delivery: { state, attempts, fulfilledAt },
    nextClaimAt,
  };
}
