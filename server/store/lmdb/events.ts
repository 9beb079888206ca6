/** The events of the embedded store. The condition and the write are one transaction, so that one of many holds. */
import type { EventRecord, EventStore } from '../store.ts';
import type { Transactions } from './transactions.ts';

export class LmdbEvents implements EventStore {
  readonly #transactions: Transactions;

  constructor(transactions: Transactions) {
    this.#transactions = transactions;
  }

  get(eventKeys: readonly string[]): Promise<(EventRecord | null)[]> {
    return this.#transactions.read(({ events }) => eventKeys.map((eventKey) => events.get(eventKey) ?? null));
  }

  create(event: EventRecord): Promise<boolean> {
    return this.#putIf(event, (stored) => stored === undefined);
  }

  replace(event: EventRecord): Promise<boolean> {
    return this.#putIf(event, (stored) => stored !== undefined && stored.revision === event.revision - 1);
  }

  list({ limit, after }: { limit: number; after?: string }): Promise<EventRecord[]> {
    const range = after === undefined ? { limit } : { limit, start: after, exclusiveStart: true };
    return this.#transactions.read(({ events }) => Array.from(events.getRange(range), ({ value }) => value));
  }

  #putIf(event: EventRecord, holds: (stored: EventRecord | undefined) => boolean): Promise<boolean> {
    return this.#transactions.commitOrThrow(({ events }) => {
      if (!holds(events.get(event.eventKey))) return false;
      events.putSync(event.eventKey, event);
      return true;
    });
  }
}
