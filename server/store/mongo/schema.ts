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
  boots: 'boots',
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

/**
 * Which collection holds claims, in `meta`: made before the first claim in it, and never again. `isRetired`: it was given up
 * empty, when all that it held had been archived.
 */
export type ClaimsRecord = { _id: string; collection: string; uuid: string; isRetired?: true };

const RECORD_ID = 'claims';

/** The ids are `claims`, for the collection of all, and `claims/NAME`. */
export function idOfClaimsRecord(collection: string): string {
  return collection === COLLECTION.claims ? RECORD_ID : `${RECORD_ID}/${collection}`;
}

/** All of these records: `0` comes right behind the slash. */
export const RECORDS_OF_CLAIMS = { _id: { $gte: RECORD_ID, $lt: `${RECORD_ID}0` } };

/** In `meta`: counts up when a collection of claims has been recorded, so that readers elsewhere learn of it. */
export const PLACES_ID = 'places';
export type PlacesRecord = { _id: typeof PLACES_ID; count: number };

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

/** The claim that an inserted draft is. Named one by one, which takes a tenth of what leaving `place` out does. */
export function claimOfDraft(draft: ClaimDraft, slot: number | null): ClaimRecord {
  return {
    claimKey: draft.claimKey,
    eventKey: draft.eventKey,
    period: draft.period,
    userId: draft.userId,
    requestId: draft.requestId,
    grantedAt: draft.grantedAt,
    configVersion: draft.configVersion,
    slot,
    rewards: draft.rewards,
    delivery: draft.delivery,
    attempt: draft.attempt,
  };
}

/** No user id and no request id that a caller may choose holds it. */
const ASIDE = '\0';

/**
 * What stands in the place of a journaled claim's request id when another claim of the user has that already. The claim
 * was granted, so it must be among the claims; and the request id can lead to one claim only, the one that was there first.
 */
export function asideRequestId(requestId: string, claimKey: string): string {
  return requestId + ASIDE + claimKey;
}

export function isRequestIdAside(stored: string): boolean {
  return stored.includes(ASIDE);
}

/**
 * Takes a claim key without being a claim, so that a late attempt at it cannot become one. Not under its user and event, so
 * that no list meets it; `request` keeps the unique index apart from it.
 */
export type VoidDocument = { _id: string; void: true; userId: typeof VOID_USER; requestId: string; by: string };
export const VOID_USER = `${ASIDE}void`;

export function documentOfVoid(claimKey: string, by: string): VoidDocument {
  return { _id: claimKey, void: true, userId: VOID_USER, requestId: claimKey, by };
}

function shownRequestId(stored: string): string {
  const end = stored.indexOf(ASIDE);
  return end < 0 ? stored : stored.slice(0, end);
}

export type EventDocument = Omit<EventRecord, 'eventKey' | 'startsAt' | 'endsAt' | 'heldUntil' | 'archivedUntil'> & {
  _id: string;
  startsAt: Date;
  endsAt: Date | null;
  heldUntil: Date | null;
  archivedUntil?: Date;
};

export function documentOfEvent(event: EventRecord): EventDocument {
  const { eventKey, startsAt, endsAt, heldUntil, archivedUntil, ...rest } = event;
  return {
    _id: eventKey,
    ...rest,
    startsAt: new Date(startsAt),
    endsAt: dateOf(endsAt),
    heldUntil: dateOf(heldUntil),
    ...(archivedUntil === undefined ? {} : { archivedUntil: new Date(archivedUntil) }),
  };
}

export function eventOfDocument(document: EventDocument): EventRecord {
  const { _id, startsAt, endsAt, heldUntil, archivedUntil, ...rest } = document;
  return {
    ...rest,
    eventKey: _id,
    startsAt: startsAt.getTime(),
    endsAt: timeOf(endsAt),
    heldUntil: timeOf(heldUntil),
    ...(archivedUntil === undefined ? {} : { archivedUntil: archivedUntil.getTime() }),
  };
}

export function dateOf(time: number | null): Date | null {
  return time === null ? null : new Date(time);
}

export function timeOf(date: Date | null): number | null {
  return date === null ? null : date.getTime();
}
