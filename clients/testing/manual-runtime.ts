/** A Runtime whose clock stands until the test moves it, while sockets run as they do: no test of time waits. */
import { randomBytes } from 'node:crypto';
import type { Runtime } from '../../protocol/runtime.ts';

type Timer = { at: number; run: () => void };

export class ManualRuntime implements Runtime {
  /** What `random` returns: 0 makes every jitter the shortest. */
  chance = 0;
  #now = 1_000;
  readonly #timers = new Set<Timer>();

  monotonicMs(): number {
    return this.#now;
  }
  wallMs(): number {
    return this.#now;
  }
  random(): number {
    return this.chance;
  }
  randomBytes(length: number): Uint8Array {
    return randomBytes(length);
  }
  soon(run: () => void): void {
    setImmediate(run);
  }
  after(ms: number, run: () => void): () => void {
    const timer = { at: this.#now + ms, run };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /** The milliseconds until each timer that is set, soonest first. */
  get pending(): number[] {
    return [...this.#timers].map(({ at }) => at - this.#now).sort((a, b) => a - b);
  }

  /** Moves the clock, running every timer that falls due on the way, in order. */
  advance(ms: number): void {
    const end = this.#now + ms;
    for (let timer = this.#next(end); timer !== undefined; timer = this.#next(end)) {
      this.#timers.delete(timer);
      this.#now = Math.max(this.#now, timer.at);
      timer.run();
    }
    this.#now = end;
  }

  #next(end: number): Timer | undefined {
    return [...this.#timers].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
  }
}

/** Lets sockets run until the condition holds; the test's own deadline ends a wait in vain. */
export async function eventually(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise<void>((resolve) => setImmediate(resolve));
}

/** The same while timers that are due at once run: with `chance` 0 those are the retries and reconnects. */
export async function promptly(runtime: ManualRuntime, holds: () => boolean): Promise<void> {
  await eventually(() => {
    runtime.advance(0);
    return holds();
  });
}
