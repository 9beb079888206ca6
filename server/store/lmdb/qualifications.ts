/** Who may claim events that have a list: one row a user and event. */
import type { QualificationStore } from '../store.ts';
import { NOTHING } from './environment.ts';
import type { Transactions } from './transactions.ts';

export class LmdbQualifications implements QualificationStore {
  readonly #transactions: Transactions;

  constructor(transactions: Transactions) {
    this.#transactions = transactions;
  }

  add(eventKey: string, userIds: readonly string[]): Promise<{ added: number; existing: number }> {
    return this.#transactions.commitOrThrow(({ qualifications }) => {
      let added = 0;
      for (const userId of userIds) {
        const row = rowOf({ eventKey, userId });
        if (qualifications.doesExist(row)) continue;
        qualifications.putSync(row, NOTHING);
        added++;
      }
      return { added, existing: userIds.length - added };
    });
  }

  remove(eventKey: string, userIds: readonly string[]): Promise<{ removed: number; absent: number }> {
    return this.#transactions.commitOrThrow(({ qualifications }) => {
      let removed = 0;
      for (const userId of userIds) if (qualifications.removeSync(rowOf({ eventKey, userId }))) removed++;
      return { removed, absent: userIds.length - removed };
    });
  }

  has(pairs: readonly { eventKey: string; userId: string }[]): Promise<boolean[]> {
    return this.#transactions.read(({ qualifications }) => pairs.map((pair) => qualifications.doesExist(rowOf(pair))));
  }
}

function rowOf({ eventKey, userId }: { eventKey: string; userId: string }): string {
  return `${eventKey}/${userId}`;
}
