/**
 * Long reads that fill a node's memory, in pages. Both read tables that are in a useful order already and nothing but
 * their keys; a page of 2,000 keeps the main thread for a few milliseconds.
 */
import type { Tables } from './environment.ts';
import { claimOfTimeRow, rowsUnder, timeRow, timeText } from './layout.ts';
import { spanOf } from './periods.ts';
import { claimAt } from './rows.ts';

type Page = { limit: number; after?: string };
type Request = { userId: string; requestId: string };

/** In the order of their claims. Behind `after`, a user who has one, whose row is where the page before ended. */
export function usersOf(tables: Tables, of: { eventKey: string; period: string }, { limit, after }: Page): string[] {
  const span = spanOf(tables, of);
  if (span === null) return [];
  const under = `${of.eventKey}/`;
  const start = after === undefined ? under + timeText(span[0]) : timeRowOf(tables, { ...of, userId: after });
  const range = { start, exclusiveStart: after !== undefined, end: under + timeText(span[1] + 1) };
  const prefix = `${under}${of.period}/`;
  const userIds: string[] = [];
  // Claims of the periods before and after lie among these only around a reset.
  for (const row of tables.byEvent.getKeys(range)) {
    const { claimKey } = claimOfTimeRow(row);
    if (claimKey.startsWith(prefix)) userIds.push(claimKey.slice(prefix.length));
    if (userIds.length === limit) break;
  }
  return userIds;
}

/** Rows of claims and of requests take turns; `next` is the last row that was read. */
export function requestsOf({ users }: Tables, { limit, after }: Page): { items: Request[]; next: string | null } {
  const items: Request[] = [];
  const range = after === undefined ? {} : { start: after, exclusiveStart: true };
  for (const row of users.getKeys(range)) {
    const kindAt = row.indexOf('/') + 1;
    if (!row.startsWith('r', kindAt)) continue;
    items.push({ userId: row.slice(0, kindAt - 1), requestId: row.slice(kindAt + 1) });
    if (items.length === limit) return { items, next: row };
  }
  return { items, next: null };
}

/** The highest of any period, or of the one named. */
export function highestSlotOf({ slots }: Tables, eventKey: string, period: string | undefined): number {
  if (period !== undefined) return slots.get(`${eventKey}/${period}`) ?? 0;
  let highest = 0;
  for (const { value } of slots.getRange(rowsUnder(`${eventKey}/`))) highest = Math.max(highest, value);
  return highest;
}

function timeRowOf(tables: Tables, parts: { eventKey: string; period: string; userId: string }): string {
  const claim = claimAt(tables, parts);
  if (claim === null) throw new Error(`a page after ${parts.userId}, who has no claim there`);
  return timeRow(claim);
}
