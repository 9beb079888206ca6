/**
 * Whether a block that a read has not found is lost. Right after an election the new primary may not know yet of everything
 * that a majority has, so what a majority read does not show proves nothing. A linearizable read does.
 */
import { type Db, MongoServerError } from 'mongodb';
import { StoreRefused, StoreUnavailable } from '../store.ts';
import { answerOf } from './connection.ts';
import { COLLECTION } from './schema.ts';

const READ_MS_MAX = 5_000;
/** A standalone, which has no elections either. */
const NOT_A_REPLICA_SET = 123;

/** Rejects with StoreRefused when the block is gone for good, with StoreUnavailable when it is only not seen yet. */
export async function rejectMissing(db: Db, _id: string, detail = ''): Promise<never> {
  if (await isThere(db, _id)) throw new StoreUnavailable(`block ${_id} of the journal is not seen yet`);
  throw new StoreRefused(`the journal is damaged: block ${_id} is missing${detail}`);
}

async function isThere(db: Db, _id: string): Promise<boolean> {
  const journal = db.collection<{ _id: string }>(COLLECTION.journal);
  const options = { projection: { _id: 1 }, maxTimeMS: READ_MS_MAX };
  try {
    return (await journal.findOne({ _id }, { ...options, readConcern: { level: 'linearizable' } })) !== null;
  } catch (error) {
    if (!(error instanceof MongoServerError) || error.code !== NOT_A_REPLICA_SET)
      return answerOf(Promise.reject(error));
    return (await answerOf(journal.findOne({ _id }, options))) !== null;
  }
}
