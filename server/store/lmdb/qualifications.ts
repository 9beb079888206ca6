/**
 * Who may claim events that have a list: one row a user and event, and a log of the last changes, written with them, from
 * which a list in memory is kept up to date. A long call is cut into commits, between which the thread is everybody's.
 */
import type { QualificationChange, QualificationStore } from '../store.ts';
import { NOTHING, type Tables } from './environment.ts';
import { rowsUnder, type StoredChange } from './layout.ts';
import type { Transactions } from './transactions.ts';

/** About five milliseconds of the main thread. */
const CHUNK = 500;
/** Entries of the log that are kept. A reader that is further behind reads its lists anew. */
const LOG_LENGTH_MAX = 2_000;
const PAGE = 50;

export class LmdbQualifications implements QualificationStore {
  readonly #transactions: Transactions;

  constructor(transactions: Transactions) {
    this.#transactions = transactions;
  }

  async add(eventKey: string, userIds: readonly string[]): Promise<{ added: number; existing: number }> {
    const added = await this.#change('added', eventKey, userIds, ({ qualifications }, row) => {
      if (qualifications.doesExist(row)) return false;
      qualifications.putSync(row, NOTHING);
      return true;
    });
    return { added, existing: userIds.length - added };
  }

  async remove(eventKey: string, userIds: readonly string[]): Promise<{ removed: number; absent: number }> {
    const removed = await this.#change('removed', eventKey, userIds, ({ qualifications }, row) =>
      qualifications.removeSync(row),
    );
    return { removed, absent: userIds.length - removed };
  }

  has(pairs: readonly { eventKey: string; userId: string }[]): Promise<boolean[]> {
    return this.#transactions.read(({ qualifications }) =>
      pairs.map(({ eventKey, userId }) => qualifications.doesExist(rowOf(eventKey, userId))),
    );
  }

  list(eventKey: string, { limit, after }: { limit: number; after?: string }): Promise<string[]> {
    const under = rowOf(eventKey, '');
    const { start, end } = rowsUnder(under);
    const from = after === undefined ? { start } : { start: under + after, exclusiveStart: true };
    return this.#transactions.read(({ qualifications }) =>
      Array.from(qualifications.getKeys({ ...from, end, limit }), (row) => row.slice(under.length)),
    );
  }

  changes(mark: number | null): Promise<{ changes: QualificationChange[]; mark: number; isLast: boolean } | null> {
    return this.#transactions.read((tables) => {
      const last = lastNumber(tables);
      if (mark === null) return { changes: [], mark: last, isLast: true };
      const changes: QualificationChange[] = [];
      for (const { key, value } of tables.qualificationLog.getRange({ start: mark + 1, limit: PAGE })) {
        if (key !== mark + 1 + changes.length) return null;
        changes.push({ number: key, ...value });
      }
      const reached = mark + changes.length;
      return { changes, mark: reached, isLast: reached === last };
    });
  }

  /** How many of the rows `write` has changed. */
  async #change(
    kind: QualificationChange['kind'],
    eventKey: string,
    userIds: readonly string[],
    write: (tables: Tables, row: string) => boolean,
  ): Promise<number> {
    let count = 0;
    for (let from = 0; from < userIds.length; from += CHUNK) {
      const chunk = userIds.slice(from, from + CHUNK);
      count += await this.#transactions.commitOrThrow((tables) => {
        const changed = chunk.filter((userId) => write(tables, rowOf(eventKey, userId)));
        if (changed.length > 0) log(tables, { kind, eventKey, userIds: changed });
        return changed.length;
      });
    }
    return count;
  }
}

function log(tables: Tables, change: StoredChange): void {
  const number = lastNumber(tables) + 1;
  tables.qualificationLog.putSync(number, change);
  if (number > LOG_LENGTH_MAX) tables.qualificationLog.removeSync(number - LOG_LENGTH_MAX);
}

function lastNumber({ qualificationLog }: Tables): number {
  for (const number of qualificationLog.getKeys({ reverse: true, limit: 1 })) return number;
  return 0;
}

function rowOf(eventKey: string, userId: string): string {
  return `${eventKey}/${userId}`;
}
