/**
 * A run: index entries that were written at once and never change. A run of level n holds about eight times as many as one
 * of level n - 1, in eight times as many buckets: bucket i has the entries whose hashes lie in the i-th part of all hashes, in no
 * order. About 190 entries of 16 bytes fill a bucket, which is a page of the table. A Bloom filter of 2,048 bits for each bucket
 * says of 98 in 100 buckets that hold nothing of a user that they need not be read.
 */
import { ENTRY_BYTES, hashAt } from './index-entry.ts';

const HASH_BITS = 32;
const FIRST_BUCKET_BITS = 6;
/** A run of the next level is made of eight. */
const LEVEL_BITS = 3;
const FILTER_BITS = 11;
const FILTER_BYTES = 1 << (FILTER_BITS - 3);
const FILTER_MASK = (1 << FILTER_BITS) - 1;
const FILTER_SHIFT = HASH_BITS - FILTER_BITS;
/** About 50 million entries, whose filter is 64 MiB. There may be any number of runs of this level. */
export const LEVEL_MAX = 4;
export const RUNS_MERGED = 1 << LEVEL_BITS;
/** Entries of a run of the first level. */
export const FIRST_RUN_ENTRIES = 190 << FIRST_BUCKET_BITS;

/** Above the bits of the largest run's buckets. */
const KEYS_OF_RUN = 2 ** 20;

export function bucketBitsOf(level: number): number {
  return FIRST_BUCKET_BITS + LEVEL_BITS * level;
}

export function bucketOf(hash: number, level: number): number {
  return hash >>> (HASH_BITS - bucketBitsOf(level));
}

/** The key of a bucket in the table of all runs. */
export function bucketKey(run: number, bucket: number): number {
  return run * KEYS_OF_RUN + bucket;
}

export function runOfKey(key: number): number {
  return Math.floor(key / KEYS_OF_RUN);
}

export function levelOfRun(row: Buffer): number {
  return row[0] as number;
}

/** Which hashes a run may hold; a yes may be wrong, a no never is. */
export class RunFilter {
  readonly level: number;
  readonly #bits: Uint8Array;

  constructor(level: number, bits: Uint8Array = new Uint8Array(FILTER_BYTES << bucketBitsOf(level))) {
    this.level = level;
    this.#bits = bits;
  }

  has(hash: number): boolean {
    return this.#isSet(hash, firstOf(hash)) && this.#isSet(hash, secondOf(hash)) && this.#isSet(hash, thirdOf(hash));
  }

  /** Adds the hashes of these entries. */
  addAll(entries: Buffer): void {
    for (let at = 0; at < entries.length; at += ENTRY_BYTES) {
      const hash = hashAt(entries, at);
      this.#set(hash, firstOf(hash));
      this.#set(hash, secondOf(hash));
      this.#set(hash, thirdOf(hash));
    }
  }

  /** As a row: the level, then the bits. */
  toBytes(): Buffer {
    return Buffer.concat([Buffer.of(this.level), this.#bits]);
  }

  static of(row: Buffer): RunFilter {
    return new RunFilter(levelOfRun(row), row.subarray(1));
  }

  #isSet(hash: number, bit: number): boolean {
    return ((this.#bits[this.#byteOf(hash, bit)] as number) & (1 << (bit & 7))) !== 0;
  }

  #set(hash: number, bit: number): void {
    const at = this.#byteOf(hash, bit);
    this.#bits[at] = (this.#bits[at] as number) | (1 << (bit & 7));
  }

  /** Of a bit of the hash's bucket. */
  #byteOf(hash: number, bit: number): number {
    return bucketOf(hash, this.level) * FILTER_BYTES + (bit >>> 3);
  }
}

/** Three bits of a bucket's filter for each hash; those of a bucket have the upper bits in common, so the lower ones say which. */
function firstOf(hash: number): number {
  return hash & FILTER_MASK;
}

function secondOf(hash: number): number {
  return Math.imul(hash, 0x9e3779b1) >>> FILTER_SHIFT;
}

function thirdOf(hash: number): number {
  return Math.imul(hash, 0x85ebca6b) >>> FILTER_SHIFT;
}
