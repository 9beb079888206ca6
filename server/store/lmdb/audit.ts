/**
 * The audit log of the embedded store: entries in the order of their ids, which begin with their time, and for each field
 * that a filter may name a row that begins with a digest of its value. A digest, because a subject may be longer than a
 * key, or hold any character; two values with one digest are told apart by the entry.
 */
import { createHash } from 'node:crypto';
import { type AuditEntry, type AuditFilter, type AuditStore, auditTimeText } from '../accounts.ts';
import { NOTHING, type Tables } from './environment.ts';
import type { Transactions } from './transactions.ts';

/** In the order in which they narrow a list most: the first that a filter names is read, the others are compared. */
const FIELDS = ['subject', 'actor', 'action'] as const;
type Field = (typeof FIELDS)[number];

const DIGEST_BYTES = 12;
/** Behind every audit id. */
const END = '~';

export class LmdbAudit implements AuditStore {
  readonly #transactions: Transactions;

  constructor(transactions: Transactions) {
    this.#transactions = transactions;
  }

  async append(entries: readonly AuditEntry[]): Promise<void> {
    if (entries.length === 0) return;
    await this.#transactions.commitOrThrow(({ audit, auditBy }) => {
      for (const entry of entries) {
        audit.putSync(entry.auditId, entry);
        for (const field of FIELDS) auditBy.putSync(under(field, entry[field]) + entry.auditId, NOTHING);
      }
    });
  }

  list(filter: AuditFilter, { limit, after }: { limit: number; after?: string }): Promise<AuditEntry[]> {
    return this.#transactions.read((tables) => {
      const entries: AuditEntry[] = [];
      for (const auditId of idsOf(tables, filter, after)) {
        const entry = tables.audit.get(auditId);
        if (entry !== undefined && FIELDS.every((field) => (filter[field] ?? entry[field]) === entry[field])) {
          entries.push(entry);
        }
        if (entries.length === limit) break;
      }
      return entries;
    });
  }
}

/** Newest first. */
function* idsOf({ audit, auditBy }: Tables, filter: AuditFilter, after: string | undefined): Iterable<string> {
  const field = FIELDS.find((each) => filter[each] !== undefined);
  const start = field === undefined ? '' : under(field, filter[field] ?? '');
  const bounds = [after, filter.to === undefined ? undefined : auditTimeText(filter.to), END];
  const newest = bounds.filter((bound) => bound !== undefined).sort()[0];
  // Backwards `end` would be left out, and one that is exactly `from` old must not be.
  const oldest = start + auditTimeText(filter.from ?? 0);
  const range = { start: start + newest, exclusiveStart: true, end: oldest, reverse: true };
  for (const row of (field === undefined ? audit : auditBy).getKeys(range)) yield row.slice(start.length);
}

function under(field: Field, value: string): string {
  const digest = createHash('sha256').update(value).digest().subarray(0, DIGEST_BYTES);
  return `${field} ${digest.toString('hex')}/`;
}
