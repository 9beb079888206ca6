/**
 * Lists of claims, newest first, in keyset pages. A user's claims are few (at most one for each event and period), so
 * they are read whole and sorted. Those of all users are read backwards from `byEvent`, where each event is in order:
 * a list over all events takes the newest of their newest until the page is full.
 */
import type { ClaimFilter, ClaimRecord, PageKey } from '../store.ts';
import type { Tables } from './environment.ts';
import { claimOfTimeRow, claimRowsOf, recordOf, rowsUnder, type StoredClaim, timeText } from './layout.ts';
import { claimOfKey } from './rows.ts';

type Page = { limit: number; after?: PageKey };

export function listOfUser(tables: Tables, filter: ClaimFilter & { userId: string }, page: Page): ClaimRecord[] {
  const { userId, eventKey, from = 0, to = Number.POSITIVE_INFINITY } = filter;
  const claims: ClaimRecord[] = [];
  for (const { key, value } of tables.users.getRange(claimRowsOf(userId, eventKey))) {
    const claim = claimOfRow(userId, key, value as StoredClaim);
    if (claim.grantedAt < from || claim.grantedAt >= to) continue;
    if (page.after === undefined || newestFirst(page.after, claim) < 0) claims.push(claim);
  }
  return claims.sort(newestFirst).slice(0, page.limit);
}

export function listOfAll(tables: Tables, filter: ClaimFilter, { limit, after }: Page): ClaimRecord[] {
  const eventKeys = filter.eventKey === undefined ? eventKeysOf(tables) : [filter.eventKey];
  const heads = eventKeys.map((eventKey) => new Head(tables, { ...filter, eventKey }, after)).filter(isOpen);
  const claims: ClaimRecord[] = [];
  while (claims.length < limit && heads.length > 0) {
    const index = newestOf(heads);
    const head = heads[index] as Head;
    const claim = claimOfKey(tables, (head.current as PageKey).claimKey);
    if (claim === null) throw new Error(`the list names ${head.current?.claimKey}, which is not there`);
    claims.push(claim);
    head.advance();
    if (head.current === null) heads.splice(index, 1);
  }
  return claims;
}

/** Rows that a list reads at once from one event: a cursor costs as much as thirty rows. */
const ROWS_AT_ONCE = 64;

/** The place in one event's claims that has been read down to. No cursor is kept open between two looks. */
class Head {
  current: PageKey | null = null;
  readonly #tables: Tables;
  readonly #lowest: string;
  /** Rows from here on are behind us. */
  #bound: string;
  #ahead: string[] = [];

  constructor(tables: Tables, { eventKey, from = 0, to }: ClaimFilter & { eventKey: string }, after?: PageKey) {
    this.#tables = tables;
    this.#lowest = `${eventKey}/${timeText(from)}`;
    const bounds = [rowsUnder(`${eventKey}/`).end];
    if (to !== undefined) bounds.push(`${eventKey}/${timeText(to)}`);
    if (after !== undefined) bounds.push(boundAfter(eventKey, after));
    this.#bound = bounds.sort()[0] as string;
    this.advance();
  }

  advance(): void {
    if (this.#ahead.length === 0) this.#look();
    const row = this.#ahead.pop();
    this.current = row === undefined ? null : claimOfTimeRow(row);
  }

  #look(): void {
    const range = { start: this.#bound, exclusiveStart: true, end: this.#lowest, reverse: true, limit: ROWS_AT_ONCE };
    this.#ahead = Array.from(this.#tables.byEvent.getKeys(range)).reverse();
    this.#bound = this.#ahead[0] ?? this.#bound;
  }
}

function isOpen(head: Head): boolean {
  return head.current !== null;
}

function newestOf(heads: readonly Head[]): number {
  let newest = 0;
  for (let index = 1; index < heads.length; index++) {
    if (newestFirst(heads[index]?.current as PageKey, heads[newest]?.current as PageKey) < 0) newest = index;
  }
  return newest;
}

/** Where the rows of `eventKey` that come after `after` end: ties in time go by the claim key, across events too. */
function boundAfter(eventKey: string, { grantedAt, claimKey }: PageKey): string {
  const prefix = `${eventKey}/`;
  if (claimKey.startsWith(prefix)) return prefix + timeText(grantedAt) + claimKey.slice(prefix.length);
  return prefix + timeText(prefix < claimKey ? grantedAt + 1 : grantedAt);
}

/** Jumps from event to event: one look-up each. */
function eventKeysOf({ byEvent }: Tables): string[] {
  const eventKeys: string[] = [];
  let start = '!';
  for (;;) {
    let eventKey: string | null = null;
    for (const row of byEvent.getKeys({ start, limit: 1 })) eventKey = row.slice(0, row.indexOf('/'));
    if (eventKey === null) return eventKeys;
    eventKeys.push(eventKey);
    start = rowsUnder(`${eventKey}/`).end;
  }
}

function claimOfRow(userId: string, row: string, stored: StoredClaim): ClaimRecord {
  const [eventKey = '', period = ''] = row.slice(claimRowsOf(userId, undefined).start.length).split('/');
  return recordOf({ eventKey, period, userId }, stored);
}

function newestFirst(left: PageKey, right: PageKey): number {
  if (left.grantedAt !== right.grantedAt) return right.grantedAt - left.grantedAt;
  if (left.claimKey === right.claimKey) return 0;
  return left.claimKey < right.claimKey ? 1 : -1;
}
