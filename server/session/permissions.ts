/**
 * May this principal do this op? One table says which permission an op needs, one says which permissions a role holds,
 * and one pure function joins them. Roles and permissions are names, so that roles written by an admin can hold the
 * same permissions as those built in.
 */
import type { RequestName } from '../../protocol/ops.ts';
import type { Principal, ServiceRole } from './principal.ts';

export const PERMISSIONS = [
  'claims.make.own',
  'claims.make.any',
  'claims.read.own',
  'claims.read.any',
  'events.read',
  'events.write',
  'qualifications.read',
  'qualifications.write',
  'tokens.read',
  'node.read',
] as const;
export type Permission = (typeof PERMISSIONS)[number];

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
  EVENT_CREATE: { any: 'events.write' },
  EVENT_CHANGE: { any: 'events.write' },
  EVENT_GET: { any: 'events.read' },
  EVENT_LIST: { any: 'events.read' },
  EVENT_PAUSE: { any: 'events.write' },
  EVENT_RESUME: { any: 'events.write' },
  QUALIFY: { any: 'qualifications.write' },
  DISQUALIFY: { any: 'qualifications.write' },
  QUALIFIED: { any: 'qualifications.read' },
  TOKEN_KEYS: { any: 'tokens.read' },
  STATUS: { any: 'node.read' },
  METRICS: { any: 'node.read' },
} as const satisfies Record<RequestName, Need>;

/** What everybody signed in may do, whatever roles they hold: they are all players. */
const PLAYER = ['claims.make.own', 'claims.read.own', 'events.read'] as const;
const OPERATOR = [
  'claims.read.any',
  'events.read',
  'events.write',
  'qualifications.read',
  'qualifications.write',
] as const;

/**
 * No user holds `claims.make.any`: a claim for somebody else comes from the game. A grant by hand, with a reason, is
 * another act and gets a permission of its own.
 */
export const BUILT_IN_ROLES = {
  USER: PLAYER,
  OPERATOR,
  AUDITOR: ['claims.read.any', 'events.read', 'qualifications.read', 'node.read'],
  ADMIN: [...OPERATOR, 'node.read'],
} as const satisfies Record<string, readonly Permission[]>;

export const SERVICE_PERMISSIONS = {
  game: ['claims.make.any', 'claims.read.any', 'events.read', 'qualifications.read', 'qualifications.write'],
  edge: ['tokens.read', 'node.read'],
  admin: [...OPERATOR, 'node.read'],
} as const satisfies Record<ServiceRole, readonly Permission[]>;

/** Permissions by role name. A map, because role names come from outside and `__proto__` is one. */
export type RoleTable = ReadonlyMap<string, ReadonlySet<Permission>>;

export function roleTableOf(roles: Readonly<Record<string, readonly Permission[]>>): RoleTable {
  return new Map(Object.entries(roles).map(([role, permissions]) => [role, new Set(permissions)]));
}

const builtInTable = roleTableOf(BUILT_IN_ROLES);
const serviceTable = roleTableOf(SERVICE_PERMISSIONS);
const playerPermissions: ReadonlySet<Permission> = new Set(PLAYER);

export function hasPermission(
  principal: Principal,
  permission: Permission,
  userTable: RoleTable = builtInTable,
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
export function reachOf(principal: Principal, op: RequestName, userTable: RoleTable = builtInTable): Reach {
  const { own, any }: Need = NEEDS[op];
  if (any !== undefined && hasPermission(principal, any, userTable)) return 'any';
  if (own !== undefined && principal.kind === 'user' && hasPermission(principal, own, userTable)) return 'own';
  return 'none';
}

export function isPermitted(principal: Principal, op: RequestName, userTable: RoleTable = builtInTable): boolean {
  return reachOf(principal, op, userTable) !== 'none';
}
