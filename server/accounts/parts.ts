/** What the parts of this folder share: where they write, what o'clock it is, what they tell the rest of the node. */
import type { Runtime } from '../../protocol/runtime.ts';
import type { AccountStores, Revocation } from '../store/accounts.ts';
import type { Audit } from './audit.ts';
import type { LoginAttempts } from './login-attempts.ts';
import type { PasswordHasher } from './password-hasher.ts';
import type { RefreshKeys } from './refresh-token.ts';

export type AccountParts = {
  stores: AccountStores;
  runtime: Runtime;
  /** The store's time, milliseconds since 1970 UTC. */
  nowMs: () => number;
  audit: Audit;
  hasher: PasswordHasher;
  attempts: LoginAttempts;
  keys: RefreshKeys;
  /** Durable, and in force on this node, when it resolves. */
  revoke: (revocations: readonly Revocation[]) => Promise<void>;
  /** How long after its revocation an access token of ours may still be presented, and one that has no session. */
  tokenMs: { stored: number; unstored: number };
  /** What this node has changed about a user counts at once. */
  changedUser: (userId: string) => void;
};

/** More than writers can meet in one place; beyond it something is wrong elsewhere. */
export const WRITES_MAX = 50;
export const BUSY_RETRY_MS = 1_000;
