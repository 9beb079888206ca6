/** The custom roles. Only the removal depends on other documents, and takes a turn among all servers for it. */
import { type Collection, type Db, MongoServerError } from 'mongodb';
import type { RoleRecord, RoleStore } from '../accounts.ts';
import { StoreUnavailable } from '../store.ts';
import { documentOfRole, ROLES_INDEX, type RoleDocument, roleOfDocument, type UserDocument } from './account-schema.ts';
import { answerOf } from './connection.ts';
import { COLLECTION } from './schema.ts';
import type { Turns } from './turns.ts';

const DUPLICATE_KEY = 11_000;
const READ_MS_MAX = 2_000;

export class MongoRoles implements RoleStore {
  readonly #roles: Collection<RoleDocument>;
  readonly #users: Collection<UserDocument>;
  readonly #turns: Turns;

  constructor(db: Db, turns: Turns) {
    this.#roles = db.collection<RoleDocument>(COLLECTION.roles);
    this.#users = db.collection<UserDocument>(COLLECTION.users);
    this.#turns = turns;
  }

  async all(): Promise<RoleRecord[]> {
    const options = { sort: { _id: 1 }, maxTimeMS: READ_MS_MAX } as const;
    return (await answerOf(this.#roles.find({}, options).toArray())).map(roleOfDocument);
  }

  async create(role: RoleRecord): Promise<boolean> {
    try {
      await this.#roles.insertOne(documentOfRole(role));
      return true;
    } catch (error) {
      if (!(error instanceof MongoServerError) || error.code !== DUPLICATE_KEY) await answerOf(Promise.reject(error));
    }
    // The driver hides a write concern error behind the duplicate; only a majority read makes it durable.
    const existing = await answerOf(this.#roles.findOne({ _id: role.name }, { maxTimeMS: READ_MS_MAX }));
    if (existing === null) throw new StoreUnavailable(`the role ${role.name} is not settled yet`);
    return false;
  }

  async replace(role: RoleRecord): Promise<boolean> {
    const { _id, ...replacement } = documentOfRole(role);
    const before = { _id, revision: role.revision - 1 };
    return (await answerOf(this.#roles.replaceOne(before, replacement))).matchedCount === 1;
  }

  remove(name: string): Promise<'REMOVED' | 'IN_USE' | 'ABSENT'> {
    return this.#turns.take(1, async ({ session }) => {
      const within = session === undefined ? {} : { session };
      const role = await this.#roles.findOne({ _id: name }, within);
      if (role === null) return 'ABSENT';
      const holder = { projection: { _id: 1 }, hint: ROLES_INDEX.key, ...within } as const;
      if ((await this.#users.findOne({ roleSets: name }, holder)) !== null) return 'IN_USE';
      await this.#roles.deleteOne({ _id: name }, within);
      return 'REMOVED';
    });
  }
}
