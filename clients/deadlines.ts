/**
 * Deadlines of many requests with one timer. Requests of equal patience expire in the order they came, so each distinct
 * patience has a chain whose first is its next; the timer stands at the earliest of those. Adding and removing touch no
 * timer but for the very first. It knows nothing of requests.
 */
import type { Runtime } from '../protocol/runtime.ts';
import { Chain, type Entry } from './chain.ts';

export type Expiring = {
  /** On the runtime's monotonic clock, in milliseconds. */
  readonly deadlineAt: number;
  expire(): void;
};

export class Deadlines<T extends Expiring> {
  readonly #runtime: Runtime;
  /** By patience in milliseconds. Empty chains stay until the next sweep: most are used again at once. */
  readonly #chains = new Map<number, Chain<T>>();
  #timerAt = Number.POSITIVE_INFINITY;
  #cancelTimer: (() => void) | null = null;

  constructor(runtime: Runtime) {
    this.#runtime = runtime;
  }

  /** `item.deadlineAt` must be `patienceMs` from now. The entry that is returned is removed when the item is done. */
  add(item: T, patienceMs: number): Entry<T> {
    let chain = this.#chains.get(patienceMs);
    if (chain === undefined) {
      chain = new Chain<T>();
      this.#chains.set(patienceMs, chain);
    }
    if (item.deadlineAt < this.#timerAt) this.#arm(item.deadlineAt, patienceMs);
    return chain.append(item);
  }

  /** Expires everything now, in whatever time it had left. */
  expireAll(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = null;
    this.#timerAt = Number.POSITIVE_INFINITY;
    for (const chain of this.#chains.values()) {
      for (let item = chain.shift(); item !== undefined; item = chain.shift()) item.expire();
    }
    this.#chains.clear();
  }

  #arm(at: number, ms: number): void {
    this.#cancelTimer?.();
    this.#timerAt = at;
    // A timer may fire a fraction of a millisecond early; one more sweep is cheaper than a deadline missed.
    this.#cancelTimer = this.#runtime.after(Math.max(1, Math.ceil(ms)), () => this.#sweep());
  }

  #sweep(): void {
    this.#cancelTimer = null;
    this.#timerAt = Number.POSITIVE_INFINITY;
    const now = this.#runtime.monotonicMs();
    let next = Number.POSITIVE_INFINITY;
    for (const [patienceMs, chain] of this.#chains) {
      while ((chain.first?.deadlineAt ?? Number.POSITIVE_INFINITY) <= now) chain.shift()?.expire();
      if (chain.first === undefined) this.#chains.delete(patienceMs);
      else next = Math.min(next, chain.first.deadlineAt);
    }
    if (next < this.#timerAt) this.#arm(next, next - now);
  }
}
