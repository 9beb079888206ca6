/**
 * The first thing a start does with a database: read or make its format version and cluster id, its collections and indexes,
 * and the record of which collection holds the claims. Several servers may do this at the same time. What was recorded once
 * is never made again: a guard that is missing then is found missing by `guard.ts`.
 */
import { type Collection, type CollectionInfo, type Db, MongoServerError } from 'mongodb';
import type { Runtime } from '../../../protocol/runtime.ts';
import { StoreRefused } from '../store.ts';
import type { ClaimsRecord } from './guard.ts';
import { COLLECTION, GUARD_INDEXES, type IndexSpec, LIST_INDEX } from './schema.ts';

/** Grows when an older program could no longer read or guard the data. */
export const FORMAT_VERSION = 2;
/** What a database is until it has a journal, which the first program did not know: it would have granted again what is in there. */
const FORMAT_WITHOUT_JOURNAL = 1;

type StoreRecord = { _id: 'store'; formatVersion: number; clusterId: string; createdAt: Date };

export const CODE = { namespaceExists: 48, duplicateKey: 11_000 } as const;
const CLUSTER_ID_BYTES = 12;

/** Resolves to the cluster id. Throws StoreRefused when a newer program has written the data. */
export async function openFormat(db: Db, { runtime, label }: { runtime: Runtime; label: string }): Promise<string> {
  const meta = db.collection<StoreRecord>(COLLECTION.meta);
  const made: StoreRecord = {
    _id: 'store',
    formatVersion: FORMAT_WITHOUT_JOURNAL,
    clusterId: Buffer.from(runtime.randomBytes(CLUSTER_ID_BYTES)).toString('hex'),
    createdAt: new Date(runtime.wallMs()),
  };
  const { formatVersion, clusterId } = await foundOrMade(meta, made);
  if (formatVersion > FORMAT_VERSION) {
    throw new StoreRefused(`${label} has data format ${formatVersion}; this program knows ${FORMAT_VERSION}`);
  }
  return clusterId;
}

/** Before the first block: from now on an older program refuses the data. */
export async function raiseFormat(db: Db): Promise<void> {
  const meta = db.collection<StoreRecord>(COLLECTION.meta);
  await meta.updateOne({ _id: 'store' }, { $max: { formatVersion: FORMAT_VERSION } });
}

/** Makes what is not there yet. Throws StoreRefused when claims that are there break a guard. */
export async function openCollections(db: Db, label: string): Promise<void> {
  const meta = db.collection<ClaimsRecord>(COLLECTION.meta);
  if ((await meta.findOne({ _id: 'claims' })) === null) {
    await ignoring(CODE.namespaceExists, db.createCollection(COLLECTION.claims));
    await createIndexes(db, label, GUARD_INDEXES);
    await ignoring(CODE.duplicateKey, meta.insertOne({ ...(await claimsCollection(db)) }));
  }
  const [claims] = await db.listCollections({ name: COLLECTION.claims }, { nameOnly: true }).toArray();
  if (claims !== undefined) await createIndexes(db, label, [LIST_INDEX]);
}

async function claimsCollection(db: Db): Promise<ClaimsRecord> {
  const [found] = await db.listCollections<CollectionInfo>({ name: COLLECTION.claims }).toArray();
  const uuid = found?.info?.uuid?.toString();
  if (uuid === undefined) throw new StoreRefused(`${COLLECTION.claims} is not a collection with a UUID`);
  return { _id: 'claims', collection: COLLECTION.claims, uuid };
}

async function createIndexes(db: Db, label: string, indexes: readonly IndexSpec[]): Promise<void> {
  try {
    await db.command({ createIndexes: COLLECTION.claims, indexes, writeConcern: { w: 'majority' } });
  } catch (error) {
    if (!(error instanceof MongoServerError) || error.code !== CODE.duplicateKey) throw error;
    throw new StoreRefused(`claims in ${label} break a unique index: ${error.message}`);
  }
}

/** Inserting first leaves one winner among servers that start together; the others read what it made. */
async function foundOrMade(meta: Collection<StoreRecord>, made: StoreRecord): Promise<StoreRecord> {
  const found = await meta.findOne({ _id: made._id });
  if (found !== null) return found;
  await ignoring(CODE.duplicateKey, meta.insertOne(made));
  return (await meta.findOne({ _id: made._id })) ?? made;
}

export async function ignoring(code: number, work: Promise<unknown>): Promise<void> {
  try {
    await work;
  } catch (error) {
    if (!(error instanceof MongoServerError) || error.code !== code) throw error;
  }
}
