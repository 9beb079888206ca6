/**
 * Users: signing up, proving a password, changing it, roles, erasure. Wrong names and wrong passwords are told apart
 * neither by the answer nor by its time. What a user may do is decided elsewhere; sessions are ended by `sessions.ts`.
 */
import type { Problem } from '../../protocol/reply.ts';
import type { UserRecord } from '../store/accounts.ts';
import type { Doer } from './audit.ts';
import { type AccountParts, BUSY_RETRY_MS, WRITES_MAX } from './parts.ts';
import { USERNAME_RULE, usernameKeyOf } from './username.ts';

const USER_ID_BYTES = 12;
const USER_ID_PREFIX = 'u_';
/** What a sign-up gets, whatever it asked for. */
const SIGN_UP_ROLES = ['USER'];

const BUSY: Problem = { code: 'BUSY', retryAfterMs: BUSY_RETRY_MS };
const BAD_CREDENTIALS: Problem = { code: 'BAD_CREDENTIALS' };
const USER_NOT_FOUND: Problem = { code: 'USER_NOT_FOUND' };

export type UserAnswer = { user: UserRecord } | Problem;
/** The next record from the newest one, or why there is none. */
type Change = (user: UserRecord) => UserRecord | Problem;

export class Users {
  readonly #parts: AccountParts;

  constructor(parts: AccountParts) {
    this.#parts = parts;
  }

  async byId(userId: string): Promise<UserRecord | null> {
    const [user] = await this.#parts.stores.users.byId([userId]);
    return user ?? null;
  }

  /** `roles` are for whoever composes the node, never for whoever signs up. */
  async create(
    username: string,
    password: string,
    { from = null, roles = SIGN_UP_ROLES }: { from?: string | null; roles?: readonly string[] } = {},
  ): Promise<UserAnswer> {
    const usernameKey = usernameKeyOf(username);
    if (usernameKey === null) return badField('username', USERNAME_RULE);
    const admission = this.#parts.attempts.admit({ account: null, from });
    if ('retryAfterMs' in admission) return { code: 'RATE_LIMITED', ...admission };
    const passwordHash = await this.#parts.hasher.hash(password);
    if (passwordHash === 'BUSY') return BUSY;
    const user: UserRecord = {
      userId: USER_ID_PREFIX + Buffer.from(this.#parts.runtime.randomBytes(USER_ID_BYTES)).toString('base64url'),
      username,
      usernameKey,
      passwordHash,
      roles: [...roles],
      createdAt: this.#parts.nowMs(),
      erasedAt: null,
      revision: 1,
    };
    return (await this.#parts.stores.users.create(user)) ? { user } : { code: 'USERNAME_TAKEN' };
  }

  /** The user of a name and a password. A refusal is in the audit log before it is answered. */
  async login(username: string, password: string, doer: Doer): Promise<UserAnswer> {
    const usernameKey = usernameKeyOf(username);
    // A name that nobody can have takes the way of one that nobody has.
    const account = usernameKey ?? '';
    const find = async () => (usernameKey === null ? null : this.#parts.stores.users.byUsername(usernameKey));
    return this.#prove(find, { account: `name ${account}`, password, doer });
  }

  /** The same for somebody who is signed in. */
  async prove(userId: string, password: string, doer: Doer): Promise<UserAnswer> {
    return this.#prove(() => this.byId(userId), { account: `id ${userId}`, password, doer });
  }

  async #prove(
    find: () => Promise<UserRecord | null>,
    { account, password, doer }: { account: string; password: string; doer: Doer },
  ): Promise<UserAnswer> {
    const admission = this.#parts.attempts.admit({ account, from: doer.from });
    if ('retryAfterMs' in admission) return { code: 'RATE_LIMITED', ...admission };
    const user = await find();
    const isRight = await this.#parts.hasher.verify(password, user?.passwordHash ?? null);
    if (isRight !== false) admission.forgive();
    if (isRight === 'BUSY') return BUSY;
    if (isRight && user !== null) return { user };
    // What was typed as an unknown name may be anything, a password among it.
    await this.#parts.audit.record(doer, { action: 'login.refused', subject: user?.userId ?? 'unknown' });
    return BAD_CREDENTIALS;
  }

  /** Over the very record whose password was proved: of two changes at once, one is refused. */
  async setPassword(user: UserRecord, password: string, doer: Doer): Promise<UserAnswer> {
    const passwordHash = await this.#parts.hasher.hash(password);
    if (passwordHash === 'BUSY') return BUSY;
    const answer = await this.#write(user.userId, (current) =>
      current.passwordHash === user.passwordHash ? { ...current, passwordHash } : BAD_CREDENTIALS,
    );
    if ('user' in answer) await this.#parts.audit.record(doer, { action: 'user.password', subject: user.userId });
    return answer;
  }

  async setRoles(userId: string, roles: readonly string[], doer: Doer): Promise<UserAnswer> {
    const after = [...new Set(roles)];
    let before: string[] = [];
    const answer = await this.#write(userId, (user) => {
      before = user.roles;
      return user.erasedAt === null ? { ...user, roles: after } : USER_NOT_FOUND;
    });
    if (!('user' in answer)) return answer;
    const act = { action: 'user.roles', subject: userId, before: { roles: before }, after: { roles: after } } as const;
    await this.#parts.audit.record(doer, act);
    return answer;
  }

  /** Personal fields go, the id stays: claim keys are made of it. Erasing an erased user finishes what was begun. */
  async erase(userId: string, doer: Doer): Promise<UserAnswer> {
    let wasErased = false;
    const answer = await this.#write(userId, (user) => {
      wasErased = user.erasedAt !== null;
      if (wasErased) return user;
      const erasedAt = this.#parts.nowMs();
      return { ...user, username: null, usernameKey: null, passwordHash: null, roles: [], erasedAt };
    });
    if ('user' in answer && !wasErased)
      await this.#parts.audit.record(doer, { action: 'user.erased', subject: userId });
    return answer;
  }

  /** Makes an admin where there is none. `EXISTS` where there is one; a taken name is refused, not promoted. */
  async ensureAdmin(username: string, password: string): Promise<'MADE' | 'EXISTS' | Problem> {
    const isAdminThere = async () => {
      const filter = { roles: { names: ['ADMIN'], match: 'any' } } as const;
      return (await this.#parts.stores.users.list(filter, { limit: 1 })).length > 0;
    };
    if (await isAdminThere()) return 'EXISTS';
    const answer = await this.create(username, password, { roles: ['USER', 'ADMIN'] });
    if ('user' in answer) return 'MADE';
    // Another server of this store may have been quicker with the same account.
    return (await isAdminThere()) ? 'EXISTS' : answer;
  }

  /** Applies a change to the newest record, again whenever somebody else has written in between. */
  async #write(userId: string, change: Change): Promise<UserAnswer> {
    const { stores, changedUser } = this.#parts;
    for (let writes = 0; writes < WRITES_MAX; writes++) {
      const user = await this.byId(userId);
      if (user === null) return USER_NOT_FOUND;
      const changed = change(user);
      if ('code' in changed) return changed;
      if (changed === user) return { user };
      const next = { ...changed, revision: user.revision + 1 };
      const outcome = await stores.users.replace(next);
      if (outcome === 'LAST_ADMIN') return { code: 'LAST_ADMIN' };
      if (outcome === 'ROLE_ABSENT') return badField('roles', 'names of roles that exist');
      if (outcome === 'CHANGED') continue;
      changedUser(userId);
      return { user: next };
    }
    return BUSY;
  }
}

function badField(field: string, rule: string): Problem {
  return { code: 'BAD_REQUEST', faults: [{ field, rule }] };
}
