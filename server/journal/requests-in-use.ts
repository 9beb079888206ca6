/**
 * The request ids of claims that are being decided the general way, each with those who wait for it: one claim at a time
 * works on a request id of a user, whatever its event. A direct claim is not in the store before its insert is answered,
 * and nothing else on this node would tell a journal event of it; so memory decides no claim whose request id stands here.
 *
 * Pairs are told apart by 53 bits of their hash. Two that meet in it wait for each other for nothing, and that is all.
 */

import { KeyHash, type Seed } from '../lib/hash.ts';
import { textStart } from '../store/block/claim-text.ts';
import type { Ask } from './ask.ts';

const HIGH_FACTOR = 2 ** 21;
const LOW_SHIFT = 11;

export class RequestsInUse {
  readonly #hash: KeyHash;
  /** Who waits behind the claim at work, each to be called once; null when nobody does. */
  readonly #uses = new Map<number, (() => void)[] | null>();

  constructor(seed: Seed) {
    this.#hash = new KeyHash(seed);
  }

  /** What stands for a user's request id in `enter` and `leave`. */
  pairOf({ userId, requestId }: { userId: string; requestId: string }): number {
    const hash = this.#hash;
    hash.ofText(userId);
    hash.thenText(requestId);
    return this.#pair();
  }

  /** True when nobody is at work on it. Else `begin` is called when it is this one's turn, and the pair is its own then. */
  enter(pair: number, begin: () => void): boolean {
    const waiting = this.#uses.get(pair);
    if (waiting === undefined) this.#uses.set(pair, null);
    else if (waiting === null) this.#uses.set(pair, [begin]);
    else waiting.push(begin);
    return waiting === undefined;
  }

  /** Lets the next one begin, from inside this call. */
  leave(pair: number): void {
    const next = this.#uses.get(pair)?.shift();
    if (next === undefined) this.#uses.delete(pair);
    else next();
  }

  /** Costs nothing while nothing is in use. */
  has({ bytes, userAt, userEnd, requestBytes, requestAt, requestEnd }: Ask): boolean {
    if (this.#uses.size === 0) return false;
    const hash = this.#hash;
    hash.ofBytes(bytes, textStart(bytes, userAt), userEnd);
    hash.thenBytes(requestBytes, textStart(requestBytes, requestAt), requestEnd);
    return this.#uses.has(this.#pair());
  }

  #pair(): number {
    const { high, low } = this.#hash;
    return (high >>> 0) * HIGH_FACTOR + (low >>> LOW_SHIFT);
  }
}
