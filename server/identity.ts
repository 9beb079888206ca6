/**
 * Everything about who asks, joined for one node: accounts, tokens, revocations, the gate. It stands beside `server.ts`,
 * which does the same for claims; the two meet in the router's handlers and in what is told to edges.
 */
import type { Runtime } from '../protocol/runtime.ts';
import { Accounts } from './accounts/accounts.ts';
import { Audit } from './accounts/audit.ts';
import { CustomRoles } from './accounts/custom-roles.ts';
import { LoginAttempts } from './accounts/login-attempts.ts';
import type { AccountParts } from './accounts/parts.ts';
import { createPasswordHasher, type PasswordHasher } from './accounts/password-hasher.ts';
import { refreshKeysOf } from './accounts/refresh-token.ts';
import { ACCESS_TOKEN_MS, CLOCK_SKEW_MS, type SigningKey, signAccessToken } from './session/access-token.ts';
import { Gate } from './session/gate.ts';
import { KnownRoles } from './session/known-roles.ts';
import { Revocations, UNSTORED_TOKEN_MS_MAX } from './session/revocations.ts';
import { BUILT_IN_ROLES, USER_PERMISSIONS } from './session/roles.ts';
import type { AccountStores } from './store/accounts.ts';

/** Somebody else's issuer: for users whose ids begin with the prefix, as USER and nothing more. */
export type TrustedIssuer = { issuer: string; audience: string; userIdPrefix: string; jwks: () => Uint8Array };

export type TokenOptions = {
  /** The public keys as JSON, those of tokens that were signed before the last rotation included. */
  jwks: Uint8Array;
  issuer: string;
  audience: string;
  key: SigningKey;
  /** From which refresh tokens are derived; every server of a store has the same, and a rotation keeps it. */
  refreshSecret: Uint8Array;
  trusted?: readonly TrustedIssuer[];
};

export type IdentityOptions = {
  runtime: Runtime;
  stores: AccountStores;
  nowMs: () => number;
  node: string;
  boot: string;
  tokens: TokenOptions;
  hasher?: PasswordHasher;
};

export type Identity = {
  readonly accounts: Accounts;
  readonly roles: CustomRoles;
  readonly revocations: Revocations;
  readonly gate: Gate;
  readonly audit: Audit;
  readonly hasher: PasswordHasher;
  close(): Promise<void>;
};

/** Rejects with StoreUnavailable when the revocations cannot be read. */
export async function createIdentity(options: IdentityOptions): Promise<Identity> {
  const { runtime, stores, nowMs, node, boot, tokens } = options;
  const revocations = new Revocations({ store: stores.revocations, runtime, nowMs });
  await revocations.start();
  const known = new KnownRoles({ users: stores.users, roles: stores.roles, runtime });
  const audit = new Audit({ store: stores.audit, nowMs, node, boot });
  const hasher = options.hasher ?? createPasswordHasher();
  const signing = { ...tokens, randomBytes: (length: number) => runtime.randomBytes(length) };
  const parts: AccountParts = {
    ...{ stores, runtime, nowMs, audit, hasher },
    attempts: new LoginAttempts(runtime),
    keys: refreshKeysOf(tokens.refreshSecret),
    revoke: (added) => revocations.add(added),
    tokenMs: { stored: ACCESS_TOKEN_MS + CLOCK_SKEW_MS, unstored: UNSTORED_TOKEN_MS_MAX },
    changedUser: (userId) => known.forgetUser(userId),
  };
  return {
    accounts: new Accounts({
      ...parts,
      sign: (claims) => signAccessToken(signing, { ...claims, nowMs: nowMs() }),
    }),
    roles: new CustomRoles(parts, {
      builtIn: BUILT_IN_ROLES,
      permissions: USER_PERMISSIONS,
      changed: () => known.forgetTable(),
    }),
    revocations,
    gate: new Gate({ revocations, known }),
    audit,
    hasher,
    async close() {
      revocations.stop();
      await hasher.close();
    },
  };
}
