/**
 * Bounds how much costly work is under way at once: what comes later waits in the order it came. Each piece begins in a turn
 * of the event loop of its own, so that even work that never waits leaves room for others between two pieces.
 */
import type { Runtime } from '../../protocol/runtime.ts';

export class AtMost {
  readonly #runtime: Runtime;
  readonly #atOnceMax: number;
  #running = 0;
  readonly #waiting: (() => void)[] = [];

  constructor(runtime: Runtime, { atOnceMax }: { atOnceMax: number }) {
    this.#runtime = runtime;
    this.#atOnceMax = atOnceMax;
  }

  /** Resolves or rejects as `work` does, once its time has come. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#running < this.#atOnceMax) this.#running++;
    // Whoever leaves hands its place on.
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      await new Promise<void>((resolve) => this.#runtime.soon(resolve));
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#running--;
      else next();
    }
  }
}
