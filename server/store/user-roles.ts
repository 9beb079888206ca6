/**
 * What the roles of a user mean to a store. A user is listed under each set of the roles held, not only under each role:
 * with an index of single roles, a page of those who hold two roles reads all who hold one of them. With 500,000 users
 * in each and ten in both that took MongoDB 3.5 s; with sets it takes 0.6 ms. Few users hold more than two roles, and one
 * who holds eight costs 255 rows.
 */
import { BUILT_IN_ROLES, ROLES_PER_USER_MAX, type UserFilter, type UserRecord } from './accounts.ts';

const BUILT_IN: ReadonlySet<string> = new Set(BUILT_IN_ROLES);
/** Stands in no name of a role. */
const JOINT = ',';

/** Each set of one role or more out of these, as `roleSetOf` writes it. */
export function roleSetsOf(roles: readonly string[]): string[] {
  if (roles.length > ROLES_PER_USER_MAX) throw new RangeError(`a user has at most ${ROLES_PER_USER_MAX} roles`);
  const sets: string[] = [];
  for (const role of sorted(roles)) sets.push(...sets.map((set) => set + JOINT + role), role);
  return sets;
}

export function roleSetOf(roles: readonly string[]): string {
  return sorted(roles).join(JOINT);
}

/** A user whom the filter shows is listed under at least one of these sets, and with `all` there is only one. */
export function roleSetsOfFilter({ names, match }: NonNullable<UserFilter['roles']>): string[] {
  return match === 'all' ? [roleSetOf(names)] : [...new Set(names)];
}

/** The roles of `after` that `before` has not and that are no code: each must exist as a record. */
export function rolesGiven(before: readonly string[], after: readonly string[]): string[] {
  return after.filter((role) => !BUILT_IN.has(role) && !before.includes(role));
}

/** An erased user cannot log in and so is no admin that could be relied upon. */
export function isAdmin({ roles, erasedAt }: UserRecord): boolean {
  return erasedAt === null && roles.includes('ADMIN');
}

/** A new user is checked against nothing but this, so that signing up takes no turn with the changes of roles. */
export function expectBuiltIn({ userId, roles }: UserRecord): void {
  const [custom] = rolesGiven([], roles);
  if (custom !== undefined) throw new Error(`the new user ${userId} has the role ${custom}, which is not built in`);
}

/** What is unique about a user never becomes another's. */
export function expectNameKept(before: UserRecord, after: UserRecord): void {
  if (after.usernameKey === null || after.usernameKey === before.usernameKey) return;
  throw new Error(`the username of ${after.userId} may only be taken away`);
}

function sorted(roles: readonly string[]): string[] {
  return [...new Set(roles)].sort();
}
