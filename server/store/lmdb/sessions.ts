/** The sessions of the embedded store: one row a user and device, and one that finds it by the id of its session. */
import type { SessionRecord, SessionStore } from '../accounts.ts';
import type { Tables } from './environment.ts';
import { rowsUnder } from './layout.ts';
import type { Transactions } from './transactions.ts';

export class LmdbSessions implements SessionStore {
  readonly #transactions: Transactions;

  constructor(transactions: Transactions) {
    this.#transactions = transactions;
  }

  create(session: SessionRecord): Promise<boolean> {
    return this.#transactions.commitOrThrow((tables) => {
      if (tables.sessions.doesExist(rowOf(session))) return false;
      put(tables, session);
      return true;
    });
  }

  replace(session: SessionRecord): Promise<boolean> {
    return this.#transactions.commitOrThrow((tables) => {
      const before = tables.sessions.get(rowOf(session));
      if (before?.revision !== session.revision - 1) return false;
      tables.sessionIds.removeSync(before.sessionId);
      put(tables, session);
      return true;
    });
  }

  ofDevice(userId: string, deviceId: string): Promise<SessionRecord | null> {
    return this.#transactions.read(({ sessions }) => sessions.get(rowOf({ userId, deviceId })) ?? null);
  }

  bySessionId(sessionId: string): Promise<SessionRecord | null> {
    return this.#transactions.read(({ sessions, sessionIds }) => {
      const row = sessionIds.get(sessionId);
      return row === undefined ? null : (sessions.get(row) ?? null);
    });
  }

  ofUser(userId: string): Promise<SessionRecord[]> {
    return this.#transactions.read(({ sessions }) =>
      Array.from(sessions.getRange(rowsUnder(`${userId}/`)), ({ value }) => value).sort(
        (left, right) => right.lastUsedAt - left.lastUsedAt,
      ),
    );
  }

  remove(userId: string, deviceId: string): Promise<void> {
    return this.#transactions.commitOrThrow(({ sessions, sessionIds }) => {
      const row = rowOf({ userId, deviceId });
      const session = sessions.get(row);
      if (session === undefined) return;
      sessions.removeSync(row);
      sessionIds.removeSync(session.sessionId);
    });
  }
}

function put({ sessions, sessionIds }: Tables, session: SessionRecord): void {
  if (sessionIds.doesExist(session.sessionId)) throw new Error(`the session id ${session.sessionId} is another's`);
  sessions.putSync(rowOf(session), session);
  sessionIds.putSync(session.sessionId, rowOf(session));
}

function rowOf({ userId, deviceId }: { userId: string; deviceId: string }): string {
  return `${userId}/${deviceId}`;
}
