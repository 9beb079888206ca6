/**
 * The users of the embedded store. A user, the name and the rows of the roles are written by one transaction, which LMDB
 * gives to one writer at a time: what was checked in it still holds when it is written.
 */
import type { UserFilter, UserRecord, UserStore } from '../accounts.ts';
import { expectBuiltIn, expectNameKept, isAdmin, roleSetsOf, rolesGiven } from '../user-roles.ts';
import { NOTHING, type Tables } from './environment.ts';
import { rowsUnder } from './layout.ts';
import type { Transactions } from './transactions.ts';
import { userIdsOf } from './user-lists.ts';

export class LmdbUsers implements UserStore {
  readonly #transactions: Transactions;

  constructor(transactions: Transactions) {
    this.#transactions = transactions;
  }

  async create(user: UserRecord): Promise<boolean> {
    expectBuiltIn(user);
    return this.#transactions.commitOrThrow((tables) => {
      const existing = tables.people.get(user.userId);
      if (existing !== undefined) {
        if (existing.usernameKey === user.usernameKey) return true;
        throw new Error(`the user id ${user.userId} is another's`);
      }
      if (user.usernameKey !== null && tables.names.doesExist(user.usernameKey)) return false;
      put(tables, user);
      return true;
    });
  }

  byId(userIds: readonly string[]): Promise<(UserRecord | null)[]> {
    return this.#transactions.read(({ people }) => userIds.map((userId) => people.get(userId) ?? null));
  }

  byUsername(usernameKey: string): Promise<UserRecord | null> {
    return this.#transactions.read(({ names, people }) => {
      const userId = names.get(usernameKey);
      return userId === undefined ? null : (people.get(userId) ?? null);
    });
  }

  replace(user: UserRecord): Promise<'DONE' | 'CHANGED' | 'ROLE_ABSENT' | 'LAST_ADMIN'> {
    return this.#transactions.commitOrThrow((tables) => {
      const before = tables.people.get(user.userId);
      if (before?.revision !== user.revision - 1) return 'CHANGED';
      expectNameKept(before, user);
      if (!rolesGiven(before.roles, user.roles).every((role) => tables.roles.doesExist(role))) return 'ROLE_ABSENT';
      if (isAdmin(before) && !isAdmin(user) && !isAnotherAdmin(tables, user.userId)) return 'LAST_ADMIN';
      removeRows(tables, before);
      put(tables, user);
      return 'DONE';
    });
  }

  list(filter: UserFilter, page: { limit: number; after?: string }): Promise<UserRecord[]> {
    return this.#transactions.read((tables) =>
      userIdsOf(tables, filter, page).map((userId) => {
        const user = tables.people.get(userId);
        if (user === undefined) throw new Error(`the list names the user ${userId}, who is not there`);
        return user;
      }),
    );
  }
}

function put({ people, names, members, memberNames }: Tables, user: UserRecord): void {
  const { userId, usernameKey, roles } = user;
  people.putSync(userId, user);
  if (usernameKey !== null) names.putSync(usernameKey, userId);
  for (const set of roleSetsOf(roles)) {
    members.putSync(`${set}/${userId}`, NOTHING);
    if (usernameKey !== null) memberNames.putSync(`${set}/${usernameKey}`, userId);
  }
}

function removeRows({ names, members, memberNames }: Tables, { userId, usernameKey, roles }: UserRecord): void {
  if (usernameKey !== null) names.removeSync(usernameKey);
  for (const set of roleSetsOf(roles)) {
    members.removeSync(`${set}/${userId}`);
    if (usernameKey !== null) memberNames.removeSync(`${set}/${usernameKey}`);
  }
}

function isAnotherAdmin({ members, people }: Tables, userId: string): boolean {
  const under = rowsUnder('ADMIN/');
  for (const row of members.getKeys(under)) {
    const user = people.get(row.slice(under.start.length));
    if (user !== undefined && user.userId !== userId && isAdmin(user)) return true;
  }
  return false;
}
