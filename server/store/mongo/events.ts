/** Events by key. A lost reply to a write is repeated by the driver under its transaction number, so it holds once. */
import { type Collection, type Db, MongoServerError } from 'mongodb';
import { type EventRecord, type EventStore, StoreUnavailable } from '../store.ts';
import { answerOf } from './connection.ts';
import { COLLECTION, documentOfEvent, type EventDocument, eventOfDocument } from './schema.ts';

const DUPLICATE_KEY = 11_000;
const READ_MS_MAX = 2_000;

export class MongoEvents implements EventStore {
  readonly #events: Collection<EventDocument>;

  constructor(db: Db) {
    this.#events = db.collection<EventDocument>(COLLECTION.events);
  }

  async get(eventKeys: readonly string[]): Promise<(EventRecord | null)[]> {
    if (eventKeys.length === 0) return [];
    const options = { batchSize: eventKeys.length + 1, maxTimeMS: READ_MS_MAX };
    const found = await answerOf(this.#events.find({ _id: { $in: [...eventKeys] } }, options).toArray());
    const byKey = new Map(found.map((document) => [document._id, eventOfDocument(document)]));
    return eventKeys.map((eventKey) => byKey.get(eventKey) ?? null);
  }

  async create(event: EventRecord): Promise<boolean> {
    try {
      await this.#events.insertOne(documentOfEvent(event));
      return true;
    } catch (error) {
      if (!(error instanceof MongoServerError) || error.code !== DUPLICATE_KEY) await answerOf(Promise.reject(error));
    }
    // The driver hides a write concern error behind the duplicate; only a majority read makes it durable.
    const [existing] = await this.get([event.eventKey]);
    if (existing === null) throw new StoreUnavailable(`event ${event.eventKey} is not settled yet`);
    return false;
  }

  async replace(event: EventRecord): Promise<boolean> {
    const { _id, ...replacement } = documentOfEvent(event);
    const before = { _id, revision: event.revision - 1 };
    const { matchedCount } = await answerOf(this.#events.replaceOne(before, replacement));
    return matchedCount === 1;
  }

  async list({ limit, after }: { limit: number; after?: string }): Promise<EventRecord[]> {
    const filter = after === undefined ? {} : { _id: { $gt: after } };
    const options = { sort: { _id: 1 }, limit, batchSize: limit + 1, maxTimeMS: READ_MS_MAX } as const;
    return (await answerOf(this.#events.find(filter, options).toArray())).map(eventOfDocument);
  }
}
