/**
 * Watches that what decides between two servers is still there: each collection of claims with the UUID recorded in `meta`,
 * each second, and its unique indexes, each minute (each second while one is missing). It creates nothing: a guard made anew
 * over data that it did not guard proves nothing, so an operator must see to it. Between two checks `collectionUUID` in each
 * insert stands in for the first check; nothing stands in for the second but the minute.
 *
 * A collection that is whole but for a unique index still keeps what is put there, each claim key once by its `_id`. Nothing
 * is granted there any more; what the journal has granted already is (`keeping`), or it would hold up all that comes after it.
 */
import { type CollectionInfo, type Db, type Filter, UUID } from 'mongodb';
import { MAIN_STORE } from '../../../protocol/event.ts';
import type { Runtime } from '../../../protocol/runtime.ts';
import type { Log } from '../../lib/log.ts';
import type { EventRecord } from '../store.ts';
import { whatExpires, whatIndexesLack } from './guard-indexes.ts';
import { collectionOf, eventsIn } from './places.ts';
import { type ClaimsRecord, COLLECTION, type EventDocument, RECORDS_OF_CLAIMS, REQUEST_INDEX } from './schema.ts';

/** A little under the second that is promised, for the check itself takes time. */
const CHECK_MS = 800;
const INDEX_CHECK_MS = 55_000;
const EVENTS_NAMED_MAX = 1_000;
const NOT_CHECKED = 'not checked yet';

/** What was found out about one collection. `missing`: why inserts are refused; null when all is well. */
type Watched = {
  uuid: UUID | null;
  missing: string | null;
  /** It is ours, and what is put there stays. */
  isKeeping: boolean;
  indexesCheckedMs: number;
  /** Over several shards no index can keep slots unique, so there is none, and no event with stock. */
  isSharded: boolean;
};

export type GuardOptions = {
  db: Db;
  runtime: Runtime;
  log: Log;
  /** The events whose claims lie in a collection; by default those that the same database keeps. */
  eventKeysOf?: (collection: string) => Promise<string[]>;
};

export class Guard {
  readonly #eventKeysOf: (collection: string) => Promise<string[]>;
  readonly #db: Db;
  readonly #runtime: Runtime;
  readonly #log: Log;
  readonly #watched = new Map<string, Watched>([[COLLECTION.claims, unchecked()]]);
  #retired: ReadonlySet<string> = new Set();
  #eventsMissing: string[] = [];
  #isAnyMissing = false;
  readonly #suspected = new Set<string>();
  #cancelTimer = () => {};
  #running: Promise<void> | null = null;
  #isClosed = false;

  constructor({ db, runtime, log, eventKeysOf }: GuardOptions) {
    this.#eventKeysOf = eventKeysOf ?? ((collection) => eventKeysIn(db, collection));
    this.#db = db;
    this.#runtime = runtime;
    this.#log = log;
  }

  /** The collections of claims that are known, as they were last found recorded. */
  get collections(): string[] {
    return [...this.#watched.keys()];
  }

  /** Whether it was given up when all of it had been archived: whether it is there makes no difference. */
  isRetired(collection: string): boolean {
    return this.#retired.has(collection);
  }

  /** Binds inserts to the collection whose guards were found; null while one is missing, and where it is not known. */
  uuidOf(collection: string): UUID | null {
    const watched = this.#watched.get(collection);
    return watched?.missing === null ? watched.uuid : null;
  }

  /** Whether inserts are refused there. Not where nobody knows the collection: it is made with its guards. */
  isMissing(collection: string): boolean {
    return (this.#watched.get(collection)?.missing ?? null) !== null;
  }

  /** Whether claims of this event and period are refused. Asked for each claim, and nearly always for nothing. */
  refuses({ eventKey, splitBy }: Pick<EventRecord, 'eventKey' | 'splitBy'>, period: string): boolean {
    return this.#isAnyMissing && this.isMissing(collectionOf({ eventKey, period }, splitBy));
  }

  /** By name the identities of the collections that claims which are granted already may be put into. */
  keeping(): Record<string, string> {
    const found = [...this.#watched].flatMap(([name, { uuid, isKeeping }]) =>
      isKeeping && uuid !== null ? [[name, uuid.toString()] as const] : [],
    );
    return Object.fromEntries(found);
  }

  /** Whether slots of claims there are guarded as well. */
  guardsSlots(collection: string): boolean {
    return this.uuidOf(collection) !== null && this.#watched.get(collection)?.isSharded === false;
  }

  /** Events whose claims are refused: all those of a collection, for they share its guards. */
  get eventsMissing(): string[] {
    return this.#isAnyMissing ? this.#eventsMissing : [];
  }

  /** Resolves after the first check, with the next ones scheduled. Rejects when that check could not be made. */
  async start(): Promise<void> {
    await this.#check();
    this.#schedule();
  }

  /** An insert was refused for the sake of the UUID, or a read failed that names an index: look now, at both. */
  suspect(collection: string): void {
    this.#suspected.add(collection);
    if (this.#running === null && !this.#isClosed) this.#runCheck();
  }

  /** Takes in what is recorded now. Rejects when that cannot be read. */
  async refresh(): Promise<void> {
    while (this.#running !== null) await this.#running;
    const check = this.#check();
    this.#running = this.#over(check);
    await check;
  }

  /** The same, and resolves when that is known. Rejects when it cannot be read. */
  lookAgain(collection: string): Promise<void> {
    this.#suspected.add(collection);
    return this.refresh();
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
    // Checks do not overlap: the older one would not know a collection that the other has found.
    if (this.#running !== null) return this.#schedule();
    this.#running = this.#over(this.#check()).finally(() => this.#schedule());
  }

  /** A store that cannot be reached is no proof of a missing guard; the last finding stands. */
  #over(check: Promise<void>): Promise<void> {
    return check
      .catch(() => {})
      .finally(() => {
        this.#running = null;
      });
  }

  async #check(): Promise<void> {
    const [records, found] = await Promise.all([
      this.#db.collection<ClaimsRecord>(COLLECTION.meta).find(RECORDS_OF_CLAIMS).toArray(),
      this.#db.listCollections<CollectionInfo>({ name: { $regex: `^${COLLECTION.claims}` } }).toArray(),
    ]);
    const [kept, retired] = [records.filter(isKept), records.filter((record) => !isKept(record))];
    this.#retired = new Set(retired.map(({ collection }) => collection));
    for (const name of this.#retired) this.#watched.delete(name);
    const recordOf = new Map(kept.map((record) => [record.collection, record]));
    const infoOf = new Map(found.map((info) => [info.name, info]));
    const names = new Set([...this.#watched.keys(), ...recordOf.keys()]);
    const look = (name: string) => this.#look(name, recordOf.get(name), infoOf.get(name));
    const findings = new Map(await Promise.all([...names].map(async (name) => [name, await look(name)] as const)));
    const missing = [...findings].filter(([, watched]) => watched.missing !== null);
    if (missing.length > 0) this.#eventsMissing = await this.#eventKeys(missing.map(([name]) => name));
    for (const [name, watched] of findings) this.#settle(name, watched);
    this.#isAnyMissing = [...this.#watched.values()].some((watched) => watched.missing !== null);
  }

  async #look(name: string, record: ClaimsRecord | undefined, info: CollectionInfo | undefined): Promise<Watched> {
    const before = this.#watched.get(name) ?? unchecked();
    const uuid = record === undefined ? before.uuid : new UUID(record.uuid);
    const wrong = whatIsWrong(name, record, info);
    const gone = { ...before, uuid, isKeeping: false };
    if (wrong !== null) return { ...gone, missing: wrong };
    const now = this.#runtime.monotonicMs();
    const isSuspected = this.#suspected.delete(name);
    const isYoung = now - before.indexesCheckedMs < INDEX_CHECK_MS;
    if (before.missing === null && isYoung && !isSuspected) return { ...before, uuid };
    const indexes = await this.#indexesOf(name);
    if (indexes === null) return { ...gone, missing: `collection ${name} was dropped`, indexesCheckedMs: now };
    const lacking = whatIndexesLack(indexes);
    const isSharded = lacking !== null && (await this.#isSharded(name));
    const missing = isSharded ? whatIndexesLack(indexes, [REQUEST_INDEX]) : lacking;
    return { uuid, missing, isKeeping: whatExpires(indexes) === null, indexesCheckedMs: now, isSharded };
  }

  #settle(name: string, watched: Watched): void {
    const before = this.#watched.get(name)?.missing ?? null;
    this.#watched.set(name, watched);
    const { missing } = watched;
    if (missing === before || (before === null && missing === null)) return;
    if (missing !== null) this.#log.error({ collection: name, missing }, 'claims are refused: a guard is missing');
    else if (before !== NOT_CHECKED) this.#log.warn({ collection: name }, 'the guards of claims are back');
  }

  /** Only a router over shards says so. */
  async #isSharded(name: string): Promise<boolean> {
    return (await this.#db.command({ collStats: name })).sharded === true;
  }

  async #indexesOf(name: string): Promise<Record<string, unknown>[] | null> {
    try {
      return await this.#db.collection(name).listIndexes().toArray();
    } catch (error) {
      if (isGone(error)) return null;
      throw error;
    }
  }

  /** Named by their collection where no event is known to have its claims there. */
  async #eventKeys(collections: readonly string[]): Promise<string[]> {
    const keys = collections.map(async (name) => {
      const found = await this.#eventKeysOf(name);
      return found.length === 0 ? [name] : found;
    });
    return [...new Set((await Promise.all(keys)).flat())];
  }
}

async function eventKeysIn(db: Db, collection: string): Promise<string[]> {
  const events = db.collection<EventDocument>(COLLECTION.events);
  const options = { projection: { _id: 1 }, limit: EVENTS_NAMED_MAX } as const;
  const filter = { ...eventsIn(collection), store: { $in: [MAIN_STORE, null] } } as Filter<EventDocument>;
  return (await events.find(filter, options).toArray()).map(({ _id }) => _id);
}

const NAMESPACE_NOT_FOUND = 26;

function isGone(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === NAMESPACE_NOT_FOUND;
}

function unchecked(): Watched {
  const indexesCheckedMs = Number.NEGATIVE_INFINITY;
  return { uuid: null, missing: NOT_CHECKED, isKeeping: false, indexesCheckedMs, isSharded: false };
}

function isKept({ isRetired }: ClaimsRecord): boolean {
  return isRetired !== true;
}

function whatIsWrong(name: string, record: ClaimsRecord | undefined, found: CollectionInfo | undefined) {
  if (record === undefined) return `the record of ${name} in ${COLLECTION.meta} is gone`;
  if (found === undefined) return `collection ${name} was dropped`;
  return found.info?.uuid?.toString() === record.uuid ? null : `collection ${name} was replaced`;
}
