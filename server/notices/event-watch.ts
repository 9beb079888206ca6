/**
 * Finds out how the events that somebody wants to hear of stand, and says so when that changes. Configurations are those
 * by which claims are decided, which are never older than a second; stock is read from the claims themselves, because
 * other nodes grant as well.
 */
import type { Runtime } from '../../protocol/runtime.ts';
import type { EventConfigs } from '../events/configs.ts';
import { isArchived } from '../rules/archived.ts';
import { spanAt } from '../rules/calendar.ts';
import { claimInstant } from '../rules/decide.ts';
import type { EventRecord, Store } from '../store/store.ts';
import { isSame, type Standing, stateAt } from './standing.ts';

const LOOK_MS = 500;
/** Reads of stock in one look; with more events each waits for its turn. */
const STOCK_READS_MAX = 100;
/** The newest claim has the highest slot, but for those that two nodes granted in the same moment. */
const NEWEST_CLAIMS = 20;

export type EventWatchOptions = {
  store: Pick<Store, 'claims' | 'events'>;
  configs: Pick<EventConfigs, 'of' | 'isFresh'>;
  runtime: Runtime;
  nowMs: () => number;
  /** The events to look at. */
  wanted: () => Iterable<string>;
  changed: (standing: Standing) => void;
};

export class EventWatch {
  readonly #options: EventWatchOptions;
  readonly #known = new Map<string, Standing>();
  #skipped = 0;
  #cancel: () => void = () => {};
  #isStopped = false;

  constructor(options: EventWatchOptions) {
    this.#options = options;
  }

  start(): void {
    if (this.#isStopped) return;
    this.#cancel = this.#options.runtime.after(LOOK_MS, () => {
      void this.#look()
        .catch(() => {})
        .finally(() => this.start());
    });
  }

  stop(): void {
    this.#isStopped = true;
    this.#cancel();
  }

  /** As they stand now; events that do not exist are left out. Rejects with StoreUnavailable. */
  async standings(eventKeys: readonly string[]): Promise<Standing[]> {
    const { store, nowMs } = this.#options;
    const records = eventKeys.length === 0 ? [] : await store.events.get(eventKeys);
    const found = records.filter((record) => record !== null);
    const standings: Standing[] = [];
    for (const record of found) standings.push(await this.#standingOf(record, nowMs()));
    for (const standing of standings) if (!this.#known.has(standing.eventKey)) this.#keep(standing);
    return standings;
  }

  /** Whatever is not known is told when it is seen first: an event may be made after somebody asked for it. */
  async #look(): Promise<void> {
    const { configs, wanted, nowMs } = this.#options;
    const keys = [...wanted()];
    this.#forget(new Set(keys));
    const from = this.#skipped;
    let reads = 0;
    for (let i = 0; i < keys.length; i++) {
      const key = keys[(from + i) % keys.length] as string;
      const config = configs.of(key);
      if (config?.record == null || !configs.isFresh(config)) continue;
      if (config.record.stock !== null && ++reads > STOCK_READS_MAX) {
        this.#skipped = (from + i) % keys.length;
        return;
      }
      const standing = await this.#standingOf(config.record, nowMs());
      if (isSame(this.#known.get(key), standing)) continue;
      this.#keep(standing);
      this.#options.changed(standing);
    }
  }

  async #standingOf(event: EventRecord, now: number): Promise<Standing> {
    const { eventKey, stock } = event;
    const stockLeft = stock === null ? null : Math.max(0, stock - (await this.#taken(event, now)));
    return { eventKey, state: stateAt(event, now), stockLeft };
  }

  /** Of an archived period nothing can be had any more, however much of it was granted. */
  async #taken(event: EventRecord, now: number): Promise<number> {
    const span = spanAt(event, claimInstant(event, now));
    if (isArchived(event, span)) return event.stock ?? 0;
    const filter = { eventKey: event.eventKey, from: Math.max(0, span.startsAt) };
    const newest = await this.#options.store.claims.list(filter, { limit: NEWEST_CLAIMS });
    return newest.reduce(
      (highest, { slot, period }) => (period === span.id ? Math.max(highest, slot ?? 0) : highest),
      0,
    );
  }

  #keep(standing: Standing): void {
    this.#known.set(standing.eventKey, standing);
  }

  #forget(wanted: ReadonlySet<string>): void {
    for (const key of this.#known.keys()) if (!wanted.has(key)) this.#known.delete(key);
  }
}
