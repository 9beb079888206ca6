/**
 * The events that are being claimed, as configuration that is known to be young. A decision uses a configuration whose
 * read was sent less than `CONFIG_AGE_MS_MAX` ago by the monotonic clock; an older one is read again first. A node that
 * was frozen therefore wakes with nothing it may decide by, and a pause holds everywhere within a second.
 *
 * Events in use are read again every `REFRESH_MS`, in batches, so that a claim rarely waits for a read.
 */
import type { Runtime } from '../../protocol/runtime.ts';
import { type Span, spanAt } from '../rules/calendar.ts';
import { claimInstant } from '../rules/decide.ts';
import type { EventRecord, EventStore } from '../store/store.ts';

export const CONFIG_AGE_MS_MAX = 800;
const REFRESH_MS = 200;
const IN_USE_MS = 10_000;
const READ_KEYS_MAX = 500;
/** Event keys remembered at once, the unknown ones that a peer may invent included. */
const ENTRIES_MAX = 20_000;

type Waiter = (isFresh: boolean) => void;

/** One event key in use. `record` is null when the store has no such event. */
export class EventConfig {
  readonly eventKey: string;
  record: EventRecord | null = null;
  readAt = Number.NEGATIVE_INFINITY;
  usedAt = 0;
  isReading = false;
  waiters: Waiter[] = [];
  #span: Span | null = null;

  constructor(eventKey: string) {
    this.eventKey = eventKey;
  }

  /** The period at `now`, computed once per period. */
  spanAt(record: EventRecord, now: number): Span {
    const at = claimInstant(record, now);
    if (this.#span === null || at < this.#span.startsAt || at >= this.#span.endsAt) this.#span = spanAt(record, at);
    return this.#span;
  }

  /** Takes what was found, or written, by a request sent at `sentAt`, unless a newer revision is known. */
  accept(record: EventRecord | null, sentAt: number): void {
    const known = this.record?.revision ?? 0;
    const found = record?.revision ?? 0;
    if (found < known) return;
    if (found === known) {
      // The same revision stays the same object, so that a decision is known to be by this configuration by identity.
      this.readAt = Math.max(this.readAt, sentAt);
      return;
    }
    this.#span = null;
    this.record = record;
    this.readAt = sentAt;
  }
}

export class EventConfigs {
  readonly #store: EventStore;
  readonly #runtime: Runtime;
  readonly #entries = new Map<string, EventConfig>();
  #due: EventConfig[] = [];
  #isScheduled = false;
  #stop: () => void = () => {};

  constructor(store: EventStore, runtime: Runtime) {
    this.#store = store;
    this.#runtime = runtime;
  }

  start(): void {
    const sweep = () => {
      this.#refresh();
      this.#stop = this.#runtime.after(REFRESH_MS, sweep);
    };
    this.#stop = this.#runtime.after(REFRESH_MS, sweep);
  }

  close(): void {
    this.#stop();
  }

  /** The configuration under this key, young enough or not. Undefined when too many keys are in use to take another. */
  of(eventKey: string, now = this.#runtime.monotonicMs()): EventConfig | undefined {
    let config = this.#entries.get(eventKey);
    if (config === undefined) {
      if (this.#entries.size >= ENTRIES_MAX) return undefined;
      config = new EventConfig(eventKey);
      this.#entries.set(eventKey, config);
    }
    config.usedAt = now;
    return config;
  }

  /** The same without using it: undefined when nobody has for a while. */
  peek(eventKey: string): EventConfig | undefined {
    return this.#entries.get(eventKey);
  }

  isFresh(config: EventConfig, now = this.#runtime.monotonicMs()): boolean {
    return now - config.readAt < CONFIG_AGE_MS_MAX;
  }

  /** Calls `waiter(true)` once the configuration is young enough, `waiter(false)` when it cannot be read. */
  whenFresh(config: EventConfig, waiter: Waiter): void {
    config.waiters.push(waiter);
    this.#read(config);
  }

  /** Takes a record that this node has just written. */
  put(record: EventRecord, sentAt: number): void {
    this.of(record.eventKey)?.accept(record, sentAt);
  }

  #refresh(): void {
    const now = this.#runtime.monotonicMs();
    for (const config of this.#entries.values()) {
      if (now - config.usedAt > IN_USE_MS) {
        if (config.waiters.length === 0) this.#entries.delete(config.eventKey);
      } else if (now - config.readAt >= REFRESH_MS) this.#read(config);
    }
  }

  #read(config: EventConfig): void {
    if (config.isReading) return;
    config.isReading = true;
    this.#due.push(config);
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.#runtime.soon(() => {
      this.#isScheduled = false;
      const due = this.#due;
      this.#due = [];
      for (let i = 0; i < due.length; i += READ_KEYS_MAX) void this.#readNow(due.slice(i, i + READ_KEYS_MAX));
    });
  }

  async #readNow(configs: EventConfig[]): Promise<void> {
    const sentAt = this.#runtime.monotonicMs();
    const records = await this.#store.get(configs.map(({ eventKey }) => eventKey)).catch(() => null);
    configs.forEach((config, i) => {
      config.isReading = false;
      if (records !== null) config.accept(records[i] ?? null, sentAt);
      const waiters = config.waiters;
      config.waiters = [];
      const isFresh = this.isFresh(config);
      for (const waiter of waiters) waiter(isFresh);
    });
  }
}
