/** What no player and no operator can do: writing into the collections themselves, as a restored backup or a stranger would. */
import { type Collection, type Document, MongoClient } from 'mongodb';

/** With its `_id`s as claimd makes them: text. */
export type Kept = Document & { _id: string };
export type Database = { collection(name: string): Collection<Kept> };

/** The database that `storeUri` names. */
export async function withDatabase<T>(storeUri: string, use: (database: Database) => Promise<T>): Promise<T> {
  const client = await MongoClient.connect(storeUri);
  try {
    const db = client.db();
    return await use({ collection: (name) => db.collection<Kept>(name) });
  } finally {
    await client.close();
  }
}
