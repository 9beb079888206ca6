/** The custom roles of the embedded store. Removal and the look at who has the role are one transaction. */
import type { RoleRecord, RoleStore } from '../accounts.ts';
import { rowsUnder } from './layout.ts';
import type { Transactions } from './transactions.ts';

export class LmdbRoles implements RoleStore {
  readonly #transactions: Transactions;

  constructor(transactions: Transactions) {
    this.#transactions = transactions;
  }

  all(): Promise<RoleRecord[]> {
    return this.#transactions.read(({ roles }) => Array.from(roles.getRange({}), ({ value }) => value));
  }

  create(role: RoleRecord): Promise<boolean> {
    return this.#putIf(role, (stored) => stored === undefined);
  }

  replace(role: RoleRecord): Promise<boolean> {
    return this.#putIf(role, (stored) => stored !== undefined && stored.revision === role.revision - 1);
  }

  remove(name: string): Promise<'REMOVED' | 'IN_USE' | 'ABSENT'> {
    return this.#transactions.commitOrThrow(({ roles, members }) => {
      if (!roles.doesExist(name)) return 'ABSENT';
      if (members.getKeysCount({ ...rowsUnder(`${name}/`), limit: 1 }) > 0) return 'IN_USE';
      roles.removeSync(name);
      return 'REMOVED';
    });
  }

  #putIf(role: RoleRecord, holds: (stored: RoleRecord | undefined) => boolean): Promise<boolean> {
    return this.#transactions.commitOrThrow(({ roles }) => {
      if (!holds(roles.get(role.name))) return false;
      roles.putSync(role.name, role);
      return true;
    });
  }
}
