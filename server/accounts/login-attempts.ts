/**
 * How often a password may be tried: a bucket per account and one per address. An attempt is taken before the password
 * is looked at, so that many at once cannot slip through together, and given back when the password was right. What is
 * remembered is bounded; who was forgotten begins anew.
 */
import type { Runtime } from '../../protocol/runtime.ts';
import { RecentMap } from '../lib/recent-map.ts';

/** `burst` attempts at once, then one each `everyMs`. */
type Rate = { burst: number; everyMs: number };
export const ACCOUNT_RATE: Rate = { burst: 10, everyMs: 10_000 };
export const ADDRESS_RATE: Rate = { burst: 100, everyMs: 1_000 };
const ENTRIES_MAX = 100_000;

export type Attempt = {
  /** The password was right: the attempt does not count. */
  forgive(): void;
};

/** As in `Attempt`, or how long to wait. */
export type Admission = Attempt | { retryAfterMs: number };

export class LoginAttempts {
  readonly #accounts: Buckets;
  readonly #addresses: Buckets;

  constructor(
    runtime: Runtime,
    { account = ACCOUNT_RATE, address = ADDRESS_RATE }: { account?: Rate; address?: Rate } = {},
  ) {
    this.#accounts = new Buckets(runtime, account);
    this.#addresses = new Buckets(runtime, address);
  }

  /** `account` is null where nobody is named yet. An unknown address is nobody's, and this machine's own is everybody's. */
  admit({ account, from }: { account: string | null; from: string | null }): Admission {
    const address = from === null || isLoopback(from) ? null : from;
    const waitMs = Math.max(
      account === null ? 0 : this.#accounts.waitMs(account),
      address === null ? 0 : this.#addresses.waitMs(address),
    );
    if (waitMs > 0) return { retryAfterMs: waitMs };
    if (account !== null) this.#accounts.take(account);
    if (address !== null) this.#addresses.take(address);
    return {
      forgive: () => {
        if (account !== null) this.#accounts.give(account);
        if (address !== null) this.#addresses.give(address);
      },
    };
  }
}

function isLoopback(address: string): boolean {
  return address === '::1' || /^(::ffff:)?127\./.test(address);
}

/** Each bucket is one number: the time at which it would be full. */
class Buckets {
  readonly #runtime: Runtime;
  readonly #rate: Rate;
  readonly #fullAt = new RecentMap<string, number>(ENTRIES_MAX);

  constructor(runtime: Runtime, rate: Rate) {
    this.#runtime = runtime;
    this.#rate = rate;
  }

  waitMs(key: string): number {
    const missingMs = this.#debtMs(key) + this.#rate.everyMs - this.#rate.burst * this.#rate.everyMs;
    return Math.max(0, Math.ceil(missingMs));
  }

  take(key: string): void {
    this.#add(key, this.#rate.everyMs);
  }

  give(key: string): void {
    this.#add(key, -this.#rate.everyMs);
  }

  #add(key: string, ms: number): void {
    this.#fullAt.set(key, this.#runtime.monotonicMs() + Math.max(0, this.#debtMs(key) + ms));
  }

  #debtMs(key: string): number {
    return Math.max(0, (this.#fullAt.get(key) ?? 0) - this.#runtime.monotonicMs());
  }
}
