/** Accounts over a real store whose time a test moves, without a server around them. */
import { realRuntime } from '../../lib/runtime.ts';
import type { Revocation } from '../../store/accounts.ts';
import type { Store } from '../../store/store.ts';
import { Accounts } from '../accounts.ts';
import { Audit, type Doer } from '../audit.ts';
import { CustomRoles } from '../custom-roles.ts';
import { LoginAttempts } from '../login-attempts.ts';
import type { AccountParts } from '../parts.ts';
import { createPasswordHasher } from '../password-hasher.ts';
import { refreshKeysOf } from '../refresh-token.ts';

export const DAY_MS = 86_400_000;
export const DOER: Doer = { name: 'service:edge', from: '192.0.2.1' };

/** Of all the servers of a test; starts at a fixed time. */
export type Time = { now: number };
export const newTime = (): Time => ({ now: Date.UTC(2026, 10, 22, 5) });

export type People = {
  accounts: Accounts;
  roles: CustomRoles;
  revoked: Revocation[];
  /** Actions of the audit log, newest first. */
  actions(): Promise<string[]>;
  /** Sessions of a user, ended ones included. */
  recordCount(userId: string): Promise<number>;
  close(): Promise<void>;
};

/** What one server has; several over one store are several servers. */
export function peopleOn(store: Store, time: Time, node = 'n1'): People {
  const stores = store.accounts;
  const nowMs = () => time.now;
  const hasher = createPasswordHasher({ threads: 1 });
  const revoked: Revocation[] = [];
  const parts: AccountParts = {
    ...{ stores, nowMs, hasher, runtime: realRuntime },
    audit: new Audit({ store: stores.audit, nowMs, node, boot: 'b1' }),
    attempts: new LoginAttempts(realRuntime),
    keys: refreshKeysOf(new Uint8Array(32).fill(1)),
    revoke: async (revocations) => {
      await stores.revocations.add(revocations);
      revoked.push(...revocations);
    },
    tokenMs: { stored: 605_000, unstored: 7 * DAY_MS },
    changedUser: () => {},
  };
  return {
    accounts: new Accounts({
      ...parts,
      sign: ({ userId, sessionId }) => ({ token: `${userId} ${sessionId}`, expiresAt: time.now + 600_000 }),
    }),
    roles: new CustomRoles(parts, {
      builtIn: {
        USER: { title: '', description: '', permissions: [] },
        ADMIN: { title: '', description: '', permissions: [] },
      },
      permissions: ['events.read', 'events.write'],
      changed: () => {},
    }),
    revoked,
    actions: async () => (await stores.audit.list({}, { limit: 200 })).map(({ action }) => action),
    recordCount: async (userId) => (await stores.sessions.ofUser(userId)).length,
    close: () => hasher.close(),
  };
}
