/** Single claims by key and by request, those of a user, and what is noted beside them, read in whatever transaction is open. */

import { type ClaimParts, claimPartsOf } from '../../../protocol/key.ts';
import type { ClaimRecord } from '../store.ts';
import type { Tables } from './environment.ts';
import { type IndexEntry, NO_TAG, seriesKey, tagKey } from './index-entry.ts';
import { claimOfTimeRow, timeRow } from './layout.ts';
import { periodOfSeries, periodRowOf } from './periods.ts';

const PROJECTED = 'projected';
const DIRECT = 'directCommits';

/** Everything before this offset of the journal is in the claims. */
export function markOf({ meta }: Tables): number {
  return Number(meta.get(PROJECTED) ?? 0);
}

/** In a batch. */
export function putMark({ meta }: Tables, mark: number): void {
  meta.put(PROJECTED, mark);
}

/** Transactions that put claims which did not come from the journal. */
export function directCommitsOf({ meta }: Tables): number {
  return Number(meta.get(DIRECT) ?? 0);
}

/** In the transaction that puts them. */
export function noteDirectCommit(tables: Tables): void {
  tables.meta.putSync(DIRECT, directCommitsOf(tables) + 1);
}

/** The claims of one user, as the index finds them. Look into one of these only while the same transaction is open. */
export class UserClaims {
  readonly #tables: Tables;
  readonly #userId: string;
  readonly #hash: number;
  readonly #fresh: readonly IndexEntry[];

  constructor(tables: Tables, userId: string) {
    this.#tables = tables;
    this.#userId = userId;
    this.#hash = tables.index.hashOf(userId);
    this.#fresh = tables.index.freshOf(this.#hash);
  }

  /** Those of others may be among them. */
  entries(): readonly IndexEntry[] {
    return [...this.#fresh, ...this.#tables.index.earlierOf(this.#hash, null)];
  }

  /** All of them, in no order. */
  all(): ClaimRecord[] {
    return this.entries()
      .map((entry) => this.#claimOf(entry))
      .filter((claim) => claim !== null);
  }

  /** The claim of a series, whose number is given. */
  of(series: number): ClaimRecord | null {
    return this.#find(seriesKey(this.#hash, series), (entry) =>
      entry.series === series ? this.#claimOf(entry) : null,
    );
  }

  ofRequest(requestId: string): ClaimRecord | null {
    const tag = this.#tagOf(requestId);
    return this.#find(tagKey(this.#hash, tag), (entry) => {
      const claim = entry.tag === tag ? this.#claimOf(entry) : null;
      return claim?.requestId === requestId ? claim : null;
    });
  }

  /** The entry that a claim of this series gets. `isFirst`: no other claim of the user has its request id. */
  entryOf({ requestId, grantedAt }: ClaimRecord, series: number, isFirst: boolean): IndexEntry {
    return { hash: this.#hash, grantedAt, tag: isFirst ? this.#tagOf(requestId) : NO_TAG, series };
  }

  #tagOf(requestId: string): number {
    return this.#tables.index.tagOf({ userId: this.#userId, requestId });
  }

  #find(key: number, claimOf: (entry: IndexEntry) => ClaimRecord | null): ClaimRecord | null {
    for (const entry of this.#fresh) {
      const claim = claimOf(entry);
      if (claim !== null) return claim;
    }
    for (const entry of this.#tables.index.earlierOf(this.#hash, key)) {
      const claim = claimOf(entry);
      if (claim !== null) return claim;
    }
    return null;
  }

  #claimOf({ series, grantedAt }: IndexEntry): ClaimRecord | null {
    const of = periodOfSeries(this.#tables, series);
    if (of === null) return null;
    const row = timeRow({ ...of, grantedAt, userId: this.#userId });
    const stored = this.#tables.claims.get(row);
    return stored === undefined ? null : claimOfTimeRow(row, stored);
  }
}

export function claimAt(tables: Tables, parts: ClaimParts): ClaimRecord | null {
  const row = periodRowOf(tables, parts);
  return row === null ? null : new UserClaims(tables, parts.userId).of(row[0]);
}

export function claimOfKey(tables: Tables, claimKey: string): ClaimRecord | null {
  const parts = claimPartsOf(claimKey);
  return parts === null ? null : claimAt(tables, parts);
}

export function claimOfRequest(tables: Tables, request: { userId: string; requestId: string }): ClaimRecord | null {
  return new UserClaims(tables, request.userId).ofRequest(request.requestId);
}
