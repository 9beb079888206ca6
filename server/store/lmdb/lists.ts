/**
 * Lists of claims, newest first, in keyset pages. A user's claims are few (at most one for each event and period), so
 * they are read whole and sorted. Those of all users are read backwards from `claims`, where each event is in order:
 * a list over all events takes the newest of their newest until the page is full.
 */
import { claimKeyOf } from '../../../protocol/key.ts';
import type { ClaimFilter, ClaimRecord, PageKey } from '../store.ts';
import type { Tables } from './environment.ts';
import { claimOfTimeRow, partsOfTimeRow, rowsUnder, timeText } from './layout.ts';
import { UserClaims } from './rows.ts';

type Page = { limit: number; after?: PageKey };

export function listOfUser(tables: Tables, filter: ClaimFilter & { userId: string }, page: Page): ClaimRecord[] {
  const { userId, eventKey, from = 0, to = Number.POSITIVE_INFINITY } = filter;
  const { after, limit } = page;
  const isAsked = (claim: ClaimRecord) =>
    (eventKey === undefined || claim.eventKey === eventKey) &&
    claim.grantedAt >= from &&
    claim.grantedAt < to &&
    (after === undefined || newestFirst(after, claim) < 0);
  return new UserClaims(tables, userId).all().filter(isAsked).sort(newestFirst).slice(0, limit);
}

export function listOfAll(tables: Tables, filter: ClaimFilter, { limit, after }: Page): ClaimRecord[] {
  const eventKeys = filter.eventKey === undefined ? eventKeysOf(tables) : [filter.eventKey];
  const heads = eventKeys.map((eventKey) => new Head(tables, { ...filter, eventKey }, after)).filter(isOpen);
  const claims: ClaimRecord[] = [];
  while (claims.length < limit && heads.length > 0) {
    const index = newestOf(heads);
    const head = heads[index] as Head;
    claims.push(head.claim());
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
  #row: string | null = null;

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
    this.#row = this.#ahead.pop() ?? null;
    this.current = this.#row === null ? null : pageKeyOf(this.#row);
  }

  claim(): ClaimRecord {
    const stored = this.#row === null ? undefined : this.#tables.claims.get(this.#row);
    if (this.#row === null || stored === undefined) throw new Error('the list has no claim there');
    return claimOfTimeRow(this.#row, stored);
  }

  #look(): void {
    const range = { start: this.#bound, exclusiveStart: true, end: this.#lowest, reverse: true, limit: ROWS_AT_ONCE };
    this.#ahead = Array.from(this.#tables.claims.getKeys(range)).reverse();
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
function eventKeysOf({ claims }: Tables): string[] {
  const eventKeys: string[] = [];
  let start = '!';
  for (;;) {
    let eventKey: string | null = null;
    for (const row of claims.getKeys({ start, limit: 1 })) eventKey = row.slice(0, row.indexOf('/'));
    if (eventKey === null) return eventKeys;
    eventKeys.push(eventKey);
    start = rowsUnder(`${eventKey}/`).end;
  }
}

function pageKeyOf(row: string): PageKey {
  const { eventKey, period, userId, grantedAt } = partsOfTimeRow(row);
  return { grantedAt, claimKey: claimKeyOf(eventKey, period, userId) };
}

function newestFirst(left: PageKey, right: PageKey): number {
  if (left.grantedAt !== right.grantedAt) return right.grantedAt - left.grantedAt;
  if (left.claimKey === right.claimKey) return 0;
  return left.claimKey < right.claimKey ? 1 : -1;
}
