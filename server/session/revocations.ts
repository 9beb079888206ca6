/**
 * Which access tokens are no longer good, in memory: what the store holds is read again every half second, what this
 * node revokes counts at once, and an entry is forgotten when the tokens it is about have ended. Asking costs two map
 * look-ups and never the store.
 *
 * A session of ours is revoked by its id, for ever. A revocation of a whole user is about tokens without a session of
 * ours: those of a command line or of another issuer. They are told apart by the id, so that who signs in again in the
 * second in which they were signed out is not taken for their former self.
 */
import { isStoredSession } from '../../protocol/accounts.ts';
import type { Runtime } from '../../protocol/runtime.ts';
import type { Revocation, RevocationStore } from '../store/accounts.ts';
import type { UserPrincipal } from './principal.ts';

const POLL_MS = 500;
/** Tokens without a session of ours are refused when they are older: their revocation may have been forgotten. */
export const UNSTORED_TOKEN_MS_MAX = 7 * 86_400_000;

export type RevocationOptions = { store: RevocationStore; runtime: Runtime; nowMs: () => number };
type Told = (revocations: readonly Revocation[]) => void;

export class Revocations {
  readonly #options: RevocationOptions;
  readonly #bySession = new Map<string, Revocation>();
  readonly #byUser = new Map<string, Revocation>();
  #mark: string | null = null;
  #readAt = Number.NEGATIVE_INFINITY;
  #told: Told = () => {};
  #cancel: () => void = () => {};
  #isStopped = false;

  constructor(options: RevocationOptions) {
    this.#options = options;
  }

  /** Reads everything once, then goes on reading. Rejects with StoreUnavailable when the first read fails. */
  async start(): Promise<void> {
    await this.#read();
    this.#schedule();
  }

  stop(): void {
    this.#isStopped = true;
    this.#cancel();
  }

  /** `told` gets every revocation that was not known before. */
  onRevoked(told: Told): void {
    this.#told = told;
  }

  /** Milliseconds since a read was sent that came back. */
  ageMs(): number {
    return this.#options.runtime.monotonicMs() - this.#readAt;
  }

  isRevoked({ userId, sessionId, issuedAt }: Pick<UserPrincipal, 'userId' | 'sessionId' | 'issuedAt'>): boolean {
    if (isStoredSession(sessionId)) return this.#bySession.has(sessionId);
    const revocation = this.#byUser.get(userId);
    if (revocation !== undefined && (issuedAt === null || issuedAt < revocation.at)) return true;
    return issuedAt !== null && issuedAt < this.#options.nowMs() - UNSTORED_TOKEN_MS_MAX;
  }

  /** Durable for every node and in force on this one when it resolves. Rejects with StoreUnavailable. */
  async add(revocations: readonly Revocation[]): Promise<void> {
    if (revocations.length === 0) return;
    await this.#options.store.add(revocations);
    this.#accept(revocations);
  }

  /** All that are in force. */
  *current(): Iterable<Revocation> {
    yield* this.#bySession.values();
    yield* this.#byUser.values();
  }

  get size(): number {
    return this.#bySession.size + this.#byUser.size;
  }

  #accept(revocations: readonly Revocation[]): void {
    const now = this.#options.nowMs();
    const fresh = revocations.filter((revocation) => revocation.until > now && this.#take(revocation));
    if (fresh.length > 0) this.#told(fresh);
  }

  /** False when it says nothing new. */
  #take(revocation: Revocation): boolean {
    const { userId, sessionId, at } = revocation;
    const [map, key] = sessionId === null ? [this.#byUser, userId] : [this.#bySession, sessionId];
    const known = map.get(key);
    if (known !== undefined && known.at >= at) return false;
    map.set(key, revocation);
    return true;
  }

  #forget(): void {
    const now = this.#options.nowMs();
    for (const map of [this.#bySession, this.#byUser]) {
      for (const [key, { until }] of map) if (until <= now) map.delete(key);
    }
  }

  async #read(): Promise<void> {
    const sentAt = this.#options.runtime.monotonicMs();
    const { revocations, mark } = await this.#options.store.since(this.#mark);
    this.#mark = mark;
    this.#accept(revocations);
    this.#readAt = sentAt;
  }

  /** A read that fails leaves what is known as it is and makes it older, which is what callers ask about. */
  #schedule(): void {
    if (this.#isStopped) return;
    this.#cancel = this.#options.runtime.after(POLL_MS, () => {
      this.#forget();
      void this.#read()
        .catch(() => {})
        .finally(() => this.#schedule());
    });
  }
}
