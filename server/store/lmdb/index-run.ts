/**
 * A run: index entries that were written at once and never change. A run of level n holds about eight times as many as one
 * of level n - 1, in eight times as many buckets: bucket i has the entries whose hashes lie in the i-th part of all hashes, in no
 * order. About 190 entries of 16 bytes fill a bucket, which is a page of the table. A Bloom filter, 4,096 bits for each bucket, knows
 * the series and the request of each entry: it says of 98 in 100 buckets without what is sought that they need not be read. Who
 * claims every day is in each run, but the claim of one day in one of them.
 */
import { ENTRY_BYTES, entryAt, NO_TAG, seriesKey, tagKey } from './index-entry.ts';

const HASH_BITS = 32;
const FIRST_BUCKET_BITS = 6;
/** A run of the next level is made of eight. */
const LEVEL_BITS = 3;
const FILTER_BITS = 12;
const FILTER_BYTES = 1 << (FILTER_BITS - 3);
const FILTER_MASK = (1 << FILTER_BITS) - 1;
const FILTER_SHIFT = HASH_BITS - FILTER_BITS;
/** About 50 million entries, whose filter is 128 MiB. There may be any number of runs of this level. */
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

/** What a run may hold; a yes may be wrong, a no never is. */
export class RunFilter {
  readonly level: number;
  readonly #bits: Uint8Array;

  constructor(level: number, bits: Uint8Array = new Uint8Array(FILTER_BYTES << bucketBitsOf(level))) {
    this.level = level;
    this.#bits = bits;
  }

  /** Whether an entry of this hash may be there that has this key. */
  has(hash: number, key: number): boolean {
    const start = bucketOf(hash, this.level) * FILTER_BYTES;
    return this.#isSet(start, firstOf(key)) && this.#isSet(start, secondOf(key)) && this.#isSet(start, thirdOf(key));
  }

  addAll(entries: Buffer): void {
    for (let at = 0; at < entries.length; at += ENTRY_BYTES) {
      const { hash, series, tag } = entryAt(entries, at);
      this.#add(hash, seriesKey(hash, series));
      if (tag !== NO_TAG) this.#add(hash, tagKey(hash, tag));
    }
  }

  /** As a row: the level, then the bits. */
  toBytes(): Buffer {
    return Buffer.concat([Buffer.of(this.level), this.#bits]);
  }

  static of(row: Buffer): RunFilter {
    return new RunFilter(levelOfRun(row), row.subarray(1));
  }

  #add(hash: number, key: number): void {
    const start = bucketOf(hash, this.level) * FILTER_BYTES;
    for (const bit of [firstOf(key), secondOf(key), thirdOf(key)]) {
      const at = start + (bit >>> 3);
      this.#bits[at] = (this.#bits[at] as number) | (1 << (bit & 7));
    }
  }

  #isSet(start: number, bit: number): boolean {
    return ((this.#bits[start + (bit >>> 3)] as number) & (1 << (bit & 7))) !== 0;
  }
}

/** Three bits of a bucket's filter for each key. */
function firstOf(key: number): number {
  return key & FILTER_MASK;
}

function secondOf(key: number): number {
  return Math.imul(key, 0x9e3779b1) >>> FILTER_SHIFT;
}

function thirdOf(key: number): number {
  return Math.imul(key, 0x85ebca6b) >>> FILTER_SHIFT;
}
