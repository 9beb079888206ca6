/**
 * The newest part of the log in memory: blocks are built here, written from here, and what was granted lately is answered
 * from here. A ring of one segment's size, so that a block never wraps around. It is a copy; what it no longer holds is
 * on disk or in the store.
 */
import { CLAIM_AT, ITEM_AT, placeAfter, SEGMENT_BYTES } from '../store/block/layout.ts';
import { recordAt } from '../store/block/reader.ts';
import type { ClaimRecord } from '../store/store.ts';
import type { Entry } from './entries.ts';

const RING_BYTES = SEGMENT_BYTES;
/** Positions count units of eight bytes, so they come round after 32 GiB. */
const UNIT_BYTES = 8;
export const LAP_BYTES = UNIT_BYTES * 2 ** 32;

export class Tail {
  /** Allocated as it is touched: a server that is never busy does not pay for it. */
  readonly ring = Buffer.allocUnsafeSlow(RING_BYTES);
  readonly #entries: ReadonlyMap<number, Entry>;
  #startsAt = 0;
  #head = 0;
  /** Where the lap of the ring starts that the head is in: a division of offsets is a call out of JavaScript. */
  #lapAt = 0;
  /** The same for the lap of positions. */
  #positionsFrom = 0;
  #lastId = 0;
  #lastEntry: Entry | null = null;

  /** `entries` names what the claims of a series share. */
  constructor(entries: ReadonlyMap<number, Entry>) {
    this.#entries = entries;
  }

  /** Behind the last byte that was given a place. */
  get head(): number {
    return this.#head;
  }

  /** Nothing before `offset` is in memory. */
  reset(offset: number): void {
    this.#startsAt = offset;
    this.moveHead(offset);
  }

  /** Gives the bytes up to `offset` away, or takes them back. */
  moveHead(offset: number): void {
    this.#head = offset;
    this.#lapAt = offset - (offset % RING_BYTES);
    this.#positionsFrom = offset - (offset % LAP_BYTES);
  }

  /** Where the next block goes. */
  nextPlace(): number {
    return placeAfter(this.#head);
  }

  /** Of what the ring holds, or will. */
  indexOf(offset: number): number {
    const index = offset - this.#lapAt;
    if (index < 0) return index + RING_BYTES;
    return index < RING_BYTES ? index : index - RING_BYTES;
  }

  positionOf(offset: number): number {
    return (offset / UNIT_BYTES) >>> 0;
  }

  /** The newest offset that a position may mean. */
  offsetOf(position: number): number {
    const offset = this.#positionsFrom + position * UNIT_BYTES;
    return offset < this.#head + SEGMENT_BYTES ? offset : offset - LAP_BYTES;
  }

  /** Whether the item that lay at `offset` is still in memory. The largest block may be on its way over what is oldest. */
  holds(offset: number): boolean {
    return offset >= this.#startsAt && offset > this.#head - RING_BYTES / 2;
  }

  /** Whether the claim in the ring at `index` is of the user whose MessagePack string is in `bytes`. */
  isOf(index: number, bytes: Uint8Array, userAt: number, userEnd: number): boolean {
    const ring = this.ring;
    let at = index + CLAIM_AT.userId;
    for (let i = userAt; i < userEnd; i++) if (ring[at++] !== bytes[i]) return false;
    return true;
  }

  entryAt(index: number): Entry {
    const id = this.ring.readUInt32BE(index + ITEM_AT.series);
    if (id === this.#lastId && this.#lastEntry !== null) return this.#lastEntry;
    const entry = this.#entries.get(id);
    if (entry === undefined) throw new Error('a claim of a series that nobody described');
    this.#lastId = id;
    this.#lastEntry = entry;
    return entry;
  }

  recordAt(index: number, attempt: string): ClaimRecord {
    return recordAt(this.ring, index, this.entryAt(index).series, attempt);
  }
}
