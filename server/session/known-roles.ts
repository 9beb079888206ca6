/**
 * The server's word on what a user may do: the roles in the user's document, and what custom roles permit. Both are
 * remembered for a moment, so that a change holds within two seconds everywhere and a busy operator costs one read a
 * second. Invariant: never an answer older than `KNOWN_MS`; who cannot be read is not let in.
 */
import type { Runtime } from '../../protocol/runtime.ts';
import { RecentMap } from '../lib/recent-map.ts';
import type { RoleStore, UserRecord, UserStore } from '../store/accounts.ts';
import { type RoleTable, roleTableWith } from './roles.ts';

export const KNOWN_MS = 1_500;
const USERS_MAX = 50_000;

type Entry<T> = { sentAt: number; value: Promise<T> };
type Options = { users: Pick<UserStore, 'byId'>; roles: Pick<RoleStore, 'all'>; runtime: Runtime };

export class KnownRoles {
  readonly #options: Options;
  readonly #users = new RecentMap<string, Entry<UserRecord | null>>(USERS_MAX);
  #table: Entry<RoleTable> | null = null;

  constructor(options: Options) {
    this.#options = options;
  }

  /** The user's document, or null when there is none. Rejects with StoreUnavailable. */
  user(userId: string): Promise<UserRecord | null> {
    const known = this.#users.get(userId);
    if (known !== undefined && this.#isYoung(known)) return known.value;
    const value = this.#options.users.byId([userId]).then(([user]) => user ?? null);
    const entry = this.#entryOf(value);
    this.#users.set(userId, entry);
    // A failure is not remembered: the next request asks again.
    value.catch(() => this.#users.delete(userId));
    return value;
  }

  /** Rejects with StoreUnavailable. */
  table(): Promise<RoleTable> {
    if (this.#table !== null && this.#isYoung(this.#table)) return this.#table.value;
    const value = this.#options.roles.all().then(roleTableWith);
    this.#table = this.#entryOf(value);
    value.catch(() => {
      this.#table = null;
    });
    return value;
  }

  /** What this node has changed itself counts at once. */
  forgetUser(userId: string): void {
    this.#users.delete(userId);
  }

  forgetTable(): void {
    this.#table = null;
  }

  #entryOf<T>(value: Promise<T>): Entry<T> {
    return { sentAt: this.#options.runtime.monotonicMs(), value };
  }

  #isYoung({ sentAt }: Entry<unknown>): boolean {
    return this.#options.runtime.monotonicMs() - sentAt < KNOWN_MS;
  }
}
