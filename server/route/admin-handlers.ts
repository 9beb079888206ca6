/** What admins and auditors do: users, roles, the audit log. */
import { type Value, widen } from '../../protocol/codec.ts';
import type { Accounts } from '../accounts/accounts.ts';
import type { CustomRoles } from '../accounts/custom-roles.ts';
import { usernamePrefixOf } from '../accounts/username.ts';
import { auditViewOf, userViewOf } from '../accounts/views.ts';
import type { AccountStores, AuditFilter, UserFilter } from '../store/accounts.ts';
import { type Answer, badField, doerOf, type Handler } from './call.ts';
import { decodeTextCursor, encodeTextCursor } from './cursor.ts';

const PAGE_LENGTH = 50;
const DONE = { result: null } as const;

type Names =
  | 'USERS_LIST'
  | 'USER_ROLES_SET'
  | 'USER_LOGOUT'
  | 'USER_ERASE'
  | 'ROLES_LIST'
  | 'ROLE_CREATE'
  | 'ROLE_CHANGE'
  | 'ROLE_DELETE'
  | 'AUDIT_LIST';
export type AdminHandlers = { [K in Names]: Handler<K> };

type Slice = { limit: number; after?: string };
type Listing<T> = {
  read: (slice: Slice) => Promise<T[]>;
  /** What the next page comes after. */
  keyOf: (row: T) => string;
  show: (row: T) => Value;
};

/** One row more than is shown tells whether there is a next page. */
async function page<T>(limit: number | null, cursor: string | null, listing: Listing<T>): Promise<Answer> {
  const after = cursor === null ? null : decodeTextCursor(cursor);
  if (after === undefined) return badField('cursor', 'a nextCursor of this list');
  const length = limit ?? PAGE_LENGTH;
  const rows = await listing.read({ limit: length + 1, ...(after === null ? {} : { after }) });
  const shown = rows.slice(0, length);
  const last = shown.at(-1);
  const nextCursor = rows.length > length && last !== undefined ? encodeTextCursor(listing.keyOf(last)) : null;
  return { result: [shown.map(listing.show), nextCursor] };
}

export function createAdminHandlers({
  accounts,
  roles: customRoles,
  stores,
}: {
  accounts: Accounts;
  roles: CustomRoles;
  stores: AccountStores;
}): AdminHandlers {
  async function unknownRoles(names: readonly string[]): Promise<Answer | null> {
    const [unknown] = await customRoles.unknown(names);
    return unknown === undefined ? null : badField('roles', `names of roles, and ${unknown} is none`);
  }

  return {
    async USERS_LIST({ args: [, roles, match, prefix, limit, cursor] }) {
      const names = [...new Set(roles ?? [])];
      const unknown = await unknownRoles(names);
      if (unknown !== null) return unknown;
      const filter: UserFilter = {};
      if (names.length > 0) filter.roles = { names, match: match ?? 'any' };
      if (prefix !== null) filter.usernamePrefix = usernamePrefixOf(prefix);
      return page(limit, cursor, {
        read: (slice) => stores.users.list(filter, slice),
        keyOf: ({ userId, usernameKey }) => (prefix === null ? userId : (usernameKey ?? userId)),
        show: (user) => widen(userViewOf(user)),
      });
    },

    async USER_ROLES_SET({ args: [, userId, roles], principal }) {
      const unknown = await unknownRoles(roles);
      if (unknown !== null) return unknown;
      const answer = await accounts.users.setRoles(userId, roles, doerOf(principal));
      return 'user' in answer ? { result: widen(userViewOf(answer.user)) } : answer;
    },

    async USER_LOGOUT({ args: [, userId], principal }) {
      await accounts.logoutUser(userId, doerOf(principal));
      return DONE;
    },

    USER_ERASE: async ({ args: [, userId], principal }) => (await accounts.erase(userId, doerOf(principal))) ?? DONE,

    ROLES_LIST: async () => ({ result: [widen(await customRoles.list()), null] }),

    async ROLE_CREATE({ args: [, role], principal }) {
      const answer = await customRoles.create(role, doerOf(principal));
      return 'role' in answer ? { result: widen(answer.role) } : answer;
    },

    async ROLE_CHANGE({ args: [, name, patch], principal }) {
      const answer = await customRoles.change(name, patch, doerOf(principal));
      return 'role' in answer ? { result: widen(answer.role) } : answer;
    },

    ROLE_DELETE: async ({ args: [, name], principal }) => (await customRoles.remove(name, doerOf(principal))) ?? DONE,

    AUDIT_LIST({ args: [, actor, action, subject, from, to, limit, cursor] }) {
      const filter: AuditFilter = {};
      if (actor !== null) filter.actor = actor;
      if (action !== null) filter.action = action;
      if (subject !== null) filter.subject = subject;
      if (from !== null) filter.from = from;
      if (to !== null) filter.to = to;
      return page(limit, cursor, {
        read: (slice) => stores.audit.list(filter, slice),
        keyOf: ({ auditId }) => auditId,
        show: (entry) => widen(auditViewOf(entry)),
      });
    },
  };
}
