/**
 * Watches that what decides between two servers is still there: the claims collection with the UUID recorded in `meta`, each
 * second, and its unique indexes, each minute (each second while one is missing). It creates nothing: a guard made anew over
 * data that it did not guard proves nothing, so an operator must see to it. Between two checks `collectionUUID` in each
 * insert stands in for the first check; nothing stands in for the second but the minute.
 */
import { type CollectionInfo, type Db, MongoServerError, UUID } from 'mongodb';
import type { Runtime } from '../../../protocol/runtime.ts';
import type { Log } from '../../lib/log.ts';
import { COLLECTION, GUARD_INDEXES, type IndexSpec } from './schema.ts';

/** A little under the second that is promised, for the check itself takes time. */
const CHECK_MS = 800;
const INDEX_CHECK_MS = 55_000;
const EVENTS_NAMED_MAX = 1_000;
const NAMESPACE_NOT_FOUND = 26;

/** Which collection holds the claims; made by the first start. */
export type ClaimsRecord = { _id: 'claims'; collection: string; uuid: string };

export class Guard {
  readonly #db: Db;
  readonly #runtime: Runtime;
  readonly #log: Log;
  #collectionUuid: UUID | null = null;
  /** Why inserts are refused; null when all is well. */
  #missing: string | null = 'not checked yet';
  #eventsMissing: string[] = [];
  #indexesCheckedMs = Number.NEGATIVE_INFINITY;
  #cancelTimer = () => {};
  #running: Promise<void> | null = null;
  #isClosed = false;

  constructor({ db, runtime, log }: { db: Db; runtime: Runtime; log: Log }) {
    this.#db = db;
    this.#runtime = runtime;
    this.#log = log;
  }

  /** Binds inserts to the collection whose guards were found; null while one is missing. */
  get collectionUuid(): UUID | null {
    return this.#missing === null ? this.#collectionUuid : null;
  }

  /** Events whose claims are refused. One collection holds the claims of all, so it is all or none. */
  get eventsMissing(): string[] {
    return this.#missing === null ? [] : this.#eventsMissing;
  }

  /** Resolves after the first check, with the next ones scheduled. Rejects when that check could not be made. */
  async start(): Promise<void> {
    await this.#check();
    this.#schedule();
  }

  /** An insert was refused for the sake of the UUID, or a read failed that names an index: look now, at both. */
  suspect(): void {
    this.#indexesCheckedMs = Number.NEGATIVE_INFINITY;
    if (this.#running === null && !this.#isClosed) this.#runCheck();
  }

  /** Resolves when no check is under way any more. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#cancelTimer();
    await this.#running;
  }

  #schedule(): void {
    if (!this.#isClosed) this.#cancelTimer = this.#runtime.after(CHECK_MS, () => this.#runCheck());
  }

  #runCheck(): void {
    this.#cancelTimer();
    // A store that cannot be reached is no proof of a missing guard; the last finding stands.
    this.#running = this.#check()
      .catch(() => {})
      .finally(() => {
        this.#running = null;
        this.#schedule();
      });
  }

  async #check(): Promise<void> {
    const [recorded, found] = await Promise.all([
      this.#db.collection<ClaimsRecord>(COLLECTION.meta).findOne({ _id: 'claims' }),
      this.#db.listCollections<CollectionInfo>({ name: COLLECTION.claims }).toArray(),
    ]);
    const missing = whatIsWrong(recorded, found[0]) ?? (await this.#indexesMissing());
    if (missing !== null) this.#eventsMissing = await this.#eventKeys();
    if (recorded !== null) this.#collectionUuid = new UUID(recorded.uuid);
    this.#settle(missing);
  }

  #settle(missing: string | null): void {
    if (missing === this.#missing) return;
    if (missing !== null) this.#log.error({ missing }, 'claims are refused: a guard is missing');
    else if (this.#eventsMissing.length > 0) this.#log.warn({}, 'the guards of claims are back');
    this.#missing = missing;
  }

  async #indexesMissing(): Promise<string | null> {
    const now = this.#runtime.monotonicMs();
    if (this.#missing === null && now - this.#indexesCheckedMs < INDEX_CHECK_MS) return null;
    const indexes = await this.#db.collection(COLLECTION.claims).listIndexes().toArray().catch(noneWithoutCollection);
    this.#indexesCheckedMs = now;
    return whatIndexesLack(indexes);
  }

  async #eventKeys(): Promise<string[]> {
    const events = this.#db.collection<{ _id: string }>(COLLECTION.events);
    const found = await events.find({}, { projection: { _id: 1 }, limit: EVENTS_NAMED_MAX }).toArray();
    return found.length === 0 ? [COLLECTION.claims] : found.map(({ _id }) => _id);
  }
}

function whatIsWrong(recorded: ClaimsRecord | null, found: CollectionInfo | undefined) {
  if (recorded === null) return `the record of ${COLLECTION.claims} in ${COLLECTION.meta} is gone`;
  if (found === undefined) return `collection ${COLLECTION.claims} was dropped`;
  return found.info?.uuid?.toString() === recorded.uuid ? null : `collection ${COLLECTION.claims} was replaced`;
}

/** What is wrong with the indexes of the claims collection as guards; null when nothing is. Pure. */
export function whatIndexesLack(indexes: readonly Record<string, unknown>[]): string | null {
  const expiring = indexes.find((index) => index.expireAfterSeconds !== undefined);
  if (expiring !== undefined) return `index ${expiring.name} expires claims, which opens their keys again`;
  const lacking = GUARD_INDEXES.find((spec) => !indexes.some((index) => guards(index, spec)));
  return lacking === undefined ? null : `unique index ${lacking.name} ${JSON.stringify(lacking.key)} was dropped`;
}

/** The name does not matter; an index under construction has its specification elsewhere and so does not count yet. */
function guards(index: Record<string, unknown>, spec: IndexSpec): boolean {
  const isSame = (field: 'key' | 'partialFilterExpression') =>
    JSON.stringify(index[field]) === JSON.stringify(spec[field]);
  const isWhole = index.sparse !== true && index.collation === undefined;
  return isSame('key') && isSame('partialFilterExpression') && index.unique === true && isWhole;
}

function noneWithoutCollection(error: unknown): never[] {
  if (error instanceof MongoServerError && error.code === NAMESPACE_NOT_FOUND) return [];
  throw error;
}
