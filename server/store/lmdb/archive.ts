/**
 * Removes archived claims from the tables: in transactions so small that claims which wait for the next commit hardly
 * notice. What the index says of them goes when the series has gone. The file does not become smaller; its pages are used again.
 */
import type { Archive, Series } from '../archive.ts';
import type { ClaimRecord } from '../store.ts';
import type { Tables } from './environment.ts';
import { rowsUnder, slotRow, timeRow } from './layout.ts';
import { removeSeries } from './periods.ts';
import { claimAt } from './rows.ts';
import { usersOf } from './scans.ts';
import type { Transactions } from './transactions.ts';

/** A look into the index and a row each: about 5 ms of a commit. */
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
  const stored = claimAt(tables, claim);
  if (stored === null || !isSame(stored, claim)) return 0;
  tables.claims.removeSync(timeRow(claim));
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
  removeSeries(tables, series);
  tables.slots.removeSync(slotRow(series));
}
