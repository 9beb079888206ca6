/**
 * The record of acts: who, when, from where, on what, before and after. It is appended to before the act is answered, and
 * never changed. Secrets and what a person typed do not come in here.
 */
import { type AuditEntry, type AuditStore, auditIdOf } from '../store/accounts.ts';

export const AUDIT_ACTIONS = [
  'login.refused',
  'refresh.refused',
  'session.ended',
  'user.roles',
  'user.erased',
  'user.password',
  'role.created',
  'role.changed',
  'role.deleted',
  'event.created',
  'event.changed',
  'event.paused',
  'event.resumed',
  'event.mode',
  'event.archived',
  'event.qualified',
  'event.disqualified',
] as const;
export type AuditAction = (typeof AUDIT_ACTIONS)[number];

/** Who acts and from where: a user id or `service:ID`, and an address or null. */
export type Doer = { name: string; from: string | null };
export type Act = { action: AuditAction; subject: string; before?: unknown; after?: unknown };

/** `node` and `boot` keep apart what two starts write in the same millisecond. */
type Options = { store: AuditStore; nowMs: () => number; node: string; boot: string };

export class Audit {
  readonly #options: Options;
  #sequence = 0;

  constructor(options: Options) {
    this.#options = options;
  }

  /** Durable when it resolves. Rejects with StoreUnavailable. */
  async record(doer: Doer, ...acts: readonly Act[]): Promise<void> {
    if (acts.length === 0) return;
    await this.#options.store.append(acts.map((act) => this.#entryOf(doer, act)));
  }

  #entryOf({ name, from }: Doer, { action, subject, before = null, after = null }: Act): AuditEntry {
    const { nowMs, node, boot } = this.#options;
    const at = nowMs();
    const auditId = auditIdOf(at, { node, boot, sequence: this.#sequence++ });
    return { auditId, at, actor: name, from, action, subject, before, after };
  }
}
