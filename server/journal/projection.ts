/**
 * Drives the projector: at most an interval after a block is durable it begins to turn it into claims, in slices, and
 * gives way while claims are being granted. It goes on where the mark says, whatever happened before. A conflict is a broken
 * promise: counted and reported, never repaired here.
 */
import type { Runtime } from '../../protocol/runtime.ts';
import type { Log } from '../lib/log.ts';
import type { Conflict, Projector } from '../store/journal.ts';
import type { Reign } from './reign.ts';

const SLICE_CLAIMS = 2_000;
/** Under load a slice is followed by this many times its own length of rest. */
const REST_TIMES = 3;
const RETRY_MS = 500;

export type ProjectionOptions = {
  projector: Projector;
  reign: Reign;
  runtime: Runtime;
  log: Log;
  /** How long a durable block may wait, in milliseconds. */
  intervalMs: number;
  onConflict: (conflict: Conflict) => void;
};

export class Projection {
  readonly #options: ProjectionOptions;
  #projectedClaims = 0;
  #behindSince: number | null = null;
  #cancel: () => void = () => {};
  #running: Promise<void> | null = null;
  #isOver = false;
  #detail: string | null = null;

  constructor(options: ProjectionOptions) {
    this.#options = options;
  }

  /** Claims that are granted and not in the store yet. */
  get backlogClaims(): number {
    return this.#options.reign.durableClaims - this.#projectedClaims;
  }

  /** How long the oldest of them may have waited, in milliseconds. */
  get oldestMs(): number {
    return this.#behindSince === null ? 0 : this.#options.runtime.monotonicMs() - this.#behindSince;
  }

  /** Why it does not get on; null when it does. */
  get detail(): string | null {
    return this.#detail;
  }

  start(): void {
    const { runtime, intervalMs } = this.#options;
    const tick = () => {
      this.#watch();
      void this.run();
      this.#cancel = runtime.after(intervalMs, tick);
    };
    tick();
  }

  /** Resolves when everything that is durable now is in the store, or when it cannot get on. */
  run(): Promise<void> {
    this.#running ??= this.#catchUp().finally(() => {
      this.#running = null;
    });
    return this.#running;
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    this.#cancel();
    await this.#running;
  }

  #watch(): void {
    const { reign, runtime } = this.#options;
    if (reign.mark >= reign.head) this.#behindSince = null;
    else this.#behindSince ??= runtime.monotonicMs();
  }

  async #catchUp(): Promise<void> {
    const { reign, runtime } = this.#options;
    const until = reign.head;
    while (reign.mark < until && !this.#isOver) {
      const startedAt = runtime.monotonicMs();
      const grantedBefore = reign.durableClaims;
      if (!(await this.#slice(until))) return;
      const isBusy = reign.durableClaims - grantedBefore > SLICE_CLAIMS / 10;
      if (isBusy) await this.#rest((runtime.monotonicMs() - startedAt) * REST_TIMES);
    }
    if (reign.mark >= reign.head) this.#behindSince = null;
  }

  async #slice(until: number): Promise<boolean> {
    const { projector, reign, log, onConflict } = this.#options;
    try {
      const { mark, claims, conflicts } = await projector.advance(until, SLICE_CLAIMS);
      this.#projectedClaims += claims;
      if (mark <= reign.mark) throw new Error('the projection does not move');
      reign.mark = mark;
      reign.journal.release(mark);
      for (const conflict of conflicts) onConflict(conflict);
      this.#detail = null;
      return true;
    } catch (error) {
      if (this.#isOver) return false;
      this.#detail = error instanceof Error ? error.message : String(error);
      log.warn({ cause: this.#detail }, 'the projection failed and will be tried again');
      await this.#rest(RETRY_MS);
      return false;
    }
  }

  #rest(ms: number): Promise<void> {
    return new Promise((resolve) => this.#options.runtime.after(ms, resolve));
  }
}
