/**
 * A set of user ids in little memory: the ids as bytes in pages of 64 KiB, and an index of their hashes. An id of 11
 * characters takes about 26 bytes, where a JavaScript Set takes more than a hundred. It answers exactly: the index only
 * says where an id may stand, and its bytes are compared there.
 *
 * Invariant: `live[page]` counts the bytes of the page's ids that are in the set. A page that has lost half of them is
 * emptied into the last one, so that a list that changes all the time does not grow.
 */
import { ABSENT, Fingerprints } from '../journal/fingerprints.ts';
import type { KeyHash } from '../lib/hash.ts';

const PAGE_BITS = 16;
const PAGE_BYTES = 1 << PAGE_BITS;
/** What V8 adds to each page by its objects. */
const PAGE_OVERHEAD = 200;
/** Positions are 32 bits. */
const PAGES_MAX = 1 << (32 - PAGE_BITS);
/** The byte before an id holds its length, less one, and whether it has left: ids have 1 to 128 bytes. */
const LENGTH_MASK = 0x7f;
const GONE = 0x80;

export class UserSet {
  count = 0;
  readonly #hash: KeyHash;
  readonly #index = new Fingerprints();
  readonly #pages: Uint8Array[] = [];
  /** Of each page, the bytes that were written and those that still count. */
  readonly #used: number[] = [];
  readonly #live: number[] = [];
  readonly #free: number[] = [];
  #last = -1;

  /** The hash may be shared: nothing is remembered in it. */
  constructor(hash: KeyHash) {
    this.#hash = hash;
  }

  /** Of memory, V8's share included. */
  get bytes(): number {
    return this.#index.bytes + this.#pages.length * (PAGE_BYTES + PAGE_OVERHEAD);
  }

  has(bytes: Uint8Array, start: number, end: number): boolean {
    return this.#find(bytes, start, end) !== ABSENT;
  }

  /** The same for who has the hash already, under the same seed. */
  hasHashed(high: number, low: number, bytes: Uint8Array, start: number, end: number): boolean {
    return this.#positionOf(high, low, bytes, start, end) !== ABSENT;
  }

  /** False when it was there. Throws RangeError when four gigabytes are full. */
  add(bytes: Uint8Array, start: number, end: number): boolean {
    if (this.has(bytes, start, end)) return false;
    this.#index.add(this.#hash.high, this.#hash.low, this.#write(bytes, start, end));
    this.count++;
    return true;
  }

  /** False when it was not there. */
  delete(bytes: Uint8Array, start: number, end: number): boolean {
    const position = this.#find(bytes, start, end);
    if (position === ABSENT) return false;
    this.#index.remove(this.#hash.high, this.#hash.low, position);
    const index = position >>> PAGE_BITS;
    const page = this.#pages[index] as Uint8Array;
    const at = position & (PAGE_BYTES - 1);
    page[at] = (page[at] as number) | GONE;
    const live = (this.#live[index] as number) - (end - start + 1);
    this.#live[index] = live;
    this.count--;
    if (index !== this.#last && live * 2 <= PAGE_BYTES) this.#empty(index);
    return true;
  }

  /** Where the id stands. Leaves its hash in `#hash`. */
  #find(bytes: Uint8Array, start: number, end: number): number {
    this.#hash.ofBytes(bytes, start, end);
    return this.#positionOf(this.#hash.high, this.#hash.low, bytes, start, end);
  }

  #positionOf(high: number, low: number, bytes: Uint8Array, start: number, end: number): number {
    const index = this.#index;
    for (let position = index.find(high, low); position !== ABSENT; position = index.next()) {
      if (this.#isAt(position, bytes, start, end)) return position;
    }
    return ABSENT;
  }

  #isAt(position: number, bytes: Uint8Array, start: number, end: number): boolean {
    const page = this.#pages[position >>> PAGE_BITS] as Uint8Array;
    let at = position & (PAGE_BYTES - 1);
    if (page[at++] !== end - start - 1) return false;
    for (let i = start; i < end; i++) if (page[at++] !== bytes[i]) return false;
    return true;
  }

  #write(bytes: Uint8Array, start: number, end: number): number {
    const length = end - start;
    const index = this.#pageFor(length + 1);
    const page = this.#pages[index] as Uint8Array;
    const at = this.#used[index] as number;
    page[at] = length - 1;
    for (let i = 0; i < length; i++) page[at + 1 + i] = bytes[start + i] as number;
    this.#used[index] = at + length + 1;
    this.#live[index] = (this.#live[index] as number) + length + 1;
    return index * PAGE_BYTES + at;
  }

  #pageFor(bytes: number): number {
    if (this.#last >= 0 && (this.#used[this.#last] as number) + bytes <= PAGE_BYTES) return this.#last;
    const free = this.#free.pop();
    if (free === undefined && this.#pages.length === PAGES_MAX) throw new RangeError('no room for another user id');
    this.#last = free ?? this.#pages.push(new Uint8Array(PAGE_BYTES)) - 1;
    this.#used[this.#last] = 0;
    this.#live[this.#last] = 0;
    return this.#last;
  }

  #empty(index: number): void {
    const page = this.#pages[index] as Uint8Array;
    const used = this.#used[index] as number;
    for (let at = 0; at < used; ) {
      const head = page[at] as number;
      const start = at + 1;
      const end = start + (head & LENGTH_MASK) + 1;
      if ((head & GONE) === 0) this.#move(page, start, end, index * PAGE_BYTES + at);
      at = end;
    }
    this.#live[index] = 0;
    this.#used[index] = 0;
    this.#free.push(index);
  }

  #move(page: Uint8Array, start: number, end: number, from: number): void {
    const { high, low } = this.#hashOf(page, start, end);
    this.#index.remove(high, low, from);
    this.#index.add(high, low, this.#write(page, start, end));
  }

  #hashOf(bytes: Uint8Array, start: number, end: number): KeyHash {
    this.#hash.ofBytes(bytes, start, end);
    return this.#hash;
  }
}
