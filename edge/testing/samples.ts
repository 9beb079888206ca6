/** A claim and an event as a server sends them. */
import { type Claim, encodeClaim } from '../../protocol/claim.ts';
import type { EventView } from '../../protocol/event.ts';
import type { ClaimTuple } from '../../protocol/reply.ts';

export const GRANTED_AT_MS = Date.parse('2026-11-22T05:00:00.123Z');

export function claimOf(changes: Partial<Claim> = {}): Claim {
  return {
    claimKey: 'welcome/-/u1',
    eventKey: 'welcome',
    period: '-',
    userId: 'u1',
    requestId: 'r1',
    grantedAt: GRANTED_AT_MS,
    configVersion: 1,
    slot: null,
    rewards: [{ kind: 'currency', id: 'gold', amount: 100 }],
    delivery: { state: 'PENDING', attempts: 0, fulfilledAt: null },
    ...changes,
  };
}

/** As it comes off the wire, where large integers are numbers again. */
export function claimTupleOf(changes: Partial<Claim> = {}): ClaimTuple {
  return encodeClaim(claimOf(changes), null).map((value) =>
    typeof value === 'bigint' ? Number(value) : value,
  ) as ClaimTuple;
}

export function eventOf(changes: Partial<EventView> = {}): EventView {
  return {
    eventKey: 'summer',
    title: 'Summer login',
    startsAt: '2026-11-22T05:00:00.000Z',
    endsAt: null,
    timeZone: 'Asia/Seoul',
    resetHour: 4,
    period: 'daily',
    rewards: [{ kind: 'currency', id: 'gold', amount: 100 }],
    stock: null,
    eligibility: { kind: 'everyone' },
    graceMs: 0,
    mode: 'direct',
    state: 'LIVE',
    configVersion: 3,
    serverTime: '2026-11-22T05:00:00.000Z',
    nextClaimAt: null,
    ...changes,
  };
}
