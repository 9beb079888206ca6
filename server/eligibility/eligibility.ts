/**
 * The door of this folder: whether a user is on an event's list, from memory where the list fits into the byte budget. It
 * says yes only for whom the store had on the list less than `AGE_MS_MAX` ago, so that a removal holds everywhere within
 * three seconds; anything it is not sure of is undefined and has to be looked up. Where other servers may add users a
 * miss is such a thing: who was added there a moment ago must not be refused here.
 *
 * A list is read when it is first asked for, and then follows the store's log of changes. A change made here is in memory
 * before it is answered.
 */
import type { Runtime } from '../../protocol/runtime.ts';
import { KeyHash, type Seed } from '../lib/hash.ts';
import type { Log } from '../lib/log.ts';
import type { QualificationStore } from '../store/store.ts';
import { EligibleUsers } from './eligible-users.ts';

export const AGE_MS_MAX = 2_000;
const FOLLOW_MS = 500;
/** A list that nobody has asked about for so long makes room. */
const UNUSED_MS_MAX = 1_200_000;
/** The same when there is no room left. */
const UNUSED_MS_WHEN_FULL = 60_000;
const RETRY_MS = 1_000;
/** A list that did not fit is not read again and again only to find that out. */
const RETRY_MS_WHEN_FULL = 600_000;

/** The characters of a user id are `bytes[start, end)`; its hash is one under the process's seed. One object is filled again and again. */
export type AskedUser = {
  bytes: Uint8Array;
  start: number;
  end: number;
  high: number;
  low: number;
  /** When it is asked, by the monotonic clock. */
  monotonicMs: number;
};

export type EligibilityOptions = {
  store: QualificationStore;
  runtime: Runtime;
  log: Log;
  /** Of every hash of a user id in this process. */
  seed: Seed;
  /** Of memory for all lists together; 0 looks everybody up. */
  bytesMax: number;
  /** `alone` where no other server can have this store: a miss is then certain. */
  nodes: 'alone' | 'several';
};

export class Eligibility {
  readonly #options: EligibilityOptions;
  readonly #hash: KeyHash;
  readonly #lists = new Map<string, EligibleUsers>();
  /** When a list that could not be read, or did not fit, may be tried again. */
  readonly #retryAt = new Map<string, number>();
  #mark = 0;
  #readAt = Number.NEGATIVE_INFINITY;
  #following: Promise<void> | null = null;
  #next: Promise<void> | null = null;
  #cancel: (() => void) | null = null;
  #isStopped = false;

  constructor(options: EligibilityOptions) {
    this.#options = options;
    this.#hash = new KeyHash(options.seed);
  }

  /** Undefined: it has to be looked up. */
  has(eventKey: string, { bytes, start, end, high, low, monotonicMs }: AskedUser): boolean | undefined {
    const list = this.#listOf(eventKey, monotonicMs);
    return list === undefined ? undefined : this.#certain(list.users.hasHashed(high, low, bytes, start, end));
  }

  /** The same of a string. */
  isQualified(eventKey: string, userId: string): boolean | undefined {
    const list = this.#listOf(eventKey, this.#options.runtime.monotonicMs());
    return list === undefined ? undefined : this.#certain(list.hasText(userId));
  }

  /** As the store's. Rejects with StoreUnavailable; it may be done in part then. */
  async add(eventKey: string, userIds: readonly string[]): Promise<{ added: number; existing: number }> {
    const counts = await this.#options.store.add(eventKey, userIds);
    await this.#caughtUp();
    return counts;
  }

  async remove(eventKey: string, userIds: readonly string[]): Promise<{ removed: number; absent: number }> {
    const counts = await this.#options.store.remove(eventKey, userIds);
    await this.#caughtUp();
    return counts;
  }

  stop(): void {
    this.#isStopped = true;
    this.#cancel?.();
    this.#lists.clear();
  }

  figures(): Record<'lists' | 'users' | 'bytes', number> {
    let users = 0;
    for (const list of this.#lists.values()) users += list.users.count;
    return { lists: this.#lists.size, users, bytes: this.#bytes() };
  }

  #certain(isThere: boolean): boolean | undefined {
    return isThere || this.#options.nodes === 'alone' ? isThere : undefined;
  }

  /** The list when it may be judged by now. */
  #listOf(eventKey: string, now: number): EligibleUsers | undefined {
    const list = this.#lists.get(eventKey);
    if (list === undefined) {
      this.#want(eventKey, now);
      return undefined;
    }
    list.usedAt = now;
    return list.isReady && now - this.#readAt < AGE_MS_MAX ? list : undefined;
  }

  #want(eventKey: string, now: number): void {
    if (this.#isStopped || this.#options.bytesMax === 0) return;
    if (now < (this.#retryAt.get(eventKey) ?? Number.NEGATIVE_INFINITY)) return;
    // Until the first page is asked for, nobody else begins.
    this.#retryAt.set(eventKey, Number.POSITIVE_INFINITY);
    void this.#load(eventKey).then((retryMs) => {
      if (retryMs === null) this.#retryAt.delete(eventKey);
      else this.#retryAt.set(eventKey, this.#options.runtime.monotonicMs() + retryMs);
    });
  }

  /** Resolves to null, or to how long to wait before the next attempt. Never rejects. */
  async #load(eventKey: string): Promise<number | null> {
    const { store, runtime, log } = this.#options;
    try {
      if (this.#lists.size === 0) await this.#begin();
      const list = new EligibleUsers(eventKey, { hash: this.#hash, mark: this.#mark, usedAt: runtime.monotonicMs() });
      this.#lists.set(eventKey, list);
      const stop = () => {
        if (this.#lists.get(eventKey) !== list) return 'LOST';
        return this.#hasRoom(list) ? null : 'FULL';
      };
      const loaded = await list.load(store, { runtime, reached: () => this.#mark, stop });
      if (loaded === 'READY') return null;
      this.#drop(list);
      if (loaded === 'LOST') return RETRY_MS;
      log.warn({ event: eventKey, bytes: list.users.bytes }, 'a list of users does not fit into memory: look-ups');
      return RETRY_MS_WHEN_FULL;
    } catch (error) {
      this.#lists.delete(eventKey);
      log.warn({ event: eventKey, reason: String(error) }, 'a list of users cannot be read');
      return RETRY_MS;
    }
  }

  /** Nothing is followed while there is no list. */
  async #begin(): Promise<void> {
    const sentAt = this.#options.runtime.monotonicMs();
    const told = await this.#options.store.changes(null);
    if (this.#lists.size > 0 || told === null) return;
    this.#mark = told.mark;
    this.#readAt = sentAt;
    this.#schedule();
  }

  #schedule(): void {
    this.#cancel?.();
    if (this.#isStopped) return;
    this.#cancel = this.#options.runtime.after(FOLLOW_MS, () => {
      this.#forgetUnused();
      if (this.#lists.size === 0) {
        this.#cancel = null;
        return;
      }
      void this.#follow()
        .catch(() => {})
        .then(() => this.#schedule());
    });
  }

  /** Resolves when memory has what the store had when this was called, or is known to be old. Never rejects. */
  #caughtUp(): Promise<void> {
    if (this.#lists.size === 0) return Promise.resolve();
    // What runs now may have asked before.
    this.#next ??= (this.#following ?? Promise.resolve())
      .catch(() => {})
      .then(() => {
        this.#next = null;
        return this.#follow();
      });
    return this.#next.catch(() => {
      this.#readAt = Number.NEGATIVE_INFINITY;
    });
  }

  /** One at a time. Rejects with StoreUnavailable. */
  #follow(): Promise<void> {
    this.#following ??= this.#read().finally(() => {
      this.#following = null;
    });
    return this.#following;
  }

  async #read(): Promise<void> {
    const { store, runtime } = this.#options;
    for (let isLast = false; !isLast; ) {
      const sentAt = runtime.monotonicMs();
      const told = await store.changes(this.#mark);
      if (told === null) return this.#lists.clear();
      for (const list of [...this.#lists.values()]) {
        if (!list.isReady) continue;
        for (const change of told.changes) list.apply(change);
        if (!this.#hasRoom(list)) this.#refuse(list);
      }
      this.#mark = told.mark;
      isLast = told.isLast;
      if (isLast) this.#readAt = sentAt;
    }
  }

  #refuse(list: EligibleUsers): void {
    this.#drop(list);
    this.#retryAt.set(list.eventKey, this.#options.runtime.monotonicMs() + RETRY_MS_WHEN_FULL);
  }

  #drop(list: EligibleUsers): void {
    if (this.#lists.get(list.eventKey) === list) this.#lists.delete(list.eventKey);
  }

  /** Whether all lists fit, perhaps without those that nobody has asked about for a while. */
  #hasRoom(wanted: EligibleUsers): boolean {
    const { bytesMax, runtime } = this.#options;
    if (this.#bytes() <= bytesMax) return true;
    const before = runtime.monotonicMs() - UNUSED_MS_WHEN_FULL;
    for (const list of [...this.#lists.values()].sort((a, b) => a.usedAt - b.usedAt)) {
      if (list === wanted || list.usedAt > before) continue;
      this.#drop(list);
      if (this.#bytes() <= bytesMax) return true;
    }
    return false;
  }

  #forgetUnused(): void {
    const before = this.#options.runtime.monotonicMs() - UNUSED_MS_MAX;
    for (const list of [...this.#lists.values()]) if (list.usedAt < before) this.#drop(list);
  }

  #bytes(): number {
    let bytes = 0;
    for (const list of this.#lists.values()) bytes += list.users.bytes;
    return bytes;
  }
}
