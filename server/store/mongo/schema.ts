/**
 * What is in the database: collections, indexes, and the form of each document. A claim's `_id` is its claim key, so the
 * guard of the promise cannot be missing; the other unique indexes are guards too and are watched by `guard.ts`.
 * Times are BSON dates, so that operators can read and query them.
 */
import type { ClaimDraft, ClaimRecord, EventRecord } from '../store.ts';

export const COLLECTION = {
  claims: 'user_events',
  events: 'events',
  qualifications: 'qualifications',
  qualificationLog: 'qualification_log',
  meta: 'meta',
  users: 'users',
  roles: 'roles',
  sessions: 'sessions',
  revocations: 'revocations',
  audit: 'audit',
  journal: 'journal',
  nodes: 'nodes',
  conflicts: 'conflicts',
} as const;

export type IndexSpec = {
  name: string;
  key: Record<string, 1 | -1>;
  unique?: true;
  partialFilterExpression?: Record<string, unknown>;
  expireAfterSeconds?: number;
};

/** Queries must name this filter to use the slot index. */
export const HAS_SLOT = { $gt: 0 } as const;

export const REQUEST_INDEX: IndexSpec = { name: 'request', key: { userId: 1, requestId: 1 }, unique: true };
export const SLOT_INDEX: IndexSpec = {
  name: 'slot',
  key: { eventKey: 1, period: 1, slot: 1 },
  unique: true,
  partialFilterExpression: { slot: HAS_SLOT },
};
/** For operators' lists. Claims of an event arrive in the order of this index, so keeping it costs next to nothing. */
export const LIST_INDEX: IndexSpec = { name: 'list', key: { eventKey: 1, grantedAt: -1, _id: -1 } };

export const GUARD_INDEXES: readonly IndexSpec[] = [REQUEST_INDEX, SLOT_INDEX];

export type ClaimDocument = Omit<ClaimRecord, 'claimKey' | 'grantedAt' | 'delivery'> & {
  _id: string;
  grantedAt: Date;
  delivery: Omit<ClaimRecord['delivery'], 'fulfilledAt'> & { fulfilledAt: Date | null };
};

export function documentOfClaim(draft: ClaimDraft, slot: number | null): ClaimDocument {
  const { state, attempts, fulfilledAt } = draft.delivery;
  return {
    _id: draft.claimKey,
    eventKey: draft.eventKey,
    period: draft.period,
    userId: draft.userId,
    requestId: draft.requestId,
    grantedAt: new Date(draft.grantedAt),
    configVersion: draft.configVersion,
    slot,
    rewards: draft.rewards,
    delivery: { state, attempts, fulfilledAt: dateOf(fulfilledAt) },
    attempt: draft.attempt,
  };
}

export function claimOfDocument({ _id, requestId, grantedAt, delivery, ...rest }: ClaimDocument): ClaimRecord {
  const { state, attempts, fulfilledAt } = delivery;
  return {
    ...rest,
    claimKey: _id,
    requestId: shownRequestId(requestId),
    grantedAt: grantedAt.getTime(),
    delivery: { state, attempts, fulfilledAt: timeOf(fulfilledAt) },
  };
}

/** No request id that a caller may choose holds it. */
const ASIDE = '\0';

/**
 * What stands in the place of a journaled claim's request id when another claim of the user has that already. The claim
 * was granted, so it must be among the claims; and the request id can lead to one claim only, the one that was there first.
 */
export function asideRequestId(requestId: string, claimKey: string): string {
  return requestId + ASIDE + claimKey;
}

function shownRequestId(stored: string): string {
  const end = stored.indexOf(ASIDE);
  return end < 0 ? stored : stored.slice(0, end);
}

export type EventDocument = Omit<EventRecord, 'eventKey' | 'startsAt' | 'endsAt' | 'heldUntil'> & {
  _id: string;
  startsAt: Date;
  endsAt: Date | null;
  heldUntil: Date | null;
};

export function documentOfEvent({ eventKey, startsAt, endsAt, heldUntil, ...rest }: EventRecord): EventDocument {
  return {
    _id: eventKey,
    ...rest,
    startsAt: new Date(startsAt),
    endsAt: dateOf(endsAt),
    heldUntil: dateOf(heldUntil),
  };
}

export function eventOfDocument({ _id, startsAt, endsAt, heldUntil, ...rest }: EventDocument): EventRecord {
  return {
    ...rest,
    eventKey: _id,
    startsAt: startsAt.getTime(),
    endsAt: timeOf(endsAt),
    heldUntil: timeOf(heldUntil),
  };
}

export function dateOf(time: number | null): Date | null {
  return time === null ? null : new Date(time);
}

export function timeOf(date: Date | null): number | null {
  return date === null ? null : date.getTime();
}
