/**
 * Which request ids may have been used: a no is certain, a yes is to be looked up. The ids of a batch are `batchId.0`,
 * `batchId.1`, …, so a batch whose id nobody has used needs no question for each of its claims: the batch id is kept
 * instead, and an id that ends like one of a batch asks for the batch id as well.
 */

import type { KeyHash } from '../lib/hash.ts';
import { textStart } from '../store/block/claim-text.ts';
import type { Ask } from './ask.ts';
import type { RequestFilter } from './request-filter.ts';

const DOT = 0x2e;
const ZERO = 0x30;
const NINE = 0x39;
/** A batch has at most 10,000 claims, counted from 0. */
const DIGITS_MAX = 4;

export class Requests {
  /** The filter holds every request id of the store; until then each is looked up. */
  isComplete = false;
  readonly #hash: KeyHash;
  readonly #filter: RequestFilter;
  /** Of the pair at hand. */
  #pairHigh = 0;
  #pairLow = 0;

  constructor(hash: KeyHash, filter: RequestFilter) {
    this.#hash = hash;
    this.#filter = filter;
  }

  /** To be called before the claims of a batch. */
  beginBatch(ask: Ask, batchId: string): void {
    const hash = this.#hash;
    hash.ofText(batchId);
    ask.isBatchFresh = this.isComplete && !this.#filter.has(hash.high, hash.low);
    if (ask.isBatchFresh) this.#filter.add(hash.high, hash.low);
  }

  /**
   * To be called before `mayBeUsed` and `add`; the user's hash stands in the two numbers. Whoever looks for something else in
   * between waits for both at once: memory is what a claim waits for most.
   */
  hash(ask: Ask, userHigh: number, userLow: number): void {
    if (!ask.isBatchFresh) this.#hashPair(ask, userHigh, userLow);
  }

  /** The same where the hash of user and request id is known. */
  know(pairHigh: number, pairLow: number): void {
    this.#pairHigh = pairHigh;
    this.#pairLow = pairLow;
  }

  mayBeUsed(ask: Ask): boolean {
    if (ask.isBatchFresh || ask.isRequestIdFresh) return false;
    return !this.isComplete || this.#filter.has(this.#pairHigh, this.#pairLow) || this.#hasBatchOf(ask);
  }

  /** The request at hand is used now. */
  add(ask: Ask): void {
    if (ask.isBatchFresh) return;
    const { requestBytes, requestAt, requestEnd } = ask;
    const isOfBatch = this.#addBatchOf(requestBytes, textStart(requestBytes, requestAt), requestEnd);
    if (!isOfBatch) this.#filter.add(this.#pairHigh, this.#pairLow);
  }

  /** Of a claim that was found in the log: true when its request is to be added to the filter, by the hash that stands now. */
  hashFound(ask: Ask, userHigh: number, userLow: number): boolean {
    const { requestBytes, requestAt, requestEnd } = ask;
    if (this.#addBatchOf(requestBytes, textStart(requestBytes, requestAt), requestEnd)) return false;
    this.#hashPair(ask, userHigh, userLow);
    return true;
  }

  /** An id that a claim has used which was not decided here. */
  remember(userId: string, requestId: string): void {
    if (requestId.includes('.')) {
      const bytes = Buffer.from(requestId, 'latin1');
      if (this.#addBatchOf(bytes, 0, bytes.length)) return;
    }
    const hash = this.#hash;
    hash.ofText(userId);
    hash.thenText(requestId);
    if (!this.#filter.has(hash.high, hash.low)) this.#filter.add(hash.high, hash.low);
  }

  #hashPair({ requestBytes, requestAt, requestEnd }: Ask, userHigh: number, userLow: number): void {
    const hash = this.#hash;
    hash.high = userHigh;
    hash.low = userLow;
    hash.thenBytes(requestBytes, textStart(requestBytes, requestAt), requestEnd);
    this.#pairHigh = hash.high;
    this.#pairLow = hash.low;
  }

  #hasBatchOf({ requestBytes, requestAt, requestEnd }: Ask): boolean {
    const start = textStart(requestBytes, requestAt);
    const end = batchIdEnd(requestBytes, start, requestEnd);
    if (end < 0) return false;
    this.#hash.ofBytes(requestBytes, start, end);
    return this.#filter.has(this.#hash.high, this.#hash.low);
  }

  /** False when no batch could have made this id. Else the batch id answers for it: whoever asks for one asks for both. */
  #addBatchOf(bytes: Uint8Array, start: number, requestEnd: number): boolean {
    const end = batchIdEnd(bytes, start, requestEnd);
    if (end < 0) return false;
    const hash = this.#hash;
    hash.ofBytes(bytes, start, end);
    if (!this.#filter.has(hash.high, hash.low)) this.#filter.add(hash.high, hash.low);
    return true;
  }
}

/** Where the batch id ends in an id that a batch could have made; -1 when none could. */
function batchIdEnd(bytes: Uint8Array, start: number, end: number): number {
  let at = end - 1;
  while (at > start && end - at <= DIGITS_MAX && isDigit(bytes[at] as number)) at--;
  return at > start && at < end - 1 && bytes[at] === DOT ? at : -1;
}

function isDigit(byte: number): boolean {
  return byte >= ZERO && byte <= NINE;
}
