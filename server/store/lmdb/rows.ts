/** Single claims by key and by request, and what is noted beside them, read in whatever transaction is open. */

import { type ClaimParts, claimPartsOf } from '../../../protocol/key.ts';
import type { ClaimRecord } from '../store.ts';
import type { Tables } from './environment.ts';
import { claimRow, recordOf, requestRow, type StoredClaim } from './layout.ts';

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

export function claimAt({ users }: Tables, parts: ClaimParts): ClaimRecord | null {
  // Rows of claims hold tuples and rows of requests hold strings; the key says which it is.
  const stored = users.get(claimRow(parts)) as StoredClaim | undefined;
  return stored === undefined ? null : recordOf(parts, stored);
}

export function claimOfKey(tables: Tables, claimKey: string): ClaimRecord | null {
  const parts = claimPartsOf(claimKey);
  return parts === null ? null : claimAt(tables, parts);
}

export function claimOfRequest(tables: Tables, request: { userId: string; requestId: string }): ClaimRecord | null {
  const place = tables.users.get(requestRow(request)) as string | undefined;
  if (place === undefined) return null;
  const [eventKey = '', period = ''] = place.split('/');
  const claim = claimAt(tables, { eventKey, period, userId: request.userId });
  if (claim === null) throw new Error(`the request ${request.requestId} names a claim that is not there`);
  return claim;
}
