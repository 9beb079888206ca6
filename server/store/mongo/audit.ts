/**
 * The audit log. An entry's `_id` begins with its time, so a span of time is a span of any index here. A list reads the
 * index of the field that narrows it most and compares the others.
 */
import type { Collection, Db, Filter } from 'mongodb';
import { type AuditEntry, type AuditFilter, type AuditStore, auditTimeText } from '../accounts.ts';
import { StoreUnavailable } from '../store.ts';
import { AUDIT_INDEXES, type AuditDocument, documentOfEntry, entryOfDocument } from './account-schema.ts';
import { answerOf } from './connection.ts';
import { insertOnce } from './inserter.ts';
import { COLLECTION } from './schema.ts';

/** In the order in which they narrow a list most. */
const FIELDS = ['subject', 'actor', 'action'] as const;
const READ_MS_MAX = 5_000;
const MAJORITY_MS_MAX = 5_000;

export class MongoAudit implements AuditStore {
  readonly #db: Db;
  readonly #audit: Collection<AuditDocument>;

  constructor(db: Db) {
    this.#db = db;
    this.#audit = db.collection<AuditDocument>(COLLECTION.audit);
  }

  /** Appending again is harmless, so an insert that is not fully answered is simply a failure. */
  async append(entries: readonly AuditEntry[]): Promise<void> {
    if (entries.length === 0) return;
    const target = { collection: COLLECTION.audit, majorityMs: MAJORITY_MS_MAX };
    const { fates, complaint } = await insertOnce(this.#db, target, entries.map(documentOfEntry), 'unordered');
    if (fates.every((fate) => fate === 'inserted' || fate === 'duplicate')) return;
    throw new StoreUnavailable('the audit log may be written in part', { cause: complaint });
  }

  async list(filter: AuditFilter, { limit, after }: { limit: number; after?: string }): Promise<AuditEntry[]> {
    const named = FIELDS.filter((field) => filter[field] !== undefined);
    const equal = Object.fromEntries(named.map((field) => [field, filter[field]]));
    const hint = named[0] === undefined ? { _id: 1 as const } : AUDIT_INDEXES[named[0]].key;
    const options = { hint, sort: { _id: -1 }, limit, batchSize: limit + 1, maxTimeMS: READ_MS_MAX } as const;
    const cursor = this.#audit.find({ ...equal, ...idFilter(filter, after) }, options);
    return (await answerOf(cursor.toArray())).map(entryOfDocument);
  }
}

/** One upper bound: a second would be a filter behind the index. */
function idFilter({ from, to }: AuditFilter, after: string | undefined): Filter<AuditDocument> {
  const bounds = [after, to === undefined ? undefined : auditTimeText(to)].filter((bound) => bound !== undefined);
  const [before] = bounds.sort();
  if (from === undefined && before === undefined) return {};
  return { _id: { $gte: auditTimeText(from ?? 0), ...(before === undefined ? {} : { $lt: before }) } };
}
