/**
 * Makes the journal's collection, its index and the owner record, or finds them as they were made. A collection that was
 * dropped, or a record that is gone while blocks are there, is damage that nobody here can mend: granted claims may be lost.
 */
import { type Collection, type CollectionInfo, type Db, UUID } from 'mongodb';
import { StoreRefused } from '../store.ts';
import { CODE, ignoring, raiseFormat } from './format.ts';
import { OFFSET_INDEX, OWNER_ID, type OwnerRecord } from './journal-schema.ts';
import { COLLECTION } from './schema.ts';

/** Resolves to the identity of the collection. Rejects with StoreRefused when the journal is damaged. */
export async function openJournalCollection(db: Db): Promise<UUID> {
  const records = db.collection<OwnerRecord>(COLLECTION.nodes);
  const recorded = (await records.findOne({ _id: OWNER_ID })) ?? (await createRecord(db, records));
  if ((await uuidOf(db)) !== recorded.collection) {
    throw new StoreRefused(
      `collection ${COLLECTION.journal} was dropped or replaced: restore it, or remove the document ${OWNER_ID} from ` +
        `${COLLECTION.nodes} and with it all claims that were not projected yet`,
    );
  }
  await createIndex(db);
  return new UUID(recorded.collection);
}

async function createRecord(db: Db, records: Collection<OwnerRecord>): Promise<OwnerRecord> {
  await raiseFormat(db);
  await ignoring(CODE.namespaceExists, db.createCollection(COLLECTION.journal));
  const isEmpty = (await db.collection(COLLECTION.journal).findOne({}, { projection: { _id: 1 } })) === null;
  const collection = await uuidOf(db);
  const made = isEmpty && collection !== null ? vacant(collection) : null;
  if (made !== null) await ignoring(CODE.duplicateKey, records.insertOne(made));
  const found = await records.findOne({ _id: OWNER_ID });
  if (found === null) {
    throw new StoreRefused(
      `${COLLECTION.journal} holds blocks, but the document ${OWNER_ID} of ${COLLECTION.nodes}, which says how they hang together, is gone`,
    );
  }
  return found;
}

/** Its lease has never begun. */
function vacant(collection: string): OwnerRecord {
  const never = new Date(0);
  const nobody = { node: null, boot: null, address: '', epoch: 0 };
  return { _id: OWNER_ID, ...nobody, renewedAt: never, expiresAt: never, collection, boots: [] };
}

async function createIndex(db: Db): Promise<void> {
  const { name, key } = OFFSET_INDEX;
  await db.collection(COLLECTION.journal).createIndex(key, { name });
}

async function uuidOf(db: Db): Promise<string | null> {
  const [found] = await db.listCollections<CollectionInfo>({ name: COLLECTION.journal }).toArray();
  return found?.info?.uuid?.toString() ?? null;
}
