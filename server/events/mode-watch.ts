/**
 * Keeps events to their schedules, and finishes switches that a writer of the journal left behind. It runs on the
 * journal's writer alone, because nobody else can switch.
 *
 * Every second it reads the events that have a schedule, so that each switch begins within a second of its hour, and one
 * page of all events, so that it finds what was written elsewhere without ever reading everything at once. What fails is
 * logged and tried again a second later.
 */
import type { Runtime } from '../../protocol/runtime.ts';
import type { Clock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import type { EventRecord, EventStore } from '../store/store.ts';
import type { Events } from './events.ts';
import type { JournalDoor } from './journal-door.ts';
import { wantedMode } from './mode-schedule.ts';
import { isProblem } from './writes.ts';

const LOOK_MS = 1_000;
const PAGE_LENGTH = 500;
/** Switches begun by one node at once; with more at the same hour each waits for its turn. */
const SWITCHES_MAX = 50;

export type ModeWatchOptions = {
  store: EventStore;
  events: Pick<Events, 'setMode' | 'isSwitching'>;
  journal: JournalDoor;
  clock: Clock;
  runtime: Runtime;
  log: Log;
  /** An event was switched here by its schedule; resolves when that is written down. */
  switched: (change: { before: EventRecord; after: EventRecord }) => Promise<void>;
};

export class ModeWatch {
  readonly #options: ModeWatchOptions;
  /** Events worth a look each second. */
  readonly #watched = new Set<string>();
  #after: string | undefined;
  #switching = 0;
  #cancel: () => void = () => {};
  #isStopped = false;

  constructor(options: ModeWatchOptions) {
    this.#options = options;
  }

  start(): void {
    if (this.#isStopped) return;
    this.#cancel = this.#options.runtime.after(LOOK_MS, () => {
      void this.#look()
        .catch((error: unknown) => this.#options.log.warn({ err: error }, 'schedules of modes could not be read'))
        .finally(() => this.start());
    });
  }

  stop(): void {
    this.#isStopped = true;
    this.#cancel();
  }

  async #look(): Promise<void> {
    const { journal, clock } = this.#options;
    if (journal.away() !== null) {
      // Whoever writes meanwhile may leave something behind anywhere.
      this.#after = undefined;
      return;
    }
    await this.#walk();
    for (const event of await this.#read([...this.#watched])) {
      const due = dueSwitch(event, clock.nowMs());
      if (due !== null) this.#switch(event, due);
    }
  }

  /** One page of all events, from the first again after the last. */
  async #walk(): Promise<void> {
    const after = this.#after === undefined ? {} : { after: this.#after };
    const page = await this.#options.store.list({ limit: PAGE_LENGTH, ...after });
    this.#after = page.length < PAGE_LENGTH ? undefined : page.at(-1)?.eventKey;
    for (const event of page) if (isWatched(event)) this.#watched.add(event.eventKey);
  }

  async #read(eventKeys: readonly string[]): Promise<EventRecord[]> {
    const found: EventRecord[] = [];
    for (let i = 0; i < eventKeys.length; i += PAGE_LENGTH) {
      const keys = eventKeys.slice(i, i + PAGE_LENGTH);
      const records = await this.#options.store.get(keys);
      for (const [at, record] of records.entries()) {
        if (record !== null && isWatched(record)) found.push(record);
        else this.#watched.delete(keys[at] ?? '');
      }
    }
    return found;
  }

  #switch(before: EventRecord, { mode, by }: Due): void {
    const { events, log, switched } = this.#options;
    const { eventKey } = before;
    if (this.#isStopped || this.#switching >= SWITCHES_MAX || events.isSwitching(eventKey)) return;
    this.#switching++;
    const done = events.setMode(eventKey, mode, by).then(async (after) => {
      if (isProblem(after)) log.warn({ eventKey, mode, code: after.code }, 'an event could not be switched yet');
      else if (after.configVersion !== before.configVersion) await switched({ before, after });
    });
    void done
      .catch((error: unknown) => log.warn({ eventKey, mode, err: error }, 'an event could not be switched'))
      .finally(() => {
        this.#switching--;
      });
  }
}

type Due = NonNullable<EventRecord['modeNext']>;

/** What is to be done about an event; null when it is as it should be. */
function dueSwitch(event: EventRecord, now: number): Due | null {
  if (event.modeNext !== undefined) return event.modeNext;
  if (event.state !== 'LIVE') return null;
  const wanted = wantedMode(event, now);
  return wanted === event.mode ? null : { mode: wanted, by: 'schedule' };
}

function isWatched({ modeSchedule = [], modeNext }: EventRecord): boolean {
  return modeSchedule.length > 0 || modeNext !== undefined;
}
