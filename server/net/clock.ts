/**
 * The clock by which peers are judged. It moves when the sweep moves it, so that reading it costs the hot path nothing,
 * and no step counts for more than two sweeps: time in which this process stood still (a long pause, SIGSTOP, a
 * debugger) is not held against peers whose bytes were waiting in the kernel meanwhile.
 */
import type { Runtime } from '../../protocol/runtime.ts';

export class SweepClock {
  /** Milliseconds since the start, at the last sweep: up to one sweep old. */
  nowMs = 0;
  readonly #runtime: Runtime;
  readonly #stepMsMax: number;
  #sweptAt: number;

  constructor(runtime: Runtime, sweepMs: number) {
    this.#runtime = runtime;
    this.#stepMsMax = 2 * sweepMs;
    this.#sweptAt = runtime.monotonicMs();
  }

  advance(): void {
    const monotonicMs = this.#runtime.monotonicMs();
    this.nowMs += Math.min(monotonicMs - this.#sweptAt, this.#stepMsMax);
    this.#sweptAt = monotonicMs;
  }

  /** The same clock read exactly, for deadlines that must not be early. */
  exactMs(): number {
    return this.nowMs + Math.min(this.#runtime.monotonicMs() - this.#sweptAt, this.#stepMsMax);
  }
}
