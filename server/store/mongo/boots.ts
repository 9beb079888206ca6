/** Who has written claims into this database: a document for each start of a server and of the journal. */
import type { Db } from 'mongodb';
import type { Runtime } from '../../../protocol/runtime.ts';
import type { Boots } from '../survey.ts';
import { answerOf } from './connection.ts';
import { COLLECTION } from './schema.ts';

type BootDocument = { _id: string; at: Date };

export function createMongoBoots(db: Db, runtime: Pick<Runtime, 'wallMs'>): Boots {
  const boots = db.collection<BootDocument>(COLLECTION.boots);
  return {
    async note(origin) {
      const at = new Date(runtime.wallMs());
      await answerOf(boots.updateOne({ _id: origin }, { $setOnInsert: { at } }, { upsert: true }));
    },
    async known() {
      const found = await answerOf(boots.find().toArray());
      const since = found.reduce((first, { at }) => Math.min(first, at.getTime()), Number.POSITIVE_INFINITY);
      return { since, origins: new Set(found.map(({ _id }) => _id)) };
    },
  };
}
