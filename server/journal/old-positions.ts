/**
 * Positions in the log come round after 32 GiB: an old one would then name a place where another user's claim lies, and its
 * own claim would look as if nobody had made it. So claims that memory no longer holds and the store has lose their positions
 * long before: their entries say IN_STORE. One table of each window at a time, so that nobody waits for millions of entries.
 */
import { TABLES } from './fingerprints.ts';
import type { Tail } from './tail.ts';
import { IN_STORE, type Windows } from './windows.ts';

/** So much of the log is written from one pass to the next: with the largest backlog far less than the 32 GiB. */
export const PASS_BYTES = 2 ** 30;

export class OldPositions {
  readonly #tail: Tail;
  readonly #windows: Windows;
  #table = TABLES;
  #passedAt: number;

  constructor(tail: Tail, windows: Windows) {
    this.#tail = tail;
    this.#windows = windows;
    this.#passedAt = tail.head;
  }

  /** A step of a pass, or nothing while none is due. Everything before `mark` is in the store. */
  step(mark: number): void {
    const tail = this.#tail;
    if (this.#table === TABLES) {
      if (tail.head - this.#passedAt < PASS_BYTES) return;
      this.#passedAt = tail.head;
      this.#table = 0;
    }
    for (const { index } of this.#windows.all()) settle(index.slotsOf(this.#table), tail, mark);
    this.#table++;
  }
}

function settle(slots: Int32Array, tail: Tail, mark: number): void {
  // An empty slot's position means nothing.
  for (let at = 1; at < slots.length; at += 2) {
    const offset = tail.offsetOf((slots[at] as number) >>> 0);
    if (offset < mark && !tail.holds(offset)) slots[at] = IN_STORE;
  }
}
