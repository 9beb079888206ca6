/**
 * Sessions, one document a user and device. Each rotation is one conditional replace, so two servers that race on one
 * token cannot both rotate it.
 */
import { type Collection, type Db, MongoServerError } from 'mongodb';
import type { SessionRecord, SessionStore } from '../accounts.ts';
import { StoreUnavailable } from '../store.ts';
import {
  documentOfSession,
  SESSION_INDEX,
  type SessionDocument,
  sessionKeyOf,
  sessionOfDocument,
  USER_SESSIONS_INDEX,
} from './account-schema.ts';
import { answerOf } from './connection.ts';
import { COLLECTION } from './schema.ts';

const DUPLICATE_KEY = 11_000;
const READ_MS_MAX = 2_000;

export class MongoSessions implements SessionStore {
  readonly #sessions: Collection<SessionDocument>;

  constructor(db: Db) {
    this.#sessions = db.collection<SessionDocument>(COLLECTION.sessions);
  }

  async create(session: SessionRecord): Promise<boolean> {
    try {
      await this.#sessions.insertOne(documentOfSession(session));
      return true;
    } catch (error) {
      if (!(error instanceof MongoServerError) || error.code !== DUPLICATE_KEY) await answerOf(Promise.reject(error));
    }
    // The driver hides a write concern error behind the duplicate; only a majority read makes it durable.
    if ((await this.ofDevice(session.userId, session.deviceId)) !== null) return false;
    throw new StoreUnavailable(`the session ${session.sessionId} is not settled yet`);
  }

  async replace(session: SessionRecord): Promise<boolean> {
    const { _id, ...replacement } = documentOfSession(session);
    const before = { _id, revision: session.revision - 1 };
    return (await answerOf(this.#sessions.replaceOne(before, replacement))).matchedCount === 1;
  }

  async ofDevice(userId: string, deviceId: string): Promise<SessionRecord | null> {
    const _id = sessionKeyOf({ userId, deviceId });
    return sessionOrNull(await answerOf(this.#sessions.findOne({ _id }, { maxTimeMS: READ_MS_MAX })));
  }

  async bySessionId(sessionId: string): Promise<SessionRecord | null> {
    const options = { hint: SESSION_INDEX.key, maxTimeMS: READ_MS_MAX };
    return sessionOrNull(await answerOf(this.#sessions.findOne({ sessionId }, options)));
  }

  /** Few enough to be sorted here. */
  async ofUser(userId: string): Promise<SessionRecord[]> {
    const options = { hint: USER_SESSIONS_INDEX.key, maxTimeMS: READ_MS_MAX };
    const found = (await answerOf(this.#sessions.find({ userId }, options).toArray())).map(sessionOfDocument);
    return found.sort((left, right) => right.lastUsedAt - left.lastUsedAt);
  }

  async remove(userId: string, deviceId: string): Promise<void> {
    await answerOf(this.#sessions.deleteOne({ _id: sessionKeyOf({ userId, deviceId }) }));
  }
}

function sessionOrNull(document: SessionDocument | null): SessionRecord | null {
  return document === null ? null : sessionOfDocument(document);
}
