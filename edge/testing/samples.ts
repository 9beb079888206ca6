/** A claim, an event, a user and so on as a server sends them. */
import type { AuditView, RoleView, SessionView, SignedIn, UserView } from '../../protocol/accounts.ts';
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
    modeSchedule: [{ from: '20:00', to: '23:00', mode: 'journal' }],
    splitBy: 'none',
    store: 'main',
    state: 'LIVE',
    configVersion: 3,
    serverTime: '2026-11-22T05:00:00.000Z',
    nextClaimAt: null,
    ...changes,
  };
}

export function userOf(changes: Partial<UserView> = {}): UserView {
  return { id: 'u1', username: 'Ann', roles: ['USER'], createdAt: '2026-11-22T05:00:00.000Z', ...changes };
}

export function sessionOf(changes: Partial<SessionView> = {}): SessionView {
  return {
    id: 's1',
    deviceId: 'phone',
    createdAt: '2026-11-22T05:00:00.000Z',
    lastUsedAt: '2026-11-22T05:00:00.000Z',
    expiresAt: '2026-12-06T05:00:00.000Z',
    userAgent: 'tests',
    ...changes,
  };
}

export function signedInOf(changes: Partial<SignedIn> = {}): SignedIn {
  return {
    accessToken: 'a.b.c',
    accessExpiresAt: '2026-11-22T05:10:00.000Z',
    refreshToken: 'r1',
    refreshExpiresAt: '2026-12-06T05:00:00.000Z',
    tokenType: 'Bearer',
    session: sessionOf(),
    ...changes,
  };
}

export function roleOf(changes: Partial<RoleView> = {}): RoleView {
  return { name: 'HOST', title: 'Host', description: '', permissions: ['events.write'], builtIn: false, ...changes };
}

export function auditOf(changes: Partial<AuditView> = {}): AuditView {
  const at = '2026-11-22T05:00:00.000Z';
  const act = { actor: 'u1', from: '127.0.0.1', action: 'user.roles', subject: 'u2' };
  return { at, ...act, before: { roles: ['USER'] }, after: { roles: [] }, ...changes };
}
