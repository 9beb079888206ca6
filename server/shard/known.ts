/**
 * What this node has seen to be durable, in bounded memory: claims by claim key and by request id, and which periods
 * are sold out. All of it stays true for ever, so forgetting is safe and nothing has to be invalidated. It is a cache,
 * never the truth: what it does not hold may still exist.
 */
import { requestKeyOf } from '../../protocol/key.ts';
import { RecentMap } from '../lib/recent-map.ts';
import type { ClaimRecord } from '../store/store.ts';

const SOLD_OUT_MAX = 10_000;

export class Known {
  readonly #byKey: RecentMap<string, ClaimRecord>;
  readonly #byRequest: RecentMap<string, ClaimRecord>;
  readonly #soldOutAt: RecentMap<string, number>;

  /** With `claimsMax` 0 nothing is remembered and every answer comes from the store. */
  constructor(claimsMax: number) {
    this.#byKey = new RecentMap(claimsMax);
    this.#byRequest = new RecentMap(claimsMax);
    this.#soldOutAt = new RecentMap(claimsMax === 0 ? 0 : SOLD_OUT_MAX);
  }

  get claimCount(): number {
    return this.#byKey.size;
  }

  remember(claim: ClaimRecord): void {
    this.#byKey.set(claim.claimKey, claim);
    this.#byRequest.set(requestKeyOf(claim.userId, claim.requestId), claim);
  }

  byKey(claimKey: string): ClaimRecord | undefined {
    return this.#byKey.get(claimKey);
  }

  byRequest(userId: string, requestId: string): ClaimRecord | undefined {
    return this.#byRequest.get(requestKeyOf(userId, requestId));
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
