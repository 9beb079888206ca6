/** Who may claim a listed event: one document per event and user whose `_id` is both and which holds nothing else. */
import type { Collection, Db } from 'mongodb';
import { lockKeyOf } from '../../../protocol/key.ts';
import { type QualificationStore, StoreUnavailable } from '../store.ts';
import { answerOf } from './connection.ts';
import { insertOnce } from './inserter.ts';
import { COLLECTION } from './schema.ts';

const CHUNK = 1_000;
const READ_MS_MAX = 2_000;

export class MongoQualifications implements QualificationStore {
  readonly #db: Db;
  readonly #majorityMs: number;
  readonly #listed: Collection<{ _id: string }>;

  constructor(db: Db, majorityMs: number) {
    this.#db = db;
    this.#majorityMs = majorityMs;
    this.#listed = db.collection<{ _id: string }>(COLLECTION.qualifications);
  }

  async add(eventKey: string, userIds: readonly string[]): Promise<{ added: number; existing: number }> {
    let added = 0;
    for (const ids of chunksOf(eventKey, userIds)) added += await this.#insert(ids);
    return { added, existing: userIds.length - added };
  }

  async remove(eventKey: string, userIds: readonly string[]): Promise<{ removed: number; absent: number }> {
    let removed = 0;
    for (const ids of chunksOf(eventKey, userIds)) {
      removed += (await answerOf(this.#listed.deleteMany({ _id: { $in: ids } }))).deletedCount;
    }
    return { removed, absent: userIds.length - removed };
  }

  async has(pairs: readonly { eventKey: string; userId: string }[]): Promise<boolean[]> {
    if (pairs.length === 0) return [];
    const ids = pairs.map(({ eventKey, userId }) => lockKeyOf(eventKey, userId));
    const options = { batchSize: ids.length + 1, maxTimeMS: READ_MS_MAX };
    const found = await answerOf(this.#listed.find({ _id: { $in: ids } }, options).toArray());
    const listed = new Set(found.map(({ _id }) => _id));
    return ids.map((id) => listed.has(id));
  }

  /** Adding again is harmless, so an insert that is not fully answered is simply a failure. */
  async #insert(ids: readonly string[]): Promise<number> {
    const documents = ids.map((_id) => ({ _id }));
    const target = { collection: COLLECTION.qualifications, majorityMs: this.#majorityMs };
    const { fates, complaint } = await insertOnce(this.#db, target, documents, 'unordered');
    if (!fates.every((fate) => fate === 'inserted' || fate === 'duplicate')) {
      throw new StoreUnavailable('a list of users may be stored in part', { cause: complaint });
    }
    return fates.filter((fate) => fate === 'inserted').length;
  }
}

/** Without repeats, which one command could not tell from documents of others. */
function chunksOf(eventKey: string, userIds: readonly string[]): string[][] {
  const ids = [...new Set(userIds)].map((userId) => lockKeyOf(eventKey, userId));
  return Array.from({ length: Math.ceil(ids.length / CHUNK) }, (_, index) =>
    ids.slice(index * CHUNK, (index + 1) * CHUNK),
  );
}
