/**
 * Blocks of the journal as people read them, and their positional form on the wire. What the claims of a block have in
 * common stands once in a series, as in the block itself, so that the largest block fits into one frame.
 */
import {
  type Claim,
  decodeRewards,
  encodeRewards,
  periodShape,
  type Reward,
  rewardsTuple,
  wideOrNull,
} from './claim.ts';
import { type Value, wide } from './codec.ts';
import { claimKeyOf, eventKeyShape, requestIdShape, userIdShape } from './key.ts';
import { LIMITS } from './limits.ts';
import { choice, integer, list, nullable, positionalAtLeast, type TypeOf, text } from './shape.ts';

export const BLOCK_KINDS = ['claims', 'mark'] as const;

/** What the claims of one event, period and configuration share. */
export type BlockSeries = { eventKey: string; period: string; configVersion: number; rewards: Reward[] };
/** A claim of a block; `series` is a place in the block's list. */
export type BlockClaim = {
  series: number;
  slot: number | null;
  grantedAt: number;
  userId: string;
  requestId: string;
};
/** Times are milliseconds since 1970-01-01 UTC; `offset` and `bytes` say where the block lies in the log. */
export type BlockView = {
  offset: number;
  bytes: number;
  kind: (typeof BLOCK_KINDS)[number];
  /** `node.boot` of the writer, and which of its blocks this is, from 1. */
  origin: string;
  sequence: number;
  closedAt: number;
  /** CRC-32 of this block and of the one before. */
  crc: number;
  previous: number;
  /** The number of the first claim's attempt; those of the others count on. */
  firstAttempt: number;
  series: BlockSeries[];
  claims: BlockClaim[];
};

const count = integer({ min: 0, max: Number.MAX_SAFE_INTEGER });
const time = integer({ min: 0, max: 8_640_000_000_000_000 });
const crc = integer({ min: 0, max: 0xffff_ffff });
/** A block of 256 KiB has room for fewer than this. */
const claimsMax = LIMITS.batchClaimsMax;

export const blockSeriesTuple = positionalAtLeast(
  ['eventKey', eventKeyShape],
  ['period', periodShape],
  ['configVersion', count],
  ['rewards', rewardsTuple],
);
export const blockClaimTuple = positionalAtLeast(
  ['series', integer({ min: 0, max: claimsMax - 1 })],
  ['slot', nullable(count)],
  ['grantedAt', time],
  ['userId', userIdShape],
  ['requestId', requestIdShape],
);
export const blockTuple = positionalAtLeast(
  ['offset', count],
  ['bytes', count],
  ['kind', choice(...BLOCK_KINDS)],
  ['origin', text({ lengthMin: 1, lengthMax: 256 })],
  ['sequence', count],
  ['closedAt', time],
  ['crc', crc],
  ['previous', crc],
  ['firstAttempt', count],
  ['series', list(blockSeriesTuple, { lengthMax: claimsMax })],
  ['claims', list(blockClaimTuple, { lengthMax: claimsMax })],
);

export function encodeBlock(block: BlockView): Value[] {
  const { kind, origin } = block;
  return [
    ...[wide(block.offset), wide(block.bytes), kind, origin, wide(block.sequence), wide(block.closedAt)],
    ...[wide(block.crc), wide(block.previous), wide(block.firstAttempt)],
    block.series.map(({ eventKey, period, configVersion, rewards }) => [
      ...[eventKey, period, wide(configVersion), encodeRewards(rewards)],
    ]),
    block.claims.map(({ series, slot, grantedAt, userId, requestId }) => [
      ...[series, wideOrNull(slot), wide(grantedAt), userId, requestId],
    ]),
  ];
}

/** Takes what `blockTuple` has accepted. */
export function decodeBlock(tuple: TypeOf<typeof blockTuple>): BlockView {
  const [offset, bytes, kind, origin, sequence, closedAt, ownCrc, previous, firstAttempt, series, claims] = tuple;
  return {
    ...{ offset, bytes, kind, origin, sequence, closedAt, crc: ownCrc, previous, firstAttempt },
    series: series.map(([eventKey, period, configVersion, rewards]) => ({
      ...{ eventKey, period, configVersion },
      rewards: decodeRewards(rewards),
    })),
    claims: claims.map(([of, slot, grantedAt, userId, requestId]) => ({
      ...{ series: of, slot, grantedAt, userId, requestId },
    })),
  };
}

/** The claims of a block as they are once they are among the claims. One of a series that is not there is left out. */
export function claimsInBlock({ origin, firstAttempt, series, claims }: BlockView): (Claim & { attempt: string })[] {
  return claims.flatMap(({ series: of, slot, grantedAt, userId, requestId }, i) => {
    const shared = series[of];
    if (shared === undefined) return [];
    const { eventKey, period, configVersion, rewards } = shared;
    const claimKey = claimKeyOf(eventKey, period, userId);
    const delivery = { state: 'PENDING', attempts: 0, fulfilledAt: null } as const;
    const own = { claimKey, eventKey, period, userId, requestId, grantedAt, configVersion, slot, rewards, delivery };
    return [{ ...own, attempt: `${origin}.${firstAttempt + i}` }];
  });
}
