/**
 * Who is let in: a principal and an op into how far it reaches, or into why not. Services are judged at once; a user's
 * session must not be revoked, and where roles matter it is the server's word on them that counts, not the token's.
 *
 * While no revocations can be read nobody knows who was signed out. Ops that take a role end soon, what players do for
 * themselves goes on for longer: an outage must not end an event, and an operator can wait.
 */
import type { RequestName } from '../../protocol/ops.ts';
import type { Problem } from '../../protocol/reply.ts';
import type { KnownRoles } from './known-roles.ts';
import { dependsOnRoles, type Reach, reachOf } from './permissions.ts';
import type { Principal, UserPrincipal } from './principal.ts';
import type { Revocations } from './revocations.ts';

export const ROLES_STALE_MS = 2_000;
export const PLAYERS_STALE_MS = 10_000;
const RETRY_MS = 500;

/** The principal carries the roles that count. */
export type Admitted = { principal: Principal; reach: Exclude<Reach, 'none'> };
export type Verdict = Admitted | Problem;

const FORBIDDEN: Problem = { code: 'FORBIDDEN' };
const BLIND: Problem = { code: 'STORE_UNAVAILABLE', retryAfterMs: RETRY_MS, detail: 'revocations cannot be read' };

export class Gate {
  readonly #revocations: Revocations;
  readonly #known: KnownRoles;

  constructor({ revocations, known }: { revocations: Revocations; known: KnownRoles }) {
    this.#revocations = revocations;
    this.#known = known;
  }

  /** A promise only where roles must be looked up; it rejects with StoreUnavailable. */
  judge(principal: Principal, op: RequestName): Verdict | Promise<Verdict> {
    if (principal.kind === 'service') return verdictOf(principal, reachOf(principal, op));
    if (this.#revocations.isRevoked(principal)) return { code: 'SESSION_ENDED' };
    const ageMs = this.#revocations.ageMs();
    if (ageMs > PLAYERS_STALE_MS) return BLIND;
    if (!dependsOnRoles(op)) return verdictOf(principal, reachOf(principal, op));
    if (ageMs <= ROLES_STALE_MS) return this.#judgeByRoles(principal, op);
    const asPlayer = reachOf({ ...principal, roles: [] }, op);
    return asPlayer === 'none' ? BLIND : { principal: { ...principal, roles: [] }, reach: asPlayer };
  }

  async #judgeByRoles(principal: UserPrincipal, op: RequestName): Promise<Verdict> {
    const [user, table] = await Promise.all([this.#known.user(principal.userId), this.#known.table()]);
    if (user !== null && user.erasedAt !== null) return { code: 'SESSION_ENDED' };
    const known = user === null ? principal : { ...principal, roles: user.roles };
    return verdictOf(known, reachOf(known, op, table));
  }
}

function verdictOf(principal: Principal, reach: Reach): Verdict {
  return reach === 'none' ? FORBIDDEN : { principal, reach };
}
