/**
 * Keeps what is known of claims within its memory. A window that has to go is not COMPLETE any more, so its claims are looked up
 * in the store; what the store does not have yet stays in its index until it does. The window whose newest claim is the oldest
 * goes first. When windows are not enough, the filter of request ids is given up, and each id is looked up.
 */
import type { RequestFilter } from './request-filter.ts';
import type { Tail } from './tail.ts';
import { IN_STORE, type Window, type Windows } from './windows.ts';

/** Of a window of 30 million claims this takes two milliseconds. */
const TABLES_PER_STEP = 4;

export type EvictionOptions = {
  tail: Tail;
  windows: Windows;
  filter: RequestFilter;
  bytesMax: number;
  /** Told once of each window, and of the filter with null. */
  evicted: (window: Window | null) => void;
};

export class Eviction {
  readonly #options: EvictionOptions;
  readonly #isOld = (position: number) => this.#options.tail.offsetOf(position) < this.#mark || position === IN_STORE;
  #mark = 0;

  constructor(options: EvictionOptions) {
    this.#options = options;
  }

  /** To be called again and again. Everything before `mark` is in the store. */
  step(mark: number): void {
    const { windows, filter, bytesMax } = this.#options;
    this.#mark = mark;
    let kept = filter.bytes;
    for (const window of windows.all()) {
      if (window.isEvicted) this.#prune(window);
      else kept += window.index.bytes;
    }
    if (kept > bytesMax) this.#evict();
  }

  #evict(): void {
    const { windows, filter, evicted } = this.#options;
    let oldest: Window | null = null;
    for (const window of windows.all()) {
      if (!window.isEvicted && window.index.bytes > 0 && window.head < (oldest?.head ?? Number.POSITIVE_INFINITY)) {
        oldest = window;
      }
    }
    if (oldest === null) filter.giveUp();
    else oldest.evict();
    evicted(oldest);
  }

  /** Its next tables: those of the claims that the store has by now. */
  #prune(window: Window): void {
    for (let step = 0; step < TABLES_PER_STEP; step++) window.index.prune(window.nextTable(), this.#isOld);
  }
}
