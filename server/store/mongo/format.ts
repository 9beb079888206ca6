/**
 * The first thing a start does with a database: read or make its format version and cluster id, its collections and indexes,
 * and the record of which collection holds the claims. Several servers may do this at the same time. What was recorded once
 * is never made again: a guard that is missing then is found missing by `guard.ts`.
 */
import { type Collection, type CollectionInfo, type Db, MongoServerError } from 'mongodb';
import type { Runtime } from '../../../protocol/runtime.ts';
import { StoreRefused } from '../store.ts';
import { SPLIT_NAME } from './places.ts';
import {
  type ClaimsRecord,
  COLLECTION,
  GUARD_INDEXES,
  type IndexSpec,
  idOfClaimsRecord,
  LIST_INDEX,
  PLACES_ID,
  type PlacesRecord,
  RECORDS_OF_CLAIMS,
} from './schema.ts';

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
  await recordClaims(db, COLLECTION.claims, label);
  const [claims] = await db.listCollections({ name: COLLECTION.claims }, { nameOnly: true }).toArray();
  if (claims !== undefined) await createIndexes(db, COLLECTION.claims, label, [LIST_INDEX]);
  await takeOver(db, label);
}

/** Collections of claims whose records an operator has removed, after a restore, are taken as they are. */
async function takeOver(db: Db, label: string): Promise<void> {
  const records = await db.collection<ClaimsRecord>(COLLECTION.meta).find(RECORDS_OF_CLAIMS).toArray();
  const recorded = new Set(records.map(({ collection }) => collection));
  const found = await db.listCollections({ name: SPLIT_NAME }, { nameOnly: true }).toArray();
  for (const { name } of found) if (!recorded.has(name)) await openSplitCollection(db, name, label);
}

/** A collection of claims of its own, recorded where readers everywhere find it. Throws as `openCollections`. */
export async function openSplitCollection(db: Db, collection: string, label: string): Promise<void> {
  await recordClaims(db, collection, label);
  const meta = db.collection<PlacesRecord>(COLLECTION.meta);
  // Counted up by whoever comes to it first on each server: one that made the record may have died before this.
  await meta.updateOne({ _id: PLACES_ID }, { $inc: { count: 1 } }, { upsert: true });
}

async function recordClaims(db: Db, collection: string, label: string): Promise<void> {
  const meta = db.collection<ClaimsRecord>(COLLECTION.meta);
  const found = await meta.findOne({ _id: idOfClaimsRecord(collection) });
  if (found !== null && found.isRetired !== true) return;
  // Nothing can be granted again in what was given up: it was all marked in its events. So it may begin anew.
  if (found !== null) await meta.deleteOne({ _id: found._id, isRetired: true });
  await ignoring(CODE.namespaceExists, db.createCollection(collection));
  await createIndexes(db, collection, label, [...GUARD_INDEXES, LIST_INDEX]);
  await ignoring(CODE.duplicateKey, meta.insertOne({ ...(await recordOf(db, collection)) }));
}

async function recordOf(db: Db, collection: string): Promise<ClaimsRecord> {
  const [found] = await db.listCollections<CollectionInfo>({ name: collection }).toArray();
  const uuid = found?.info?.uuid?.toString();
  if (uuid === undefined) throw new StoreRefused(`${collection} is not a collection with a UUID`);
  return { _id: idOfClaimsRecord(collection), collection, uuid };
}

async function createIndexes(db: Db, collection: string, label: string, indexes: readonly IndexSpec[]): Promise<void> {
  try {
    await db.command({ createIndexes: collection, indexes, writeConcern: { w: 'majority' } });
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
