/**
 * Reads the embedded store from end to end for whoever compares what must agree. A page is one look, and so one state of
 * all tables: what one transaction wrote is there whole or not at all.
 */
import type { Conflict } from '../journal.ts';
import type { ClaimRecord } from '../store.ts';
import type { CollectionStatus, RowFault, Survey, SurveyedClaim, SurveyedSlot } from '../survey.ts';
import type { Tables } from './environment.ts';
import {
  claimOfTimeRow,
  claimRow,
  recordOf,
  requestRow,
  rowsUnder,
  type StoredClaim,
  slotRow,
  timeRow,
} from './layout.ts';
import { claimAt, claimOfKey } from './rows.ts';
import type { Transactions } from './transactions.ts';

/** As operators know it from the other store. */
const COLLECTION = 'user_events';
/** First the claims by user, then the list of them. */
const BY_USER = 'u';
const BY_EVENT = 'e';

type Page = { limit: number; after: string | null };
type ClaimPage = Awaited<ReturnType<Survey['claims']>>;

export function createLmdbSurvey(transactions: Transactions): Survey {
  return {
    claims: (page) => transactions.read((tables) => claimsAfter(tables, page)),
    slots: (eventKey, page) => transactions.read((tables) => slotsAfter(tables, eventKey, page)),
    conflicts: ({ limit, after }) =>
      transactions.read(({ conflicts }) => {
        const rows = Array.from(conflicts.getRange({ ...behind(after), limit }));
        const found: Conflict[] = rows.map(({ value }) => value);
        return { conflicts: found, next: rows.length < limit ? null : (rows.at(-1)?.key ?? null) };
      }),
  };
}

/** From the tables' own counts. */
export function lmdbCollection(tables: Tables): CollectionStatus {
  const { users, byEvent, slots, periods } = tables;
  const indexBytes = [byEvent, slots, periods].reduce((sum, table) => sum + statsOf(table).bytes, 0);
  // A table cannot lose the uniqueness of its keys: it is made of it.
  return { name: COLLECTION, claims: statsOf(byEvent).rows, bytes: statsOf(users).bytes, indexBytes, guard: 'ok' };
}

type Stats = Record<'entryCount' | 'pageSize' | 'treeBranchPageCount' | 'treeLeafPageCount' | 'overflowPages', number>;

function statsOf(table: { getStats(): object }): { rows: number; bytes: number } {
  const stats = table.getStats() as Stats;
  const pages = stats.treeBranchPageCount + stats.treeLeafPageCount + stats.overflowPages;
  return { rows: stats.entryCount, bytes: pages * stats.pageSize };
}

function claimsAfter(tables: Tables, { limit, after }: Page): ClaimPage {
  if (after?.startsWith(BY_EVENT)) return listAfter(tables, { limit, after: after.slice(1) });
  const claims: SurveyedClaim[] = [];
  const faults: RowFault[] = [];
  let [count, last] = [0, ''];
  // A claim has two rows here.
  for (const { key, value } of tables.users.getRange({ ...behind(after?.slice(1) ?? null), limit: 2 * limit })) {
    [count, last] = [count + 1, key];
    const kindAt = key.indexOf('/') + 1;
    const userId = key.slice(0, kindAt - 1);
    if (key[kindAt] === 'r') {
      const [eventKey = '', period = ''] = String(value).split('/');
      const isThere = tables.users.doesExist(claimRow({ eventKey, period, userId }));
      if (!isThere) faults.push({ kind: 'requestWithoutClaim', claimKey: `${eventKey}/${period}/${userId}` });
      continue;
    }
    const [eventKey = '', period = ''] = key.slice(kindAt + 1).split('/');
    const claim = recordOf({ eventKey, period, userId }, value as StoredClaim);
    claims.push(claim);
    faults.push(...faultsOf(tables, claim));
  }
  return { claims, faults, next: count < 2 * limit ? BY_EVENT : BY_USER + last };
}

function faultsOf(tables: Tables, claim: ClaimRecord): RowFault[] {
  const faults: RowFault[] = [];
  const { claimKey } = claim;
  const place = tables.users.get(requestRow(claim)) as string | undefined;
  if (place !== slotRow(claim)) {
    const [eventKey = '', period = ''] = (place ?? '').split('/');
    const other = claimAt(tables, { eventKey, period, userId: claim.userId });
    faults.push({ kind: other?.requestId === claim.requestId ? 'requestTwice' : 'requestMissing', claimKey });
  }
  if (!tables.byEvent.doesExist(timeRow(claim))) faults.push({ kind: 'unlisted', claimKey });
  return faults;
}

/** The list is complete when each claim is on it and each row of it is a claim's. */
function listAfter(tables: Tables, { limit, after }: { limit: number; after: string }): ClaimPage {
  const rows = Array.from(tables.byEvent.getKeys({ ...behind(after === '' ? null : after), limit }));
  const faults = rows.flatMap((row): RowFault[] => {
    const { claimKey } = claimOfTimeRow(row);
    const claim = claimOfKey(tables, claimKey);
    return claim !== null && timeRow(claim) === row ? [] : [{ kind: 'listedWithoutClaim', claimKey }];
  });
  return { claims: [], faults, next: rows.length < limit ? null : BY_EVENT + rows.at(-1) };
}

function slotsAfter(tables: Tables, eventKey: string, { limit, after }: Page) {
  const { start, end } = rowsUnder(`${eventKey}/`);
  const range = after === null ? { start } : { start: after, exclusiveStart: true };
  const rows = Array.from(tables.byEvent.getKeys({ ...range, end, limit }));
  const slots = rows.flatMap((row): SurveyedSlot[] => {
    const claim = claimOfKey(tables, claimOfTimeRow(row).claimKey);
    if (claim === null || claim.slot === null) return [];
    const { claimKey, period, grantedAt, slot } = claim;
    return [{ claimKey, period, grantedAt, slot }];
  });
  return { slots, next: rows.length < limit ? null : (rows.at(-1) ?? null) };
}

function behind(after: string | null): { start?: string; exclusiveStart?: boolean } {
  return after === null ? {} : { start: after, exclusiveStart: true };
}
