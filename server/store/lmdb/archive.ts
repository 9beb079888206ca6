/**
 * Removes archived claims from the tables: each with all of its rows, in transactions so small that claims which wait for
 * the next commit hardly notice. The file does not become smaller; its pages are used again.
 */
import type { Archive, Series } from '../archive.ts';
import type { ClaimRecord } from '../store.ts';
import type { Tables } from './environment.ts';
import { claimRow, requestRow, rowsUnder, slotRow, timeRow } from './layout.ts';
import { claimAt } from './rows.ts';
import { usersOf } from './scans.ts';
import type { Transactions } from './transactions.ts';

/** Three rows each, on pages all over the table: about 5 ms of a commit. */
const REMOVE_MAX = 200;

export function createLmdbArchive(transactions: Transactions): Archive {
  return {
    removeMax: REMOVE_MAX,
    periods: ({ eventKey }) =>
      transactions.read(({ periods }) => {
        const rows = periods.getKeys(rowsUnder(`${eventKey}/`));
        return Array.from(rows, (row) => row.slice(eventKey.length + 1));
      }),
    remove: (_series, claims) =>
      transactions.commitOrThrow((tables) => claims.reduce((count, claim) => count + removeFrom(tables, claim), 0)),
    clear: (series) => transactions.commitOrThrow((tables) => clearIn(tables, series)),
    // Every claim lies in one table.
    retire: async () => [],
  };
}

/** How many it has removed, none or one. */
function removeFrom(tables: Tables, claim: ClaimRecord): number {
  const { users, byEvent } = tables;
  const stored = claimAt(tables, claim);
  if (stored === null || !isSame(stored, claim)) return 0;
  users.removeSync(claimRow(claim));
  const request = requestRow(claim);
  // Another claim of the user may have been the first with this request id.
  if (users.get(request) === slotRow(claim)) users.removeSync(request);
  byEvent.removeSync(timeRow(claim));
  return 1;
}

function isSame(stored: ClaimRecord, claim: ClaimRecord): boolean {
  const { state, attempts, fulfilledAt } = claim.delivery;
  const { delivery } = stored;
  return (
    stored.attempt === claim.attempt &&
    stored.requestId === claim.requestId &&
    stored.grantedAt === claim.grantedAt &&
    stored.slot === claim.slot &&
    delivery.state === state &&
    delivery.attempts === attempts &&
    delivery.fulfilledAt === fulfilledAt
  );
}

function clearIn(tables: Tables, series: Series): void {
  if (usersOf(tables, series, { limit: 1 }).length > 0) return;
  tables.periods.removeSync(slotRow(series));
  tables.slots.removeSync(slotRow(series));
}
