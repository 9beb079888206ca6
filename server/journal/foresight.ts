/**
 * What the claims of one read ask memory for, asked for all of them before the first is decided: with millions of claims that
 * is most of what a claim waits for, and memory brings many places in the time of one. Nothing is decided here. Hashes are
 * kept for whoever decides; places are touched and forgotten.
 * Invariant: a hash is given out only for what it is of: the same array, the same first and last byte.
 */
import type { KeyHash } from '../lib/hash.ts';
import { textStart } from '../store/block/claim-text.ts';
import type { Ask } from './ask.ts';
import { HINTS } from './event-hint.ts';
import type { Fingerprints } from './fingerprints.ts';
import type { RequestFilter } from './request-filter.ts';

/** What so many claims touch has not left the nearest caches again when the last of them is decided. */
export const FORESEEN_MAX = 256;
const NOTHING = new Uint8Array(0);

export class Foresight {
  /** The hash of the claim that `take` has found: its user's, then that of user and request id. */
  userHigh = 0;
  userLow = 0;
  pairHigh = 0;
  pairLow = 0;
  /** Whether the request id is among what was foreseen. */
  hasPair = false;
  /** Keeps what is touched from being optimised away. */
  touched = 0;
  readonly #hash: KeyHash;
  readonly #filter: RequestFilter;
  #bytes: Uint8Array = NOTHING;
  #count = 0;
  #next = 0;
  /** By hint, of the window that is open. */
  readonly #indexes = new Array<Fingerprints | null>(HINTS).fill(null);
  readonly #hint = new Uint8Array(FORESEEN_MAX);
  readonly #userAt = new Uint32Array(FORESEEN_MAX);
  readonly #userEnd = new Uint32Array(FORESEEN_MAX);
  readonly #requestEnd = new Uint32Array(FORESEEN_MAX);
  readonly #userHigh = new Int32Array(FORESEEN_MAX);
  readonly #userLow = new Int32Array(FORESEEN_MAX);
  readonly #pairHigh = new Int32Array(FORESEEN_MAX);
  readonly #pairLow = new Int32Array(FORESEEN_MAX);

  constructor(hash: KeyHash, filter: RequestFilter) {
    this.#hash = hash;
    this.#filter = filter;
  }

  /** Claims of `bytes` follow. What was foreseen before is forgotten. */
  begin(bytes: Uint8Array): void {
    this.#bytes = bytes;
    this.#count = 0;
    this.#next = 0;
  }

  /** Claims whose event key has this hint are decided with this index, unless another key has it too. */
  know(hint: number, index: Fingerprints): void {
    this.#indexes[hint] = index;
  }

  /** Of a window that is closed: it may hold what millions of claims take. */
  forget(index: Fingerprints): void {
    const indexes = this.#indexes;
    for (let hint = 0; hint < HINTS; hint++) if (indexes[hint] === index) indexes[hint] = null;
  }

  /**
   * The hint of an event key, the MessagePack string of a user, and that of its request id right behind it unless
   * `requestEnd` is `userEnd`. False when no more fit.
   */
  add(hint: number, userAt: number, userEnd: number, requestEnd: number): boolean {
    const place = this.#count++;
    this.#hint[place] = hint;
    const hash = this.#hash;
    hash.ofBytes(this.#bytes, textStart(this.#bytes, userAt), userEnd);
    this.#userAt[place] = userAt;
    this.#userEnd[place] = userEnd;
    this.#requestEnd[place] = requestEnd;
    this.#userHigh[place] = hash.high;
    this.#userLow[place] = hash.low;
    if (requestEnd > userEnd) {
      hash.thenBytes(this.#bytes, textStart(this.#bytes, userEnd), requestEnd);
      this.#pairHigh[place] = hash.high;
      this.#pairLow[place] = hash.low;
    }
    return this.#count < FORESEEN_MAX;
  }

  /** To be called when all have been added. */
  touch(): void {
    const hints = this.#hint;
    let touched = this.#touchPairs();
    for (let from = 0, to = 0; from < this.#count; from = to) {
      const hint = hints[from] as number;
      while (++to < this.#count && hints[to] === hint);
      const index = this.#indexes[hint] as Fingerprints | null;
      if (index !== null) touched ^= this.#touchUsers(index, from, to);
    }
    this.touched = touched;
  }

  #touchUsers(index: Fingerprints, from: number, to: number): number {
    let touched = 0;
    for (let place = from; place < to; place++) {
      touched ^= index.touch(this.#userHigh[place] as number, this.#userLow[place] as number);
    }
    return touched;
  }

  #touchPairs(): number {
    const filter = this.#filter;
    let touched = 0;
    for (let place = 0; place < this.#count; place++) {
      const hasPair = (this.#requestEnd[place] as number) > (this.#userEnd[place] as number);
      if (hasPair) touched ^= filter.touch(this.#pairHigh[place] as number);
    }
    return touched;
  }

  /** Finds the claim at hand among those foreseen, which come in their order. */
  take({ bytes, userAt, userEnd, requestBytes, requestEnd }: Ask): boolean {
    if (bytes !== this.#bytes) return false;
    let place = this.#next;
    while (place < this.#count && (this.#userAt[place] as number) < userAt) place++;
    this.#next = place;
    if (place === this.#count || this.#userAt[place] !== userAt || this.#userEnd[place] !== userEnd) return false;
    this.userHigh = this.#userHigh[place] as number;
    this.userLow = this.#userLow[place] as number;
    this.hasPair = requestBytes === bytes && requestEnd > userEnd && this.#requestEnd[place] === requestEnd;
    if (this.hasPair) {
      this.pairHigh = this.#pairHigh[place] as number;
      this.pairLow = this.#pairLow[place] as number;
    }
    return true;
  }
}
