/**
 * The time of the input at hand: what one read of a socket brings is decided as of one moment. A clock costs as much as an
 * index, and a burst of frames would ask it thousands of times for the same answer. Invariant: a burst ends with the call
 * that the event loop made, so no answer is older than the work of that call.
 */
import type { Runtime } from '../../protocol/runtime.ts';
import type { Clock } from './clock.ts';

export class BurstClock {
  /** By the monotonic clock, in milliseconds; after `read`. */
  monotonicMs = 0;
  /** Milliseconds since 1970-01-01 UTC by the store's clock; after `read`. */
  nowMs = 0;
  readonly #runtime: Pick<Runtime, 'monotonicMs'>;
  readonly #clock: Pick<Clock, 'nowMs'>;
  #isRead = false;
  readonly #forget = () => {
    this.#isRead = false;
  };

  constructor(runtime: Pick<Runtime, 'monotonicMs'>, clock: Pick<Clock, 'nowMs'>) {
    this.#runtime = runtime;
    this.#clock = clock;
  }

  read(): void {
    if (this.#isRead) return;
    this.#isRead = true;
    this.monotonicMs = this.#runtime.monotonicMs();
    this.nowMs = this.#clock.nowMs();
    queueMicrotask(this.#forget);
  }
}
