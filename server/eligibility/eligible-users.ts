/**
 * The users of one event's list in memory: read from the store in pages, then kept as the log of changes has them. Until
 * it is READY nobody may be judged by it. It knows no clock, no timer and no other list.
 */
import type { Runtime } from '../../protocol/runtime.ts';
import type { KeyHash } from '../lib/hash.ts';
import type { QualificationChange, QualificationStore } from '../store/store.ts';
import { UserSet } from './user-set.ts';

const PAGE = 2_000;
const USER_ID_BYTES_MAX = 128;

/** LOST: the log does not reach back to where it would have to be read from. FULL: there is no room for it. */
export type Stopped = 'LOST' | 'FULL';

export class EligibleUsers {
  readonly eventKey: string;
  readonly users: UserSet;
  isReady = false;
  /** Changes up to this number are in it. */
  mark: number;
  /** By the monotonic clock. */
  usedAt: number;
  readonly #scratch = new Uint8Array(USER_ID_BYTES_MAX);

  /** `mark` is one of the log from before the first page is asked for. */
  constructor(eventKey: string, { hash, mark, usedAt }: { hash: KeyHash; mark: number; usedAt: number }) {
    this.eventKey = eventKey;
    this.users = new UserSet(hash);
    this.mark = mark;
    this.usedAt = usedAt;
  }

  hasText(userId: string): boolean {
    return this.users.has(this.#scratch, 0, this.#write(userId));
  }

  /** Ignores what is of another event or is in it already. */
  apply({ number, kind, eventKey, userIds }: QualificationChange): void {
    if (number <= this.mark) return;
    this.mark = number;
    if (eventKey !== this.eventKey) return;
    for (const userId of userIds) {
      const length = this.#write(userId);
      if (kind === 'added') this.users.add(this.#scratch, 0, length);
      else this.users.delete(this.#scratch, 0, length);
    }
  }

  /**
   * Reads the whole list, then what has changed since, until it has all changes up to `reached()`, which may rise meanwhile.
   * `stop` may end it after each step. Rejects with StoreUnavailable.
   */
  async load(
    store: QualificationStore,
    { runtime, reached, stop }: { runtime: Runtime; reached: () => number; stop: () => Stopped | null },
  ): Promise<'READY' | Stopped> {
    for (let after: string | undefined; ; ) {
      const page = await store.list(this.eventKey, { limit: PAGE, ...(after === undefined ? {} : { after }) });
      for (const userId of page) this.users.add(this.#scratch, 0, this.#write(userId));
      const stopped = stop();
      if (stopped !== null) return stopped;
      if (page.length < PAGE) break;
      after = page.at(-1);
      // The thread is everybody's between two pages.
      await new Promise<void>((resolve) => runtime.soon(resolve));
    }
    for (;;) {
      const told = await store.changes(this.mark);
      if (told === null) return 'LOST';
      for (const change of told.changes) this.apply(change);
      this.mark = Math.max(this.mark, told.mark);
      const stopped = stop();
      if (stopped !== null) return stopped;
      if (told.isLast && this.mark >= reached()) break;
    }
    this.isReady = true;
    return 'READY';
  }

  #write(userId: string): number {
    const scratch = this.#scratch;
    const length = Math.min(userId.length, scratch.length);
    for (let i = 0; i < length; i++) scratch[i] = userId.charCodeAt(i);
    return length;
  }
}
