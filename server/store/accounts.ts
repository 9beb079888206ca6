/**
 * The part of the store interface that holds people: users, roles, sessions, revocations, the audit log. Like the rest
 * of it: every write that resolves is durable, every read is of durable data and rejects with StoreUnavailable when the
 * store cannot answer. Writes that would have overwritten somebody else's say so instead (`revision`).
 */

export type UserRecord = {
  userId: string;
  /** As it was typed; null once erased. */
  username: string | null;
  /** The canonical form (NFKC, case-folded) that is unique; null once erased. */
  usernameKey: string | null;
  /** PHC string; null for a user that cannot log in by password. */
  passwordHash: string | null;
  roles: string[];
  /** Milliseconds since 1970 UTC, as all times here. */
  createdAt: number;
  erasedAt: number | null;
  /** Grows by one with each write; the condition of every replacement. */
  revision: number;
};

export type UserFilter = {
  /** With `any` a user has at least one of these, with `all` every one. */
  roles?: { names: readonly string[]; match: 'any' | 'all' };
  /** Canonical form. */
  usernamePrefix?: string;
};

export type UserStore = {
  /** False when the username is taken. */
  create(user: UserRecord): Promise<boolean>;
  byId(userIds: readonly string[]): Promise<(UserRecord | null)[]>;
  byUsername(usernameKey: string): Promise<UserRecord | null>;
  /**
   * Writes `user` (its revision one higher) over the record of revision `user.revision - 1`. `CHANGED`: that record is
   * gone. `LAST_ADMIN`: the write would leave no user with the role ADMIN, decided together with the write, so that two
   * admins who remove each other on two servers cannot both succeed.
   */
  replace(user: UserRecord): Promise<'DONE' | 'CHANGED' | 'LAST_ADMIN'>;
  /** In the order of user ids, strictly after `after`; with a `usernamePrefix` in the order of canonical usernames. Uses an index. */
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
  all(): Promise<RoleRecord[]>;
  /** False when the name is taken. */
  create(role: RoleRecord): Promise<boolean>;
  replace(role: RoleRecord): Promise<boolean>;
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
  /** As for users: over revision − 1 of the same user and device; false when that is gone. */
  replace(session: SessionRecord): Promise<boolean>;
  ofDevice(userId: string, deviceId: string): Promise<SessionRecord | null>;
  bySessionId(sessionId: string): Promise<SessionRecord | null>;
  /** Every record of the user, ended ones included, the one used last first. At most a few dozen. */
  ofUser(userId: string): Promise<SessionRecord[]>;
  remove(userId: string, deviceId: string): Promise<void>;
};

/** Access tokens of this session (null: of every session of the user) issued before `at` are no longer good. */
export type Revocation = { userId: string; sessionId: string | null; at: number; until: number };

export type RevocationStore = {
  add(revocations: readonly Revocation[]): Promise<void>;
  /** Those added since this mark, and the next mark; null reads all whose `until` is not past. Never misses one that was durable. */
  since(mark: string | null): Promise<{ revocations: Revocation[]; mark: string }>;
};

export type AuditEntry = {
  /** Unique and in the order of time. */
  auditId: string;
  at: number;
  actor: string;
  /** The address the act came from, or null. */
  from: string | null;
  action: string;
  subject: string;
  before: unknown;
  after: unknown;
};
export type AuditFilter = { actor?: string; action?: string; subject?: string; from?: number; to?: number };
export type AuditStore = {
  append(entries: readonly AuditEntry[]): Promise<void>;
  /** Newest first, strictly after (older than) `after`. */
  list(filter: AuditFilter, page: { limit: number; after?: string }): Promise<AuditEntry[]>;
};

export type AccountStores = {
  readonly users: UserStore;
  readonly roles: RoleStore;
  readonly sessions: SessionStore;
  readonly revocations: RevocationStore;
  readonly audit: AuditStore;
};
