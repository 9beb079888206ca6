/**
 * The part of the store interface that holds people: users, roles, sessions, revocations, the audit log. Like the rest
 * of it: every write that resolves is durable, every read is of durable data and rejects with StoreUnavailable when the
 * store cannot answer. Writes that would have overwritten somebody else's say so instead (`revision`).
 *
 * Keys are made of the characters of protocol/key.ts (`[A-Za-z0-9._:-]`), at most 128 of them for ids of users, devices
 * and sessions and 64 for names of roles. Usernames may be any Unicode, at most 256 bytes of UTF-8. Nothing is checked
 * again here. Strings are in the order of their UTF-8 bytes.
 */

import { LIMITS } from '../../protocol/limits.ts';

/** The roles that are code, not records: they always exist and are never created, replaced or removed. */
export const BUILT_IN_ROLES = ['USER', 'OPERATOR', 'AUDITOR', 'ADMIN'] as const;

/** One user's roles: each set of them is a row of its own, so that a list by any roles reads only what it shows. */
export const ROLES_PER_USER_MAX = LIMITS.rolesOfUserMax;

export type UserRecord = {
  userId: string;
  /** As it was typed; null once erased. */
  username: string | null;
  /** The canonical form (NFKC, case-folded) that is unique; null once erased. */
  usernameKey: string | null;
  /** PHC string; null for a user that cannot log in by password. */
  passwordHash: string | null;
  /** None twice, at most ROLES_PER_USER_MAX. */
  roles: string[];
  /** Milliseconds since 1970 UTC, as all times here. */
  createdAt: number;
  erasedAt: number | null;
  /** Grows by one with each write; the condition of every replacement. */
  revision: number;
};

export type UserFilter = {
  /** With `any` a user has at least one of these, with `all` every one. At least one name. */
  roles?: { names: readonly string[]; match: 'any' | 'all' };
  /** Canonical form, not empty. */
  usernamePrefix?: string;
};

export type UserStore = {
  /**
   * False when the username is taken. A new user has built-in roles only. The same user again, after a reply was lost, is
   * created once; the id of another user is never taken over.
   */
  create(user: UserRecord): Promise<boolean>;
  byId(userIds: readonly string[]): Promise<(UserRecord | null)[]>;
  byUsername(usernameKey: string): Promise<UserRecord | null>;
  /**
   * Writes `user` (its revision one higher) over the record of revision `user.revision - 1`. A username stays as it is or
   * becomes null. The answers, in this order:
   *
   * - `CHANGED`: that record is gone.
   * - `ROLE_ABSENT`: the user would get a role that does not exist (any more).
   * - `LAST_ADMIN`: the write would take the role ADMIN from, or erase, the last user who has it and is not erased.
   *
   * The last two are decided together with the write: two admins who remove each other on two servers cannot both
   * succeed, and a role that is being removed is either in use or not given.
   */
  replace(user: UserRecord): Promise<'DONE' | 'CHANGED' | 'ROLE_ABSENT' | 'LAST_ADMIN'>;
  /**
   * In the order of user ids, strictly after the user id `after`; with a `usernamePrefix` in the order of canonical
   * usernames, strictly after the canonical username `after`. Reads no more of the index than the page shows (times the
   * names of roles), however many users there are.
   */
  list(filter: UserFilter, page: { limit: number; after?: string }): Promise<UserRecord[]>;
};

export type RoleRecord = {
  name: string;
  title: string;
  description: string;
  permissions: string[];
  revision: number;
};

/** Custom roles; the built-in ones are code. */
export type RoleStore = {
  /** In the order of names. */
  all(): Promise<RoleRecord[]>;
  /** False when the name is taken. */
  create(role: RoleRecord): Promise<boolean>;
  /** Writes `role` (its revision one higher) over the record of revision `role.revision - 1`; false when that is gone. */
  replace(role: RoleRecord): Promise<boolean>;
  /** `IN_USE`: a user has it, decided together with the removal. */
  remove(name: string): Promise<'REMOVED' | 'IN_USE' | 'ABSENT'>;
};

/** One per user and device: parallel logins on a device make one. */
export type SessionRecord = {
  userId: string;
  deviceId: string;
  sessionId: string;
  /** SHA-256 of the refresh token that is good now, and of the one before it; hex. */
  tokenHash: string;
  previousHash: string | null;
  generation: number;
  rotatedAt: number;
  createdAt: number;
  lastUsedAt: number;
  /** The end whatever is done; idleness may end it sooner. */
  expiresAt: number;
  endedAt: number | null;
  userAgent: string;
  revision: number;
};

export type SessionStore = {
  /** False when the user has a record for this device, live or ended: replace that. */
  create(session: SessionRecord): Promise<boolean>;
  /** Over revision − 1 of the same user and device; false when that is gone. The session id may change. */
  replace(session: SessionRecord): Promise<boolean>;
  ofDevice(userId: string, deviceId: string): Promise<SessionRecord | null>;
  bySessionId(sessionId: string): Promise<SessionRecord | null>;
  /** Every record of the user, ended ones included, the one used last first. At most a few dozen. */
  ofUser(userId: string): Promise<SessionRecord[]>;
  remove(userId: string, deviceId: string): Promise<void>;
};

/** Access tokens of this session (null: of every session of the user) issued before `at` are no longer good. */
export type Revocation = { userId: string; sessionId: string | null; at: number; until: number };

/** How long a revocation is kept beyond its `until`: more than a clock that jumps by an hour could take away. */
export const REVOCATION_KEPT_MS = 2 * 3_600_000;

export type RevocationStore = {
  /** Adding one again is harmless: it is told again. */
  add(revocations: readonly Revocation[]): Promise<void>;
  /**
   * Those added since this mark, in the order in which they became durable, and the next mark. Null reads all that are
   * kept, some of them past their `until`. Never misses one that was durable, whoever added it: marks count
   * commits, not time. A mark is good for the life of the data.
   */
  since(mark: string | null): Promise<{ revocations: Revocation[]; mark: string }>;
};

export type AuditEntry = {
  /** By `auditIdOf`: unique and in the order of time. */
  auditId: string;
  at: number;
  actor: string;
  /** The address the act came from, or null. */
  from: string | null;
  action: string;
  subject: string;
  /** JSON values. */
  before: unknown;
  after: unknown;
};
/** `from` (inclusive) and `to` (exclusive) are times; the others must be equal. */
export type AuditFilter = { actor?: string; action?: string; subject?: string; from?: number; to?: number };
export type AuditStore = {
  /** An entry appended again is kept once. */
  append(entries: readonly AuditEntry[]): Promise<void>;
  /** Newest first, strictly after (older than) the audit id `after`. */
  list(filter: AuditFilter, page: { limit: number; after?: string }): Promise<AuditEntry[]>;
};

export type AccountStores = {
  readonly users: UserStore;
  readonly roles: RoleStore;
  readonly sessions: SessionStore;
  readonly revocations: RevocationStore;
  readonly audit: AuditStore;
};

/** The largest time of JavaScript, 8.64e15, has eleven digits of base 36. */
const TIME_DIGITS = 11;

/** Sorts as the times do, and before every audit id of that time. `at` is an integer, milliseconds since 1970. */
export function auditTimeText(at: number): string {
  return at.toString(36).padStart(TIME_DIGITS, '0');
}

/** `node` and `boot` tell two servers and two starts of one apart, `sequence` the entries of a start. */
export function auditIdOf(at: number, { node, boot, sequence }: { node: string; boot: string; sequence: number }) {
  return `${auditTimeText(at)}.${node}.${boot}.${sequence.toString(36).padStart(7, '0')}`;
}
