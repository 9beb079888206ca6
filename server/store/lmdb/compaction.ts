/**
 * Keeps the index of users small to search: moves what has become many entries in `fresh` into a run, and eight runs of a
 * level into one of the next. It goes in parts, each of which reads first and then names what it puts as one transaction, so that
 * others write in between. Of a merge that was cut short nothing but buckets of a run that is not listed is left, which are
 * swept like those of runs that were merged. Entries of series that were archived are left out.
 * Must be the only one that changes runs and buckets; others add to `fresh` in between, never while a part runs.
 */
import type { Tables } from './environment.ts';
import { ENTRY_BYTES, hashAt, seriesAt } from './index-entry.ts';
import {
  bucketBitsOf,
  bucketKey,
  bucketOf,
  FIRST_RUN_ENTRIES,
  LEVEL_MAX,
  RUNS_MERGED,
  RunFilter,
  runOfKey,
} from './index-run.ts';
import { LAST_RUN } from './user-index.ts';

/** Puts what has been worked out. Must be called in a batch, so that it is one transaction. */
export type Put = () => void;

/** Buckets of each merged run that one part takes: about 50,000 entries, a few milliseconds. */
const BUCKETS_OF_PART = 32;
const SWEPT_AT_ONCE = 2_000;

type Merge = { run: number; sources: number[]; level: number; filter: RunFilter; next: number };

/** Few users with many claims each: their rows are written anew with each of them. */
const FRESH_PAGES_MAX = 512;

/** So many entries are in `fresh` that they should move. */
export function isFreshFull({ fresh }: Pick<Tables, 'fresh'>, usersMax = FIRST_RUN_ENTRIES): boolean {
  const stats = fresh.getStats() as Record<'entryCount' | 'treeLeafPageCount' | 'overflowPages', number>;
  return stats.entryCount >= usersMax || stats.treeLeafPageCount + stats.overflowPages >= FRESH_PAGES_MAX;
}

export class Compaction {
  readonly #tables: Tables;
  readonly #freshMax: number;
  #merge: Merge | null = null;
  /** Buckets may lie there that belong to no run. */
  #isUnswept = true;
  #isSeriesThere = new Map<number, boolean>();

  /** Only tests ask for smaller runs. */
  constructor(tables: Tables, freshMax = FIRST_RUN_ENTRIES) {
    this.#tables = tables;
    this.#freshMax = freshMax;
  }

  /** The next part, or null when there is nothing to do. What was returned before must have been put. */
  next(): Put | null {
    this.#isSeriesThere = new Map();
    if (isFreshFull(this.#tables, this.#freshMax)) return this.#flush();
    return this.#sweep() ?? this.#mergeOn();
  }

  #flush(): Put {
    const { fresh, buckets, runs, meta } = this.#tables;
    const run = this.#lastRun() + 1;
    const filter = new RunFilter(0);
    const rows = Array.from(fresh.getRange({}));
    const made = this.#split(
      rows.map(({ value }) => value),
      filter,
    );
    return () => {
      for (const [bucket, entries] of made) buckets.put(bucketKey(run, bucket), entries);
      for (const { key } of rows) fresh.remove(key);
      runs.put(run, filter.toBytes());
      meta.put(LAST_RUN, run);
    };
  }

  #sweep(): Put | null {
    if (!this.#isUnswept) return null;
    const { buckets, runs } = this.#tables;
    for (let start = 0; ; ) {
      const [key] = buckets.getKeys({ start, limit: 1 });
      if (key === undefined) break;
      const run = runOfKey(key);
      const end = bucketKey(run + 1, 0);
      if (run !== this.#merge?.run && !runs.doesExist(run)) {
        const keys = Array.from(buckets.getKeys({ start: key, end, limit: SWEPT_AT_ONCE }));
        return () => {
          for (const each of keys) buckets.remove(each);
        };
      }
      start = end;
    }
    this.#isUnswept = false;
    return null;
  }

  #mergeOn(): Put | null {
    const { buckets, runs, meta } = this.#tables;
    this.#merge ??= this.#mergeToBegin();
    const merge = this.#merge;
    if (merge === null) return null;
    const { run, sources, level, filter, next } = merge;
    const end = 2 ** bucketBitsOf(level - 1);
    const until = Math.min(next + BUCKETS_OF_PART, end);
    const rows: Buffer[] = [];
    for (const source of sources) {
      rows.push(...Array.from(buckets.getRange(rangeOf(source, next, until)), ({ value }) => value));
    }
    const made = this.#split(rows, filter);
    merge.next = until;
    const isLast = until === end;
    if (isLast) {
      this.#merge = null;
      this.#isUnswept = true;
    }
    return () => {
      for (const [bucket, entries] of made) buckets.put(bucketKey(run, bucket), entries);
      if (next === 0) meta.put(LAST_RUN, run);
      if (!isLast) return;
      runs.put(run, filter.toBytes());
      for (const source of sources) runs.remove(source);
      // Not given to any run: it only tells that there are other runs now.
      meta.put(LAST_RUN, Math.max(run, this.#lastRun()) + 1);
    };
  }

  #mergeToBegin(): Merge | null {
    const ofLevel: number[][] = Array.from({ length: LEVEL_MAX + 1 }, () => []);
    for (const [run, { level }] of this.#tables.index.runs()) ofLevel[level]?.push(run);
    const least = ofLevel.findIndex((each, level) => level < LEVEL_MAX && each.length >= RUNS_MERGED);
    if (least < 0) return null;
    const [level, sources] = [least + 1, (ofLevel[least] as number[]).slice(0, RUNS_MERGED)];
    return { run: this.#lastRun() + 1, sources, level, filter: new RunFilter(level), next: 0 };
  }

  /** The entries of these rows by bucket; the filter learns them. */
  #split(rows: readonly Buffer[], filter: RunFilter): Map<number, Buffer> {
    const parts = new Map<number, Buffer[]>();
    for (const row of rows) {
      for (let at = 0; at < row.length; at += ENTRY_BYTES) {
        if (!this.#isKept(seriesAt(row, at))) continue;
        const bucket = bucketOf(hashAt(row, at), filter.level);
        const entry = row.subarray(at, at + ENTRY_BYTES);
        const entries = parts.get(bucket);
        if (entries === undefined) parts.set(bucket, [entry]);
        else entries.push(entry);
      }
    }
    const made = new Map(Array.from(parts, ([bucket, entries]) => [bucket, Buffer.concat(entries)]));
    for (const entries of made.values()) filter.addAll(entries);
    return made;
  }

  #isKept(series: number): boolean {
    const known = this.#isSeriesThere.get(series);
    if (known !== undefined) return known;
    const isThere = this.#tables.series.doesExist(series);
    this.#isSeriesThere.set(series, isThere);
    return isThere;
  }

  #lastRun(): number {
    return Number(this.#tables.meta.get(LAST_RUN) ?? 0);
  }
}

function rangeOf(run: number, from: number, to: number): { start: number; end: number } {
  return { start: bucketKey(run, from), end: bucketKey(run, to) };
}
