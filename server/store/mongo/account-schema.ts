/**
 * The collections of people: their indexes and the form of each document. A session's `_id` is its user and device, so
 * that parallel logins make one. Times are BSON dates. Every query names its index, which therefore has a constant here.
 */
import {
  type AuditEntry,
  REVOCATION_KEPT_MS,
  type Revocation,
  type RoleRecord,
  type SessionRecord,
  type UserRecord,
} from '../accounts.ts';
import { roleSetsOf } from '../user-roles.ts';
import { COLLECTION, dateOf, type IndexSpec, timeOf } from './schema.ts';

/** Queries must imply this filter to use an index by username. */
const HAS_USERNAME = { usernameKey: { $gt: '' } } as const;

export const USERNAME_INDEX: IndexSpec = {
  name: 'username',
  key: { usernameKey: 1 },
  unique: true,
  partialFilterExpression: HAS_USERNAME,
};
/** A point of `roleSets` and a range behind it: the page is a stretch of the index, or a merge of one stretch a role. */
export const ROLES_INDEX: IndexSpec = { name: 'roles', key: { roleSets: 1, _id: 1 } };
export const ROLES_USERNAME_INDEX: IndexSpec = {
  name: 'rolesUsername',
  key: { roleSets: 1, usernameKey: 1 },
  partialFilterExpression: HAS_USERNAME,
};
export const SESSION_INDEX: IndexSpec = { name: 'session', key: { sessionId: 1 }, unique: true };
export const USER_SESSIONS_INDEX: IndexSpec = { name: 'user', key: { userId: 1 } };
const EXPIRY_INDEX: IndexSpec = { name: 'expiry', key: { until: 1 }, expireAfterSeconds: REVOCATION_KEPT_MS / 1_000 };
export const AUDIT_INDEXES = {
  subject: { name: 'subject', key: { subject: 1, _id: -1 } },
  actor: { name: 'actor', key: { actor: 1, _id: -1 } },
  action: { name: 'action', key: { action: 1, _id: -1 } },
} as const satisfies Record<string, IndexSpec>;

export const ACCOUNT_INDEXES: readonly (readonly [collection: string, indexes: readonly IndexSpec[]])[] = [
  [COLLECTION.users, [USERNAME_INDEX, ROLES_INDEX, ROLES_USERNAME_INDEX]],
  [COLLECTION.sessions, [SESSION_INDEX, USER_SESSIONS_INDEX]],
  [COLLECTION.revocations, [EXPIRY_INDEX]],
  [COLLECTION.audit, Object.values(AUDIT_INDEXES)],
];

export type UserDocument = Omit<UserRecord, 'userId' | 'createdAt' | 'erasedAt'> & {
  _id: string;
  createdAt: Date;
  erasedAt: Date | null;
  /** Each set of the roles, as `roleSetsOf` tells; derived from `roles`. */
  roleSets: string[];
};

export function documentOfUser({ userId, createdAt, erasedAt, ...rest }: UserRecord): UserDocument {
  const times = { createdAt: new Date(createdAt), erasedAt: dateOf(erasedAt) };
  return { _id: userId, ...rest, ...times, roleSets: roleSetsOf(rest.roles) };
}

export function userOfDocument({ _id, createdAt, erasedAt, roleSets, ...rest }: UserDocument): UserRecord {
  return { userId: _id, ...rest, createdAt: createdAt.getTime(), erasedAt: timeOf(erasedAt) };
}

export type RoleDocument = Omit<RoleRecord, 'name'> & { _id: string };

export function documentOfRole({ name, ...rest }: RoleRecord): RoleDocument {
  return { _id: name, ...rest };
}

export function roleOfDocument({ _id, ...rest }: RoleDocument): RoleRecord {
  return { name: _id, ...rest };
}

type SessionTime = 'rotatedAt' | 'createdAt' | 'lastUsedAt' | 'expiresAt';
export type SessionDocument = Omit<SessionRecord, SessionTime | 'endedAt'> &
  Record<SessionTime, Date> & { _id: string; endedAt: Date | null };

export function sessionKeyOf({ userId, deviceId }: { userId: string; deviceId: string }): string {
  return `${userId}/${deviceId}`;
}

export function documentOfSession(session: SessionRecord): SessionDocument {
  return {
    _id: sessionKeyOf(session),
    ...session,
    rotatedAt: new Date(session.rotatedAt),
    createdAt: new Date(session.createdAt),
    lastUsedAt: new Date(session.lastUsedAt),
    expiresAt: new Date(session.expiresAt),
    endedAt: dateOf(session.endedAt),
  };
}

export function sessionOfDocument({ _id, ...session }: SessionDocument): SessionRecord {
  return {
    ...session,
    rotatedAt: session.rotatedAt.getTime(),
    createdAt: session.createdAt.getTime(),
    lastUsedAt: session.lastUsedAt.getTime(),
    expiresAt: session.expiresAt.getTime(),
    endedAt: timeOf(session.endedAt),
  };
}

/** The `_id` counts commits. */
export type RevocationDocument = Omit<Revocation, 'at' | 'until'> & { _id: number; at: Date; until: Date };

export function documentOfRevocation({ at, until, ...rest }: Revocation, number: number): RevocationDocument {
  return { _id: number, ...rest, at: new Date(at), until: new Date(until) };
}

export function revocationOfDocument({ _id, at, until, ...rest }: RevocationDocument): Revocation {
  return { ...rest, at: at.getTime(), until: until.getTime() };
}

export type AuditDocument = Omit<AuditEntry, 'auditId' | 'at'> & { _id: string; at: Date };

export function documentOfEntry({ auditId, at, ...rest }: AuditEntry): AuditDocument {
  return { _id: auditId, at: new Date(at), ...rest };
}

export function entryOfDocument({ _id, at, ...rest }: AuditDocument): AuditEntry {
  return { auditId: _id, at: at.getTime(), ...rest };
}
