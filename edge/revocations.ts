/**
 * Access tokens that are no longer good although they have not ended yet, as servers tell it. They live in memory until
 * the tokens would have ended by themselves; a server tells all that are in force when an edge subscribes, so nothing is
 * lost with this process. Invariant: how long one is kept is measured by the monotonic clock, so that a clock that jumps
 * brings no token back.
 */
import { isStoredSession } from '../protocol/accounts.ts';
import type { Args } from '../protocol/ops.ts';
import type { Runtime } from '../protocol/runtime.ts';
import type { Identity } from './tokens.ts';

type Revoked = {
  /** Tokens issued before this time, in milliseconds since 1970 UTC; infinite when all are meant. */
  issuedBeforeMs: number;
  forgottenAtMs: number;
};

export class Revocations {
  readonly #runtime: Runtime;
  /** By session id, and by user id for tokens without a session. */
  readonly #sessions = new Map<string, Revoked>();
  readonly #users = new Map<string, Revoked>();

  constructor(runtime: Runtime) {
    this.#runtime = runtime;
  }

  add([userId, sessionId, at, until]: Args<'REVOKED'>): void {
    // Both are times of the server, so their distance needs no clock of ours.
    const forgottenAtMs = this.#runtime.monotonicMs() + Math.max(0, until - at);
    if (sessionId === null) keepLater(this.#users, userId, { issuedBeforeMs: at, forgottenAtMs });
    else keepLater(this.#sessions, sessionId, { issuedBeforeMs: Number.POSITIVE_INFINITY, forgottenAtMs });
  }

  /** True when a token that says this is no longer good. */
  includes(token: Pick<Identity, 'userId' | 'sessionId' | 'issuedAtMs'>): boolean {
    const revoked = isStoredSession(token.sessionId)
      ? this.#sessions.get(token.sessionId)
      : this.#users.get(token.userId);
    // A token that does not say when it was issued may be as old as any.
    return revoked !== undefined && (token.issuedAtMs ?? 0) < revoked.issuedBeforeMs;
  }

  /** Drops what no token can need any more. */
  sweep(): void {
    const nowMs = this.#runtime.monotonicMs();
    for (const kept of [this.#sessions, this.#users]) {
      for (const [key, { forgottenAtMs }] of kept) if (forgottenAtMs <= nowMs) kept.delete(key);
    }
  }

  get size(): number {
    return this.#sessions.size + this.#users.size;
  }
}

function keepLater(kept: Map<string, Revoked>, key: string, revoked: Revoked): void {
  const known = kept.get(key);
  kept.set(key, {
    issuedBeforeMs: Math.max(revoked.issuedBeforeMs, known?.issuedBeforeMs ?? 0),
    forgottenAtMs: Math.max(revoked.forgottenAtMs, known?.forgottenAtMs ?? 0),
  });
}
