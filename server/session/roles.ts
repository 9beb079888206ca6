/**
 * Roles and what they permit, as data. Permissions and roles are names, so that a role written by an admin can hold the
 * same permissions as those built in. Which op needs which permission is in `permissions.ts`.
 */
import type { ServiceRole } from './principal.ts';

/** What roles of users may hold. */
export const USER_PERMISSIONS = [
  'account.own',
  'accounts.read',
  'accounts.roles',
  'accounts.logout',
  'accounts.erase',
  'audit.read',
  'claims.make.own',
  'claims.read.own',
  'claims.read.any',
  'events.read',
  'events.write',
  'node.read',
  'qualifications.read',
  'qualifications.write',
  'roles.read',
  'roles.write',
] as const;

/**
 * What only services hold. A claim for somebody else comes from the game: a grant by hand, with a reason, is another act
 * and gets a permission of its own. Signing people in, and being told about all of them, is the edge's. What reads or copies
 * a whole store is for tools on the machines themselves.
 */
export const SERVICE_ONLY_PERMISSIONS = [
  'accounts.sign-in',
  'claims.make.any',
  'notices.read',
  'stores.keep',
  'tokens.read',
] as const;

export type UserPermission = (typeof USER_PERMISSIONS)[number];
export type Permission = UserPermission | (typeof SERVICE_ONLY_PERMISSIONS)[number];

/** What everybody signed in may do, whatever roles they hold: they are all players. */
export const PLAYER = ['account.own', 'claims.make.own', 'claims.read.own', 'events.read'] as const;
const OPERATOR = [
  'claims.read.any',
  'events.read',
  'events.write',
  'qualifications.read',
  'qualifications.write',
] as const;
/** Reads everything, changes nothing. */
const AUDITOR = [
  'accounts.read',
  'audit.read',
  'claims.read.any',
  'events.read',
  'node.read',
  'qualifications.read',
  'roles.read',
] as const;
const ADMIN = [...OPERATOR, ...AUDITOR, 'accounts.roles', 'accounts.logout', 'accounts.erase', 'roles.write'] as const;

type RoleText = { title: string; description: string; permissions: readonly UserPermission[] };

export const BUILT_IN_ROLES = {
  USER: { title: 'Player', description: 'Claims rewards and sees their own.', permissions: PLAYER },
  OPERATOR: { title: 'Operator', description: 'Runs events and sees every claim.', permissions: OPERATOR },
  AUDITOR: { title: 'Auditor', description: 'Reads everything, changes nothing.', permissions: AUDITOR },
  ADMIN: {
    title: 'Administrator',
    description: 'Everything, users and roles included.',
    permissions: [...new Set(ADMIN)],
  },
} as const satisfies Record<string, RoleText>;
export type BuiltInRole = keyof typeof BUILT_IN_ROLES;

export function isBuiltInRole(name: string): name is BuiltInRole {
  return Object.hasOwn(BUILT_IN_ROLES, name);
}

export const SERVICE_PERMISSIONS = {
  game: ['claims.make.any', 'claims.read.any', 'events.read', 'qualifications.read', 'qualifications.write'],
  edge: ['accounts.sign-in', 'notices.read', 'tokens.read', 'node.read'],
  admin: [...ADMIN, 'stores.keep'],
} as const satisfies Record<ServiceRole, readonly Permission[]>;

/** Permissions by role name. A map, because role names come from outside and `__proto__` is one. */
export type RoleTable = ReadonlyMap<string, ReadonlySet<string>>;

export function roleTableOf(roles: Iterable<{ name: string; permissions: readonly string[] }>): RoleTable {
  return new Map([...roles].map(({ name, permissions }) => [name, new Set(permissions)]));
}

const builtInRows = Object.entries(BUILT_IN_ROLES).map(([name, { permissions }]) => ({ name, permissions }));

/** The built-in roles, which no record replaces, and those of records. */
export function roleTableWith(custom: Iterable<{ name: string; permissions: readonly string[] }>): RoleTable {
  return roleTableOf([...custom, ...builtInRows]);
}
export const BUILT_IN_TABLE: RoleTable = roleTableWith([]);
