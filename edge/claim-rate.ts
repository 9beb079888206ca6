/**
 * How often one user may claim through this edge: a token bucket for each user, in bounded memory. It protects the
 * server from one account's script and is no promise: a user who is forgotten starts with a full bucket.
 */
import type { Runtime } from '../protocol/runtime.ts';
import { Recent } from './recent.ts';

/** Claims a second that are always let through, and how many may come at once. */
export type Rate = { perSecond: number; burst: number };
export const CLAIM_RATE: Rate = { perSecond: 200, burst: 400 };

type Bucket = { left: number; atMs: number };

export class ClaimRate {
  readonly #rate: Rate;
  readonly #runtime: Runtime;
  readonly #buckets: Recent<Bucket>;

  constructor({ rate, runtime, usersMax }: { rate: Rate; runtime: Runtime; usersMax: number }) {
    if (!(rate.perSecond > 0) || !(rate.burst >= 1))
      throw new RangeError('a claim rate is above 0 and a burst is 1 or more');
    this.#rate = rate;
    this.#runtime = runtime;
    this.#buckets = new Recent(usersMax);
  }

  /** Takes one claim from the user's bucket. 0 when it may go on, else the milliseconds until one is there. */
  waitMs(userId: string): number {
    const { perSecond, burst } = this.#rate;
    const nowMs = this.#runtime.monotonicMs();
    const bucket = this.#buckets.get(userId);
    if (bucket === undefined) {
      this.#buckets.set(userId, { left: burst - 1, atMs: nowMs });
      return 0;
    }
    bucket.left = Math.min(burst, bucket.left + ((nowMs - bucket.atMs) * perSecond) / 1000);
    bucket.atMs = nowMs;
    if (bucket.left < 1) return Math.ceil(((1 - bucket.left) * 1000) / perSecond);
    bucket.left -= 1;
    return 0;
  }

  /** How many users are remembered. */
  get users(): number {
    return this.#buckets.size;
  }
}
