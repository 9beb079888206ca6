/**
 * Roles written by an admin: metadata and permissions of a name. The built-in ones are code; they are listed with the
 * others and never written. Which permissions there are is handed in, because they are another folder's vocabulary.
 */
import { type RoleView, roleInputShape, rolePatchShape } from '../../protocol/accounts.ts';
import { LIMITS } from '../../protocol/limits.ts';
import type { Problem } from '../../protocol/reply.ts';
import { type Fault, faultsOf } from '../../protocol/shape.ts';
import type { RoleRecord } from '../store/accounts.ts';
import type { Act, Doer } from './audit.ts';
import { type AccountParts, BUSY_RETRY_MS, WRITES_MAX } from './parts.ts';

export type BuiltInRoles = Readonly<
  Record<string, { title: string; description: string; permissions: readonly string[] }>
>;
export type RoleVocabulary = {
  builtIn: BuiltInRoles;
  permissions: readonly string[];
  /** What roles permit has changed on this node. */
  changed: () => void;
};
export type RoleAnswer = { role: RoleView } | Problem;

/** A page can show no more, and no studio has more kinds of staff. */
const ROLES_MAX = 150;

type Parts = Pick<AccountParts, 'stores' | 'audit'>;

export class CustomRoles {
  readonly #parts: Parts;
  readonly #vocabulary: RoleVocabulary;

  constructor(parts: Parts, vocabulary: RoleVocabulary) {
    this.#parts = parts;
    this.#vocabulary = vocabulary;
  }

  async list(): Promise<RoleView[]> {
    const builtIn = Object.entries(this.#vocabulary.builtIn).map(([name, role]) => ({
      name,
      ...role,
      permissions: [...role.permissions],
      builtIn: true,
    }));
    return [...builtIn, ...(await this.#parts.stores.roles.all()).map(viewOf)];
  }

  /** Those of `names` that are no roles. */
  async unknown(names: readonly string[]): Promise<string[]> {
    const foreign = names.filter((name) => !this.#isBuiltIn(name));
    if (foreign.length === 0) return [];
    const known = new Set((await this.#parts.stores.roles.all()).map(({ name }) => name));
    return foreign.filter((name) => !known.has(name));
  }

  /** `input` is any value. */
  async create(input: unknown, doer: Doer): Promise<RoleAnswer> {
    const faults = this.#faultsOf(roleInputShape, input);
    if (faults.length > 0) return { code: 'BAD_REQUEST', faults };
    const { name, title = name, description = '', permissions = [] } = input as RoleRecord;
    if (this.#isBuiltIn(name)) return { code: 'ROLE_EXISTS' };
    const { roles } = this.#parts.stores;
    if ((await roles.all()).length >= ROLES_MAX) {
      return { code: 'BAD_REQUEST', faults: [{ field: 'name', rule: `at most ${ROLES_MAX} custom roles` }] };
    }
    const role: RoleRecord = { name, title, description, permissions: [...new Set(permissions)], revision: 1 };
    if (!(await roles.create(role))) return { code: 'ROLE_EXISTS' };
    return this.#done(role, doer, { action: 'role.created', subject: name, after: textOf(role) });
  }

  async change(name: string, input: unknown, doer: Doer): Promise<RoleAnswer> {
    if (this.#isBuiltIn(name)) return { code: 'ROLE_BUILT_IN' };
    const faults = this.#faultsOf(rolePatchShape, input);
    if (faults.length > 0) return { code: 'BAD_REQUEST', faults };
    for (let writes = 0; writes < WRITES_MAX; writes++) {
      const before = await this.#find(name);
      if (before === null) return { code: 'ROLE_NOT_FOUND' };
      const role = { ...before, ...(input as Partial<RoleRecord>), revision: before.revision + 1 };
      if (!(await this.#parts.stores.roles.replace(role))) continue;
      const act: Act = { action: 'role.changed', subject: name, before: textOf(before), after: textOf(role) };
      return this.#done(role, doer, act);
    }
    return { code: 'BUSY', retryAfterMs: BUSY_RETRY_MS };
  }

  async remove(name: string, doer: Doer): Promise<Problem | null> {
    if (this.#isBuiltIn(name)) return { code: 'ROLE_BUILT_IN' };
    const before = await this.#find(name);
    const outcome = await this.#parts.stores.roles.remove(name);
    if (outcome === 'IN_USE') return { code: 'ROLE_IN_USE' };
    if (outcome === 'ABSENT') return { code: 'ROLE_NOT_FOUND' };
    this.#vocabulary.changed();
    const act: Act = { action: 'role.deleted', subject: name, before: before && textOf(before) };
    await this.#parts.audit.record(doer, act);
    return null;
  }

  async #done(role: RoleRecord, doer: Doer, act: Act): Promise<RoleAnswer> {
    this.#vocabulary.changed();
    await this.#parts.audit.record(doer, act);
    return { role: viewOf(role) };
  }

  async #find(name: string): Promise<RoleRecord | null> {
    return (await this.#parts.stores.roles.all()).find((role) => role.name === name) ?? null;
  }

  #isBuiltIn(name: string): boolean {
    return Object.hasOwn(this.#vocabulary.builtIn, name);
  }

  #faultsOf(shape: typeof roleInputShape | typeof rolePatchShape, input: unknown): Fault[] {
    const rule = `one of ${this.#vocabulary.permissions.join(', ')}`;
    const unknown = permissionsIn(input).flatMap((permission, i) => {
      const isKnown = typeof permission !== 'string' || this.#vocabulary.permissions.includes(permission);
      return isKnown ? [] : [{ field: `permissions[${i}]`, rule }];
    });
    const faults = faultsOf(shape, input);
    return [...faults, ...unknown.filter(({ field }) => faults.every((told) => told.field !== field))];
  }
}

/** Of any value; what is wrong with one that is no list of names is the shape's to say. */
function permissionsIn(input: unknown): readonly unknown[] {
  const { permissions } = (input ?? {}) as { permissions?: unknown };
  return Array.isArray(permissions) ? permissions.slice(0, LIMITS.permissionsMax) : [];
}

function viewOf({ name, title, description, permissions }: RoleRecord): RoleView {
  return { name, title, description, permissions, builtIn: false };
}

function textOf({ title, description, permissions }: RoleRecord) {
  return { title, description, permissions };
}
