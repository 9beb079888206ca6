/**
 * The collections of claims at hand: for each its reads and its inserter. One is made, with its indexes and its record in
 * `meta`, before the first claim that belongs there. What was recorded once is never made again; see `guard.ts`.
 */
import type { Db } from 'mongodb';
import { reasonOf } from '../../lib/reason.ts';
import { StoreUnavailable } from '../store.ts';
import { ClaimReads } from './claim-reads.ts';
import { answerOf } from './connection.ts';
import { openSplitCollection } from './format.ts';
import { ClaimInserter, type InserterOptions } from './inserter.ts';
import { COLLECTION, PLACES_ID, type PlacesRecord } from './schema.ts';

const READ_MS_MAX = 2_000;

export type Place = { readonly collection: string; readonly reads: ClaimReads; readonly inserter: ClaimInserter };

/** `db` carries claims, `house` everything that must not wait behind them. */
export type ClaimPlacesOptions = InserterOptions & { house: Db; label: string };

export class ClaimPlaces {
  readonly #options: ClaimPlacesOptions;
  readonly #places = new Map<string, Place>();
  readonly #making = new Map<string, Promise<void>>();
  /** Of collections recorded, when they were last read. */
  #count = 0;

  constructor(options: ClaimPlacesOptions) {
    this.#options = options;
  }

  /** Those that are known, without asking. */
  get known(): Place[] {
    return this.#options.guard.collections.map((collection) => this.#place(collection));
  }

  /** All that hold a claim acknowledged before the call, by whichever server. Rejects with StoreUnavailable. */
  async all(): Promise<Place[]> {
    const meta = this.#options.house.collection<PlacesRecord>(COLLECTION.meta);
    const record = await answerOf(meta.findOne({ _id: PLACES_ID }, { maxTimeMS: READ_MS_MAX }));
    const count = record?.count ?? 0;
    if (count !== this.#count) {
      await answerOf(this.#options.guard.refresh());
      this.#count = count;
    }
    return this.known;
  }

  /** Makes the collection when nobody has yet. Rejects with StoreUnavailable, then nothing of any claim was sent. */
  async of(collection: string): Promise<Place> {
    if (!this.#options.guard.collections.includes(collection)) await this.#made(collection);
    return this.#place(collection);
  }

  /** See `Guard.keeping`. */
  keeping(): Record<string, string> {
    return this.#options.guard.keeping();
  }

  /** See `Guard.isMissing`. */
  isUnguarded(collection: string): boolean {
    return this.#options.guard.isMissing(collection);
  }

  /** Looks at its guards now. Rejects with StoreUnavailable. */
  lookAgain(collection: string): Promise<void> {
    return answerOf(this.#options.guard.lookAgain(collection));
  }

  #place(collection: string): Place {
    let place = this.#places.get(collection);
    if (place === undefined) {
      const reads = new ClaimReads(this.#options.db, collection);
      place = { collection, reads, inserter: new ClaimInserter(collection, this.#options) };
      this.#places.set(collection, place);
    }
    return place;
  }

  #made(collection: string): Promise<void> {
    let making = this.#making.get(collection);
    if (making === undefined) {
      making = this.#make(collection).finally(() => this.#making.delete(collection));
      this.#making.set(collection, making);
    }
    return making;
  }

  async #make(collection: string): Promise<void> {
    const { house, label, guard, log } = this.#options;
    try {
      await openSplitCollection(house, collection, label);
      await guard.refresh();
    } catch (error) {
      const reason = reasonOf(error);
      log.warn({ collection, reason }, 'a collection of claims could not be made');
      throw new StoreUnavailable(`${collection} could not be made: ${reason}`, { cause: error });
    }
  }
}
