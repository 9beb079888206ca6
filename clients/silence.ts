/**
 * Tells a quiet peer from a dead one with one timer per connection: PING after 15 s of silence, the end after 40 s. It
 * also ends a connection on which one request is never answered: each such request would take a place of the window
 * for good.
 */
import { LIMITS } from '../protocol/limits.ts';
import type { Runtime } from '../protocol/runtime.ts';
import type { Closing } from './closing.ts';

const UNANSWERED_MS = 2 * LIMITS.deadlineMsMax;

type Watched = {
  ping(): void;
  /** The number of the request in flight longest, if any. */
  oldest(): number | undefined;
  end(closing: Closing): void;
};

export class SilenceWatch {
  readonly #runtime: Runtime;
  readonly #watched: Watched;
  #heardAt = 0;
  #oldest: number | undefined;
  #oldestSince = 0;
  #cancel: (() => void) | null = null;

  constructor(runtime: Runtime, watched: Watched) {
    this.#runtime = runtime;
    this.#watched = watched;
  }

  heard(): void {
    this.#heardAt = this.#runtime.monotonicMs();
  }

  start(): void {
    this.heard();
    this.#wait(LIMITS.pingAfterMs);
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = null;
  }

  #wait(ms: number): void {
    this.#cancel = this.#runtime.after(ms, () => this.#look());
  }

  #look(): void {
    const now = this.#runtime.monotonicMs();
    const silentMs = now - this.#heardAt;
    if (silentMs >= LIMITS.idleMs) {
      return this.#watched.end({ reason: 'IDLE_TIMEOUT', detail: `nothing heard for ${LIMITS.idleMs} ms` });
    }
    if (this.#isUnanswered(now)) {
      return this.#watched.end({ reason: 'REPLY_MISSING', detail: `no reply for ${UNANSWERED_MS} ms` });
    }
    if (silentMs < LIMITS.pingAfterMs) return this.#wait(LIMITS.pingAfterMs - silentMs);
    this.#watched.ping();
    this.#wait(Math.min(LIMITS.pingAfterMs, LIMITS.idleMs - silentMs));
  }

  #isUnanswered(now: number): boolean {
    const oldest = this.#watched.oldest();
    if (oldest !== this.#oldest) {
      this.#oldest = oldest;
      this.#oldestSince = now;
    }
    return oldest !== undefined && now - this.#oldestSince >= UNANSWERED_MS;
  }
}
