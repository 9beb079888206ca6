/**
 * What this node has seen to be durable, in bounded memory: claims by user, and which periods are sold out. All of it
 * stays true for ever, so forgetting is safe and nothing has to be invalidated. It is a cache, never the truth: what it
 * does not hold may still exist.
 *
 * By user, because a user has few claims and one look-up then answers for the claim key and for the request id.
 */
import { RecentMap } from '../lib/recent-map.ts';
import type { ClaimRecord } from '../store/store.ts';
import { KnownClaims } from './known-claims.ts';

const SOLD_OUT_MAX = 10_000;

export class Known {
  readonly #claims: KnownClaims;
  readonly #soldOutAt: RecentMap<string, number>;

  /** With `usersMax` 0 nothing is remembered and every answer comes from the store. */
  constructor(usersMax: number) {
    this.#claims = new KnownClaims(usersMax);
    this.#soldOutAt = new RecentMap(usersMax === 0 ? 0 : SOLD_OUT_MAX);
  }

  get userCount(): number {
    return this.#claims.userCount;
  }

  remember(claim: ClaimRecord): void {
    this.#claims.remember(claim);
  }

  ofUser(userId: string): readonly ClaimRecord[] {
    return this.#claims.ofUser(userId);
  }

  /** The store has found slot `stock` of this period taken. */
  rememberSoldOut(eventKey: string, period: string, stock: number): void {
    this.#soldOutAt.set(`${eventKey}/${period}`, stock);
  }

  /** The stock at which this period was found sold out, else 0. Units are never given back: it stays so until the stock is raised. */
  soldOutStock(eventKey: string, period: string): number {
    return this.#soldOutAt.get(`${eventKey}/${period}`) ?? 0;
  }
}

/** Of one user's claims, the one of this event and period. */
export function claimOfPeriod(
  claims: readonly ClaimRecord[],
  eventKey: string,
  period: string,
): ClaimRecord | undefined {
  for (const claim of claims) if (claim.period === period && claim.eventKey === eventKey) return claim;
  return undefined;
}

export function claimOfRequest(claims: readonly ClaimRecord[], requestId: string): ClaimRecord | undefined {
  for (const claim of claims) if (claim.requestId === requestId) return claim;
  return undefined;
}
