/** What the parts of the accounts contract share: records whose fields matter only where a test names them. */
import { assert } from '../../../protocol/testing/kit.ts';
import { inLanes } from '../../lib/in-lanes.ts';
import type { AuditEntry, Revocation, RoleRecord, SessionRecord, UserRecord } from '../accounts.ts';
import { auditIdOf } from '../accounts.ts';
import type { Store } from '../store.ts';
import { NOON } from './fixtures.ts';

export function userOf(fields: Partial<UserRecord> = {}): UserRecord {
  const { userId = 'anna', username = userId } = fields;
  return {
    userId,
    username,
    usernameKey: username?.toLowerCase() ?? null,
    passwordHash: '$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA',
    roles: ['USER'],
    createdAt: NOON,
    erasedAt: null,
    revision: 1,
    ...fields,
  };
}

export function roleOf(fields: Partial<RoleRecord> = {}): RoleRecord {
  return {
    name: 'CARE',
    title: 'Kundendienst ☎',
    description: '',
    permissions: ['users.list'],
    revision: 1,
    ...fields,
  };
}

export function sessionOf(fields: Partial<SessionRecord> = {}): SessionRecord {
  const { userId = 'anna', deviceId = 'phone' } = fields;
  return {
    userId,
    deviceId,
    sessionId: `session.${userId}.${deviceId}`,
    tokenHash: 'aa',
    previousHash: null,
    generation: 1,
    rotatedAt: NOON,
    createdAt: NOON,
    lastUsedAt: NOON,
    expiresAt: NOON + 7_776_000_000,
    endedAt: null,
    userAgent: 'Mozilla/5.0 (X11; Ünïcode)',
    revision: 1,
    ...fields,
  };
}

export function revocationOf(fields: Partial<Revocation> = {}): Revocation {
  const { at = NOON } = fields;
  return { userId: 'anna', sessionId: null, at, until: at + 605_000, ...fields };
}

export function entryOf(sequence: number, fields: Partial<AuditEntry> = {}): AuditEntry {
  const { at = NOON + sequence } = fields;
  return {
    auditId: auditIdOf(at, { node: 'n1', boot: 'b1', sequence }),
    at,
    actor: 'anna',
    from: '127.0.0.1',
    action: 'user.roles',
    subject: 'bob',
    before: { roles: ['USER'] },
    after: { roles: ['USER', 'OPERATOR'], note: null, nested: [{ 'a.b': 1, $set: 'text' }] },
    ...fields,
  };
}

const CREATED_AT_ONCE = 20;

export async function createUsers(store: Store, users: readonly UserRecord[]): Promise<void> {
  const made = await inLanes(users, CREATED_AT_ONCE, (user) => store.accounts.users.create(user));
  assert.ok(made.every(Boolean));
}

/** The record after `fields` have been written over it; fails where the write is refused. */
export async function changed(store: Store, user: UserRecord, fields: Partial<UserRecord>): Promise<UserRecord> {
  const next = { ...user, ...fields, revision: user.revision + 1 };
  assert.is(await store.accounts.users.replace(next), 'DONE');
  return next;
}

/** The stores take turns, as two servers do that are asked by many. */
export function raced<T>(
  count: number,
  stores: readonly [Store, Store],
  act: (store: Store, index: number) => Promise<T>,
) {
  return Promise.all(Array.from({ length: count }, (_, index) => act(stores[index % 2] as Store, index)));
}
