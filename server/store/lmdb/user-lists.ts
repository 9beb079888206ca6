/**
 * Pages of users, read from the table that is in the order asked for. A user with one of several roles stands in the first
 * `limit` rows of one of them or comes after this page, so that many rows of each are enough.
 */
import type { UserFilter } from '../accounts.ts';
import { byBytes, prefixEndOf } from '../prefix.ts';
import { roleSetsOfFilter } from '../user-roles.ts';
import type { Tables } from './environment.ts';

type Page = { limit: number; after?: string };

export function userIdsOf(tables: Tables, filter: UserFilter, page: Page): string[] {
  const { roles, usernamePrefix } = filter;
  const under = roles === undefined ? [''] : roleSetsOfFilter(roles).map((set) => `${set}/`);
  if (usernamePrefix === undefined) {
    const table = roles === undefined ? tables.people : tables.members;
    return merged(under, (start) => keysUnder(table, start, '', page), page.limit).map(({ key }) => key);
  }
  const table = roles === undefined ? tables.names : tables.memberNames;
  const rows = merged(under, (start) => keysUnder(table, start, usernamePrefix, page), page.limit);
  return rows.map(({ row }) => table.get(row) ?? '');
}

type Row = { row: string; key: string };
type Keyed = Pick<Tables['members'], 'getKeys'>;

/** Rows that begin with `under`; what comes behind it is the key, which begins with `prefix` and comes after `after`. */
function keysUnder(table: Keyed, under: string, prefix: string, { limit, after }: Page): Row[] {
  const isPast = after !== undefined && byBytes(after, prefix) >= 0;
  const end = prefixEndOf(under + prefix);
  const rows = table.getKeys({
    start: under + (isPast ? after : prefix),
    exclusiveStart: isPast,
    limit,
    ...(end === null ? {} : { end }),
  });
  return Array.from(rows, (row) => ({ row, key: row.slice(under.length) }));
}

function merged(under: readonly string[], read: (start: string) => Row[], limit: number): Row[] {
  const [first, ...others] = under.map(read);
  if (first === undefined || others.length === 0) return first ?? [];
  const byKey = new Map([...first, ...others.flat()].map((row) => [row.key, row]));
  return [...byKey.values()].sort((left, right) => byBytes(left.key, right.key)).slice(0, limit);
}
