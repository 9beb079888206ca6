/** Long reads that fill a node's memory, in pages: one of 2,000 keeps the main thread for a few milliseconds. */
import type { Tables } from './environment.ts';
import { partsOfTimeRow, rowsUnder, timeRow, timeText } from './layout.ts';
import { periodRowOf } from './periods.ts';
import { claimAt } from './rows.ts';

type Page = { limit: number; after?: string };
type Request = { userId: string; requestId: string };

/** In the order of their claims. Behind `after`, a user who has one, whose row is where the page before ended. */
export function usersOf(tables: Tables, of: { eventKey: string; period: string }, { limit, after }: Page): string[] {
  const row = periodRowOf(tables, of);
  if (row === null) return [];
  const [, earliest, latest] = row;
  const under = `${of.eventKey}/`;
  const start = after === undefined ? under + timeText(earliest) : timeRowOf(tables, { ...of, userId: after });
  const range = { start, exclusiveStart: after !== undefined, end: under + timeText(latest + 1) };
  const userIds: string[] = [];
  // Claims of the periods before and after lie among these only around a reset.
  for (const each of tables.claims.getKeys(range)) {
    const { period, userId } = partsOfTimeRow(each);
    if (period === of.period) userIds.push(userId);
    if (userIds.length === limit) break;
  }
  return userIds;
}

/** `next` is the last row that was read. */
export function requestsOf({ claims }: Tables, { limit, after }: Page): { items: Request[]; next: string | null } {
  const range = after === undefined ? {} : { start: after, exclusiveStart: true };
  const rows = Array.from(claims.getRange({ ...range, limit }));
  const items = rows.map(({ key, value: [requestId] }) => ({ userId: partsOfTimeRow(key).userId, requestId }));
  return { items, next: rows.length < limit ? null : (rows.at(-1)?.key ?? null) };
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
