/**
 * What the claims of one event, period and configuration share, under the number that stands in each of them. Numbers
 * count up; one that a block in the journal still names is never given again.
 */
import type { EventConfig } from '../events/configs.ts';
import type { Span } from '../rules/calendar.ts';
import { bodyOfSeries, type Series } from '../store/block/series.ts';
import type { EventRecord } from '../store/store.ts';
import type { Window } from './windows.ts';

const NO_HINT = -1;

export class Entry {
  readonly id: number;
  readonly series: Series;
  readonly window: Window;
  /** As a block describes it. */
  readonly body: Uint8Array;
  /** By what its claims are decided; null for one of an earlier boot. */
  readonly by: { config: EventConfig; event: EventRecord; span: Span } | null;
  /** The sequence of the last block that describes it. */
  describedIn = 0;
  /** Under which `Foresight` knows the index of the window; see `hintOf`. */
  eventHint = NO_HINT;

  constructor(id: number, series: Series, window: Window, by: Entry['by']) {
    this.id = id;
    this.series = series;
    this.window = window;
    this.body = bodyOfSeries(series);
    this.by = by;
  }
}

export class Entries {
  readonly byId = new Map<number, Entry>();
  #last = 0;

  /** One of an earlier boot, under its own number. */
  restore(id: number, series: Series, window: Window): Entry {
    const entry = new Entry(id, series, window, null);
    this.byId.set(id, entry);
    this.#last = Math.max(this.#last, id);
    return entry;
  }

  make(window: Window, by: NonNullable<Entry['by']>): Entry {
    const { eventKey, configVersion, rewards } = by.event;
    const entry = new Entry(++this.#last, { eventKey, period: window.period, configVersion, rewards }, window, by);
    this.byId.set(entry.id, entry);
    return entry;
  }

  /** Forgets those of a window whose claims are no longer asked about. */
  drop(window: Window): void {
    for (const [id, entry] of this.byId) if (entry.window === window) this.byId.delete(id);
  }

  clear(): void {
    this.byId.clear();
  }
}
