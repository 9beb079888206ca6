/**
 * Finds the claims of a user, and with them the claim of a key or of a request id: the index behind the store's promises.
 * New entries go to the few rows of `fresh`; from there they move into runs, and runs into larger ones (`compaction.ts`), so that
 * each entry is written a few times beside many others instead of once on a page of its own. A look-up asks `fresh` and each run
 * whose filter does not say no: with ten million claims about twelve runs, of which none or one is read.
 * Reads whatever transaction is open. The two threads that have the files open have an index each.
 */
import { KeyHash, seedIn } from '../../lib/hash.ts';
import type { Tables } from './environment.ts';
import { ENTRY_BYTES, entryAt, hashAt, type IndexEntry, NO_TAG, writeEntry } from './index-entry.ts';
import { bucketKey, bucketOf, RunFilter } from './index-run.ts';

type IndexTables = Pick<Tables, 'meta' | 'fresh' | 'runs' | 'buckets'>;

export const INDEX_SEED = 'indexSeed';
/** Another number whenever there are other runs than before. */
export const LAST_RUN = 'lastRun';

const NONE: readonly IndexEntry[] = [];

export class UserIndex {
  readonly #tables: IndexTables;
  #hash: KeyHash | null = null;
  #lastRun = 0;
  #runs = new Map<number, RunFilter>();

  constructor(tables: IndexTables) {
    this.#tables = tables;
  }

  hashOf(userId: string): number {
    const hash = this.#keyed();
    hash.ofText(userId);
    return hash.high >>> 0;
  }

  /** Never NO_TAG. */
  tagOf({ userId, requestId }: { userId: string; requestId: string }): number {
    const hash = this.#keyed();
    hash.ofText(userId);
    hash.thenText(requestId);
    return hash.low & 0xffff || NO_TAG + 1;
  }

  /** Of all users with this hash, of their latest claims. */
  freshOf(hash: number): readonly IndexEntry[] {
    const row = this.#tables.fresh.get(hash);
    return row === undefined ? NONE : entriesIn(row, hash);
  }

  /** Of all users with this hash, of their earlier claims: at least those with this key, or all of them where it is null. */
  earlierOf(hash: number, key: number | null): readonly IndexEntry[] {
    let found = NONE;
    for (const [run, filter] of this.runs()) {
      if (key !== null && !filter.has(hash, key)) continue;
      const bucket = this.#tables.buckets.get(bucketKey(run, bucketOf(hash, filter.level)));
      if (bucket !== undefined) found = [...found, ...entriesIn(bucket, hash)];
    }
    return found;
  }

  /** The rows of `fresh` that these entries change, in order, to be put in the transaction that puts their claims. */
  freshWith(entries: readonly IndexEntry[]): [hash: number, row: Buffer][] {
    const rows = new Map<number, Buffer>();
    for (const entry of entries) {
      const before = rows.get(entry.hash) ?? this.#tables.fresh.get(entry.hash);
      const row = Buffer.alloc((before?.length ?? 0) + ENTRY_BYTES);
      if (before !== undefined) row.set(before);
      writeEntry(row, row.length - ENTRY_BYTES, entry);
      rows.set(entry.hash, row);
    }
    return [...rows].sort(([left], [right]) => left - right);
  }

  /** Those that there are, oldest first. */
  runs(): ReadonlyMap<number, RunFilter> {
    const { meta, runs } = this.#tables;
    const lastRun = Number(meta.get(LAST_RUN) ?? 0);
    if (lastRun !== this.#lastRun) {
      const filterOf = (run: number) => this.#runs.get(run) ?? RunFilter.of(runs.get(run) as Buffer);
      this.#runs = new Map(Array.from(runs.getKeys({}), (run) => [run, filterOf(run)]));
      this.#lastRun = lastRun;
    }
    return this.#runs;
  }

  #keyed(): KeyHash {
    this.#hash ??= new KeyHash(seedIn(Buffer.from(this.#tables.meta.get(INDEX_SEED) as string, 'hex')));
    return this.#hash;
  }
}

function entriesIn(row: Buffer, hash: number): IndexEntry[] {
  const entries: IndexEntry[] = [];
  for (let at = 0; at < row.length; at += ENTRY_BYTES) {
    if (hashAt(row, at) === hash) entries.push(entryAt(row, at));
  }
  return entries;
}
