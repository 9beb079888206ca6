/**
 * Users by id, by name and by roles. A write that changes nothing about roles, name or erasure is one conditional replace;
 * every other takes a turn among all servers, because what it must not break (the last admin, a role that is being
 * removed) is in other documents.
 */
import { type ClientSession, type Collection, type Db, type Filter, MongoServerError } from 'mongodb';
import type { UserFilter, UserRecord, UserStore } from '../accounts.ts';
import { prefixEndOf } from '../prefix.ts';
import { StoreUnavailable } from '../store.ts';
import { expectBuiltIn, expectNameKept, isAdmin, roleSetsOfFilter, rolesGiven } from '../user-roles.ts';
import {
  documentOfUser,
  ROLES_INDEX,
  ROLES_USERNAME_INDEX,
  type RoleDocument,
  USERNAME_INDEX,
  type UserDocument,
  userOfDocument,
} from './account-schema.ts';
import { answerOf } from './connection.ts';
import { COLLECTION } from './schema.ts';
import type { Turns } from './turns.ts';

const DUPLICATE_KEY = 11_000;
const READ_MS_MAX = 2_000;

type Replaced = Awaited<ReturnType<UserStore['replace']>>;
type Page = { limit: number; after?: string };

export class MongoUsers implements UserStore {
  readonly #users: Collection<UserDocument>;
  readonly #roles: Collection<RoleDocument>;
  readonly #turns: Turns;

  constructor(db: Db, turns: Turns) {
    this.#users = db.collection<UserDocument>(COLLECTION.users);
    this.#roles = db.collection<RoleDocument>(COLLECTION.roles);
    this.#turns = turns;
  }

  async create(user: UserRecord): Promise<boolean> {
    expectBuiltIn(user);
    try {
      await this.#users.insertOne(documentOfUser(user));
      return true;
    } catch (error) {
      if (!(error instanceof MongoServerError) || error.code !== DUPLICATE_KEY) await answerOf(Promise.reject(error));
    }
    // The driver hides a write concern error behind the duplicate; only a majority read makes it durable.
    const [own] = await this.byId([user.userId]);
    if (own?.usernameKey === user.usernameKey) return true;
    const namesake = user.usernameKey === null ? null : await this.byUsername(user.usernameKey);
    if (namesake === null) throw new StoreUnavailable(`the user ${user.userId} is not settled yet`);
    return false;
  }

  async byId(userIds: readonly string[]): Promise<(UserRecord | null)[]> {
    if (userIds.length === 0) return [];
    const found = await this.#find({ _id: { $in: [...userIds] } }, { _id: 1 }, { expected: userIds.length });
    const byId = new Map(found.map((user) => [user.userId, user]));
    return userIds.map((userId) => byId.get(userId) ?? null);
  }

  async byUsername(usernameKey: string): Promise<UserRecord | null> {
    // The index holds no name that is empty, and neither does a user.
    if (usernameKey === '') return null;
    const [user] = await this.#find({ usernameKey }, USERNAME_INDEX.key, { expected: 1 });
    return user ?? null;
  }

  async replace(user: UserRecord): Promise<Replaced> {
    const { _id, ...document } = documentOfUser(user);
    const { roles, usernameKey, erasedAt } = document;
    const before = { _id, revision: user.revision - 1 };
    const alike = { ...before, roles, usernameKey, erasedAt };
    if ((await answerOf(this.#users.replaceOne(alike, document))).matchedCount === 1) return 'DONE';
    const [stored] = await this.byId([_id]);
    if (stored?.revision !== before.revision) return 'CHANGED';
    return this.#turns.take(1, ({ session }) => this.#replaceInTurn(user, session));
  }

  async #replaceInTurn(user: UserRecord, session: ClientSession | undefined): Promise<Replaced> {
    const { _id, ...document } = documentOfUser(user);
    const before = { _id, revision: user.revision - 1 };
    const within = session === undefined ? {} : { session };
    const stored = await this.#users.findOne(before, within);
    if (stored === null) return 'CHANGED';
    const userBefore = userOfDocument(stored);
    expectNameKept(userBefore, user);
    const given = rolesGiven(userBefore.roles, user.roles);
    if (given.length > 0) {
      const exist = await this.#roles.find({ _id: { $in: given } }, { projection: { _id: 1 }, ...within }).toArray();
      if (exist.length < new Set(given).size) return 'ROLE_ABSENT';
    }
    if (isAdmin(userBefore) && !isAdmin(user)) {
      const another = { roleSets: 'ADMIN', erasedAt: null, _id: { $ne: _id } };
      if ((await this.#users.findOne(another, { hint: ROLES_INDEX.key, ...within })) === null) return 'LAST_ADMIN';
    }
    const { matchedCount } = await this.#users.replaceOne(before, document, within);
    return matchedCount === 1 ? 'DONE' : 'CHANGED';
  }

  list({ roles, usernamePrefix }: UserFilter, page: Page): Promise<UserRecord[]> {
    const isListed = roles === undefined ? {} : { roleSets: { $in: roleSetsOfFilter(roles) } };
    const { limit, after } = page;
    if (usernamePrefix === undefined) {
      const filter = { ...isListed, ...(after === undefined ? {} : { _id: { $gt: after } }) };
      const index = roles === undefined ? { _id: 1 as const } : ROLES_INDEX.key;
      return this.#find(filter, index, { expected: limit, sort: { _id: 1 }, limit });
    }
    const filter = { ...isListed, usernameKey: rangeOf(usernamePrefix, after) };
    const index = roles === undefined ? USERNAME_INDEX.key : ROLES_USERNAME_INDEX.key;
    return this.#find(filter, index, { expected: limit, sort: { usernameKey: 1 }, limit });
  }

  /** `expected` documents fit into the first batch, which saves a round trip. */
  async #find(
    filter: Filter<UserDocument>,
    hint: Record<string, 1 | -1>,
    { expected, ...options }: { expected: number; sort?: Record<string, 1>; limit?: number },
  ): Promise<UserRecord[]> {
    const cursor = this.#users.find(filter, { hint, batchSize: expected + 1, maxTimeMS: READ_MS_MAX, ...options });
    return (await answerOf(cursor.toArray())).map(userOfDocument);
  }
}

/** One range: a lower bound beside another would be a filter behind the index. */
function rangeOf(prefix: string, after: string | undefined): Filter<string> {
  const end = prefixEndOf(prefix);
  const isPast = after !== undefined && Buffer.compare(Buffer.from(after), Buffer.from(prefix)) >= 0;
  return { ...(isPast ? { $gt: after } : { $gte: prefix }), ...(end === null ? {} : { $lt: end }) };
}
