/**
 * Which users have a claim of an event in a period, for every event and period that is being claimed: one index each. A
 * window that is not COMPLETE may miss claims that the store has, so what it does not find is looked up there.
 */
import { Fingerprints, TABLES } from './fingerprints.ts';

/** The position of a claim of which only the store knows more. No claim lies at the start of the log. */
export const IN_STORE = 0;

export class Window {
  readonly eventKey: string;
  readonly period: string;
  readonly index = new Fingerprints();
  /** The event's `modeRevision`: in another mode it may have been claimed past this index. */
  modeRevision = -1;
  isComplete = false;
  /** It had to leave memory, and does not come back: see `eviction.ts`. */
  isEvicted = false;
  /** Stock: the highest slot given. Null until the store has been asked. */
  slotGiven: number | null = null;
  /** One more than the offset of its newest claim in the log; 0 when it has none there. */
  head = 0;
  /** Since when it is not the one that is being claimed, by the monotonic clock; null while it is. */
  idleSince: number | null = null;
  #table = 0;

  constructor(eventKey: string, period: string) {
    this.eventKey = eventKey;
    this.period = period;
  }

  evict(): void {
    this.isEvicted = true;
    this.isComplete = false;
  }

  /** Of the index, in turn. */
  nextTable(): number {
    this.#table = (this.#table + 1) % TABLES;
    return this.#table;
  }
}

export class Windows {
  readonly #byKey = new Map<string, Window>();

  get count(): number {
    return this.#byKey.size;
  }

  get(eventKey: string, period: string): Window | undefined {
    return this.#byKey.get(`${eventKey}/${period}`);
  }

  /** In the place of one that is there. */
  open(eventKey: string, period: string): Window {
    const window = new Window(eventKey, period);
    this.#byKey.set(`${eventKey}/${period}`, window);
    return window;
  }

  drop(window: Window): void {
    this.#byKey.delete(`${window.eventKey}/${window.period}`);
  }

  all(): IterableIterator<Window> {
    return this.#byKey.values();
  }

  clear(): void {
    this.#byKey.clear();
  }

  get claims(): number {
    let claims = 0;
    for (const { index } of this.#byKey.values()) claims += index.count;
    return claims;
  }

  get bytes(): number {
    let bytes = 0;
    for (const { index } of this.#byKey.values()) bytes += index.bytes;
    return bytes;
  }
}
