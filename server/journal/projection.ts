/**
 * Drives the projector: at most an interval after a block is durable it begins to turn it into claims, in slices, and
 * gives way while claims are being granted. Slices grow while there is more to do than time: many claims at once are cheaper
 * for a store whose indexes are larger than its memory. It goes on where the mark says, whatever happened before. A conflict is a broken
 * promise: counted and reported, never repaired here.
 */
import type { Runtime } from '../../protocol/runtime.ts';
import type { Log } from '../lib/log.ts';
import { reasonOf } from '../lib/reason.ts';
import type { Conflict, Projector } from '../store/journal.ts';
import type { Reign } from './reign.ts';

const SLICE_CLAIMS = 2_000;
/** In memory for a moment, about a kilobyte each. */
const SLICE_CLAIMS_MAX = 200_000;
/** Of what is left: the last slices are short again, since somebody may wait for the end. */
const SLICE_SHARE_MAX = 0.5;
/** How long a slice may take, about: whoever stops waits for it. */
const SLICE_MS = 5_000;
/** Below this load there is time for everything; at full load a slice is followed by ten times its own length of rest. */
const LOAD_FREE = 0.5;
const REST_TIMES_MAX = 10;
/** A slice that took long for reasons of its own, such as new collections, is no measure of how long to rest. */
const REST_MS_MAX = 2_000;
const RETRY_MS = 500;

export type ProjectionOptions = {
  projector: Projector;
  reign: Reign;
  runtime: Runtime;
  log: Log;
  /** How long a durable block may wait, in milliseconds. */
  intervalMs: number;
  /** How busy the event loop was since the last call, from 0 to 1. */
  load: () => number;
  onConflict: (conflict: Conflict) => void;
};

export class Projection {
  readonly #options: ProjectionOptions;
  #projectedClaims = 0;
  #behindSince: number | null = null;
  #cancel: () => void = () => {};
  #wake: () => void = () => {};
  #hurried = 0;
  #running: Promise<void> | null = null;
  #tidying: Promise<void> | null = null;
  #isOver = false;
  #holds = 0;
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
      this.#release();
      if (this.#isBehind) void this.run();
      else void this.#tidyUp();
      this.#cancel = runtime.after(intervalMs, tick);
    };
    tick();
  }

  /** While somebody waits for it the projection gives way to nobody. The returned function ends that. */
  hurry(): () => void {
    this.#hurried++;
    this.#wake();
    return () => this.#hurried--;
  }

  /** Resolves when everything that is durable now is in the store, or when it cannot get on. */
  run(): Promise<void> {
    this.#running ??= this.#catchUp().finally(() => {
      this.#running = null;
    });
    return this.#running;
  }

  /** Nothing is released until the returned function is called; what was held back goes with the next slice. */
  hold(): () => void {
    this.#holds++;
    let isHeld = true;
    return () => {
      if (isHeld) this.#holds--;
      isHeld = false;
    };
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    this.#cancel();
    // A timer keeps no process alive: without this a stop in the middle of a rest would be the end of it.
    this.#wake();
    await this.#running;
    await this.#tidying;
  }

  get #isBehind(): boolean {
    const { reign } = this.#options;
    return reign.mark < reign.head;
  }

  #release(): void {
    if (this.#holds === 0) this.#options.reign.release();
  }

  #watch(): void {
    if (this.#isBehind) this.#behindSince ??= this.#options.runtime.monotonicMs();
    else this.#behindSince = null;
  }

  async #catchUp(): Promise<void> {
    const { reign, runtime } = this.#options;
    const until = reign.head;
    let claimsMax = SLICE_CLAIMS;
    while (reign.mark < until && !this.#isOver) {
      const startedAt = runtime.monotonicMs();
      if (!(await this.#slice(until, claimsMax))) return;
      await this.#tidy();
      const sliceMs = runtime.monotonicMs() - startedAt;
      claimsMax = (await this.#giveWay(sliceMs)) ? SLICE_CLAIMS : this.#sized(claimsMax, sliceMs);
    }
    if (!this.#isBehind) this.#behindSince = null;
  }

  /** What is left to tidy when nothing waits to be projected. */
  #tidyUp(): Promise<void> {
    this.#tidying ??= this.#tidyAll().finally(() => {
      this.#tidying = null;
    });
    return this.#tidying;
  }

  async #tidyAll(): Promise<void> {
    const { runtime } = this.#options;
    while (!this.#isBehind) {
      const startedAt = runtime.monotonicMs();
      if (!(await this.#tidy())) return;
      await this.#giveWay(runtime.monotonicMs() - startedAt);
    }
  }

  /** A log that fills up is worse than grants that take longer. False when there was nobody to give way to. */
  async #giveWay(sliceMs: number): Promise<boolean> {
    const { reign, load } = this.#options;
    const excess = (load() - LOAD_FREE) / (1 - LOAD_FREE);
    if (excess <= 0 || this.#hurried > 0 || reign.journal.state().isFull) return false;
    await this.#rest(Math.min(sliceMs * excess * REST_TIMES_MAX, REST_MS_MAX));
    return true;
  }

  /** How many claims the next slice has, after one of `claims` that took so long. */
  #sized(claims: number, tookMs: number): number {
    const times = tookMs > 2 * SLICE_MS ? 0.5 : tookMs < SLICE_MS ? 2 : 1;
    const claimsMax = Math.min(SLICE_CLAIMS_MAX, this.backlogClaims * SLICE_SHARE_MAX);
    return Math.max(SLICE_CLAIMS, Math.min(claims * times, claimsMax));
  }

  async #slice(until: number, claimsMax: number): Promise<boolean> {
    const { projector, reign, log, onConflict } = this.#options;
    try {
      const { mark, claims, conflicts } = await projector.advance(until, claimsMax);
      this.#projectedClaims += claims;
      if (mark <= reign.mark) throw new Error('the projection does not move');
      reign.mark = mark;
      // A slice that moved the mark and then failed was never counted.
      if (mark >= reign.head) this.#projectedClaims = reign.durableClaims;
      this.#release();
      for (const conflict of conflicts) onConflict(conflict);
      this.#detail = null;
      return true;
    } catch (error) {
      if (this.#isOver) return false;
      this.#detail = reasonOf(error);
      log.warn({ cause: this.#detail }, 'the projection failed and will be tried again');
      await this.#rest(RETRY_MS);
      return false;
    }
  }

  /** False when there is nothing to do, or it failed, which is no reason to project no further. */
  async #tidy(): Promise<boolean> {
    if (this.#isOver) return false;
    try {
      return await this.#options.projector.tidy();
    } catch (error) {
      if (!this.#isOver) this.#options.log.warn({ cause: reasonOf(error) }, 'the index of claims could not be tidied');
      return false;
    }
  }

  #rest(ms: number): Promise<void> {
    if (this.#isOver) return Promise.resolve();
    return new Promise((resolve) => {
      const cancel = this.#options.runtime.after(ms, resolve);
      this.#wake = () => {
        cancel();
        resolve();
      };
    });
  }
}
