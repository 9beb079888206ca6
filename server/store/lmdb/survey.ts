/**
 * Reads the embedded store from end to end for whoever compares what must agree. A page is one look, and so one state of
 * all tables: what one transaction wrote is there whole or not at all.
 */
import type { Conflict } from '../journal.ts';
import type { ClaimRecord } from '../store.ts';
import type { CollectionStatus, RowFault, Survey, SurveyedSlot } from '../survey.ts';
import type { Tables } from './environment.ts';
import { claimOfTimeRow, rowsUnder } from './layout.ts';
import { periodRowOf } from './periods.ts';
import { UserClaims } from './rows.ts';
import type { Transactions } from './transactions.ts';

/** As operators know it from the other store. */
const COLLECTION = 'user_events';

type Page = { limit: number; after: string | null };
type ClaimPage = Awaited<ReturnType<Survey['claims']>>;
type SlotPage = Awaited<ReturnType<Survey['slots']>>;

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
  const { claims, fresh, runs, buckets, series, slots, periods } = tables;
  const others = [fresh, runs, buckets, series, slots, periods];
  const indexBytes = others.reduce((sum, table) => sum + statsOf(table).bytes, 0);
  const { rows, bytes } = statsOf(claims);
  return { name: COLLECTION, claims: rows, bytes, indexBytes, guard: 'ok' };
}

type Stats = Record<'entryCount' | 'pageSize' | 'treeBranchPageCount' | 'treeLeafPageCount' | 'overflowPages', number>;

function statsOf(table: { getStats(): object }): { rows: number; bytes: number } {
  const stats = table.getStats() as Stats;
  const pages = stats.treeBranchPageCount + stats.treeLeafPageCount + stats.overflowPages;
  return { rows: stats.entryCount, bytes: pages * stats.pageSize };
}

function claimsAfter(tables: Tables, { limit, after }: Page): ClaimPage {
  const rows = Array.from(tables.claims.getRange({ ...behind(after), limit }));
  const claims = rows.map(({ key, value }) => claimOfTimeRow(key, value));
  const faults = claims.flatMap((claim) => faultsOf(tables, claim));
  return { claims, faults, next: rows.length < limit ? null : (rows.at(-1)?.key ?? null) };
}

function faultsOf(
  tables: Tables,
  { claimKey, eventKey, period, userId, grantedAt, requestId }: ClaimRecord,
): RowFault[] {
  const user = new UserClaims(tables, userId);
  const series = periodRowOf(tables, { eventKey, period })?.[0];
  const entry = user.entries().find((each) => each.series === series && each.grantedAt === grantedAt);
  if (entry === undefined) return [{ kind: 'unlisted', claimKey }];
  const faults: RowFault[] = [];
  const first = user.of(entry.series);
  if (first?.grantedAt !== grantedAt) faults.push({ kind: 'claimTwice', claimKey });
  const owner = user.ofRequest(requestId);
  if (owner === null) faults.push({ kind: 'requestMissing', claimKey });
  else if (owner.claimKey !== claimKey) faults.push({ kind: 'requestTwice', claimKey });
  return faults;
}

function slotsAfter(tables: Tables, eventKey: string, { limit, after }: Page): SlotPage {
  const { start, end } = rowsUnder(`${eventKey}/`);
  const range = after === null ? { start } : { start: after, exclusiveStart: true };
  const rows = Array.from(tables.claims.getRange({ ...range, end, limit }));
  const slots = rows.flatMap(({ key, value }): SurveyedSlot[] => {
    const { claimKey, period, grantedAt, slot } = claimOfTimeRow(key, value);
    return slot === null ? [] : [{ claimKey, period, grantedAt, slot }];
  });
  return { slots, next: rows.length < limit ? null : (rows.at(-1)?.key ?? null) };
}

function behind(after: string | null): { start?: string; exclusiveStart?: boolean } {
  return after === null ? {} : { start: after, exclusiveStart: true };
}
