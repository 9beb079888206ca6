/**
 * May this principal do this op? One table says which permission an op needs, `roles.ts` which permissions a role holds,
 * and one pure function joins them.
 */
import type { RequestName } from '../../protocol/ops.ts';
import type { Principal } from './principal.ts';
import { BUILT_IN_TABLE, type Permission, PLAYER, type RoleTable, roleTableOf, SERVICE_PERMISSIONS } from './roles.ts';

/** `any` lets a principal act on whomever it names; `own` lets a user act on themselves. */
type Need = { readonly own?: Permission; readonly any?: Permission };

/** HELLO and PING belong to the connection: nobody may send them as requests of the route. */
export const NEEDS = {
  HELLO: {},
  PING: {},
  CLAIM: { own: 'claims.make.own', any: 'claims.make.any' },
  CLAIM_BY_REQUEST: { own: 'claims.read.own', any: 'claims.read.any' },
  CLAIMS_OF_USER: { own: 'claims.read.own', any: 'claims.read.any' },
  CLAIMS_LIST: { any: 'claims.read.any' },
  CLAIM_BATCH: { any: 'claims.make.any' },
  EVENT_CREATE: { any: 'events.write' },
  EVENT_CHANGE: { any: 'events.write' },
  EVENT_GET: { any: 'events.read' },
  EVENT_LIST: { any: 'events.read' },
  EVENT_PAUSE: { any: 'events.write' },
  EVENT_RESUME: { any: 'events.write' },
  EVENT_MODE: { any: 'events.write' },
  QUALIFY: { any: 'qualifications.write' },
  DISQUALIFY: { any: 'qualifications.write' },
  QUALIFIED: { any: 'qualifications.read' },
  TOKEN_KEYS: { any: 'tokens.read' },
  STATUS: { any: 'node.read' },
  METRICS: { any: 'node.read' },
  JOURNAL_BLOCKS: { any: 'claims.read.any' },
  STORES: { any: 'claims.read.any' },
  RECONCILE: { any: 'stores.keep' },
  BACKUP: { any: 'stores.keep' },
  ARCHIVE: { any: 'stores.keep' },
  REGISTER: { any: 'accounts.sign-in' },
  LOGIN: { any: 'accounts.sign-in' },
  REFRESH: { any: 'accounts.sign-in' },
  LOGOUT: { own: 'account.own' },
  ME: { own: 'account.own' },
  SESSIONS_OF_USER: { own: 'account.own' },
  SESSION_END: { own: 'account.own' },
  PASSWORD_CHANGE: { own: 'account.own' },
  ERASE_SELF: { own: 'account.own' },
  USERS_LIST: { any: 'accounts.read' },
  USER_ROLES_SET: { any: 'accounts.roles' },
  USER_LOGOUT: { any: 'accounts.logout' },
  USER_ERASE: { any: 'accounts.erase' },
  ROLES_LIST: { any: 'roles.read' },
  ROLE_CREATE: { any: 'roles.write' },
  ROLE_CHANGE: { any: 'roles.write' },
  ROLE_DELETE: { any: 'roles.write' },
  AUDIT_LIST: { any: 'audit.read' },
  SUBSCRIBE: { any: 'notices.read' },
  UNSUBSCRIBE: { any: 'notices.read' },
} as const satisfies Record<RequestName, Need>;

const serviceTable = roleTableOf(
  Object.entries(SERVICE_PERMISSIONS).map(([name, permissions]) => ({ name, permissions })),
);
const playerPermissions: ReadonlySet<Permission> = new Set(PLAYER);

export function hasPermission(
  principal: Principal,
  permission: Permission,
  userTable: RoleTable = BUILT_IN_TABLE,
): boolean {
  if (principal.kind === 'user' && playerPermissions.has(permission)) return true;
  const table = principal.kind === 'user' ? userTable : serviceTable;
  const roles = principal.kind === 'user' ? principal.roles : principal.service.roles;
  for (const role of roles) if (table.get(role)?.has(permission)) return true;
  return false;
}

/** How far an op reaches for a principal: whomever they name, only themselves, or nowhere. */
export type Reach = 'any' | 'own' | 'none';

/** A service has no self, so `own` is never its answer. `userTable` holds the users' roles where some are not built in. */
export function reachOf(principal: Principal, op: RequestName, userTable: RoleTable = BUILT_IN_TABLE): Reach {
  const { own, any }: Need = NEEDS[op];
  if (any !== undefined && hasPermission(principal, any, userTable)) return 'any';
  if (own !== undefined && principal.kind === 'user' && hasPermission(principal, own, userTable)) return 'own';
  return 'none';
}

export function isPermitted(principal: Principal, op: RequestName, userTable: RoleTable = BUILT_IN_TABLE): boolean {
  return reachOf(principal, op, userTable) !== 'none';
}

/** No user gains from a role here: a player may do it as far as anybody may. So nobody needs to look their roles up. */
const PLAYER_OPS: ReadonlySet<RequestName> = new Set(
  (Object.entries(NEEDS) as [RequestName, Need][]).flatMap(([op, { own, any }]) => {
    const isForAll = any !== undefined && playerPermissions.has(any);
    const isOwnOnly = own !== undefined && (any === undefined || any === 'claims.make.any');
    return isForAll || isOwnOnly ? [op] : [];
  }),
);

export function dependsOnRoles(op: RequestName): boolean {
  return !PLAYER_OPS.has(op);
}
