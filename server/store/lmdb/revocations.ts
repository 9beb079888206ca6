/**
 * The revocations of the embedded store, numbered in the order of their commits: a mark is the number read up to. Old
 * ones are removed as new ones come, by the times of the records alone, so that no clock that jumps can remove a live one.
 */
import { REVOCATION_KEPT_MS, type Revocation, type RevocationStore } from '../accounts.ts';
import type { Tables } from './environment.ts';
import type { Transactions } from './transactions.ts';

/** More than come in a commit, so that the table shrinks, and few enough to hold nobody up. */
const REMOVED_AT_ONCE = 1_000;

export class LmdbRevocations implements RevocationStore {
  readonly #transactions: Transactions;

  constructor(transactions: Transactions) {
    this.#transactions = transactions;
  }

  async add(revocations: readonly Revocation[]): Promise<void> {
    if (revocations.length === 0) return;
    await this.#transactions.commitOrThrow((tables) => {
      let number = lastOf(tables);
      for (const revocation of revocations) tables.revocations.putSync(++number, revocation);
      const latest = Math.max(...revocations.map(({ at }) => at));
      removeOld(tables, { before: latest - REVOCATION_KEPT_MS, last: number });
    });
  }

  since(mark: string | null): Promise<{ revocations: Revocation[]; mark: string }> {
    return this.#transactions.read((tables) => {
      let number = mark === null ? 0 : Number(mark);
      const revocations: Revocation[] = [];
      for (const { key, value } of tables.revocations.getRange({ start: number + 1 })) {
        revocations.push(value);
        number = key;
      }
      return { revocations, mark: String(number) };
    });
  }
}

function lastOf({ revocations }: Tables): number {
  for (const number of revocations.getKeys({ reverse: true, limit: 1 })) return number;
  return 0;
}

/** From the front up to the first that is still needed. The last one stays: its number is the count. */
function removeOld({ revocations }: Tables, { before, last }: { before: number; last: number }): void {
  const old: number[] = [];
  for (const { key, value } of revocations.getRange({ end: last, limit: REMOVED_AT_ONCE })) {
    if (value.until >= before) break;
    old.push(key);
  }
  for (const number of old) revocations.removeSync(number);
}
