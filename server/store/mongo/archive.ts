/**
 * Removes archived claims from their collection, each by its exact `_id` and attempt, and then what kept the keys of the period
 * void. It never drops a collection: the serving user needs no right to do so. One that stays empty for good is given up
 * instead, by its record in `meta`, and an operator may drop it.
 */
import type { Collection, Db } from 'mongodb';
import type { Archive, Place, Series } from '../archive.ts';
import type { ClaimRecord } from '../store.ts';
import type { ClaimPlaces } from './claim-places.ts';
import { usersOf } from './claim-scans.ts';
import { answerOf } from './connection.ts';
import { collectionOf, dayOf, keepsEvent, SPLIT_NAME } from './places.ts';
import {
  type ClaimDocument,
  type ClaimsRecord,
  COLLECTION,
  idOfClaimsRecord,
  PLACES_ID,
  type PlacesRecord,
  RECORDS_OF_CLAIMS,
  REQUEST_INDEX,
  VOID_USER,
} from './schema.ts';

const REMOVE_MAX = 500;
const READ_MS_MAX = 5_000;
const BY_KEY = { _id: 1 } as const;
/** What comes right behind the keys that begin with a slash at this place. */
const BEHIND_SLASH = '0';

export type MongoArchiveOptions = { db: Db; places: ClaimPlaces };

export class MongoArchive implements Archive {
  readonly removeMax = REMOVE_MAX;
  readonly #db: Db;
  readonly #places: ClaimPlaces;

  constructor({ db, places }: MongoArchiveOptions) {
    this.#db = db;
    this.#places = places;
  }

  async periods(place: Place): Promise<string[]> {
    const found: string[] = [];
    for (const { collection } of await this.#places.all()) {
      if (!keepsEvent(collection, place)) continue;
      const day = dayOf(collection);
      if (day === null) found.push(...(await this.#periodsIn(collection, place.eventKey)));
      else if ((await this.#firstKey(collection, `${place.eventKey}/${day}/`)) !== null) found.push(day);
    }
    return found;
  }

  async remove(series: Series, claims: readonly ClaimRecord[]): Promise<number> {
    if (claims.length === 0) return 0;
    const deletes = claims.map(({ claimKey, eventKey, period, userId, attempt, delivery }) => ({
      deleteOne: {
        filter: {
          ...{ _id: claimKey, eventKey, period, userId, attempt },
          ...{ 'delivery.state': delivery.state, 'delivery.attempts': delivery.attempts },
        },
      },
    }));
    const { deletedCount } = await answerOf(this.#claimsIn(series).bulkWrite(deletes, { ordered: false }));
    return deletedCount;
  }

  async clear(series: Series): Promise<void> {
    const { eventKey, period } = series;
    const under = `${eventKey}/${period}/`;
    const claims = this.#claimsIn(series);
    if ((await usersOf(claims, series, { limit: REMOVE_MAX })).length > 0) return;
    const voided = { userId: VOID_USER, requestId: { $gt: under, $lt: behind(under) } };
    for (let count = REMOVE_MAX; count === REMOVE_MAX; ) {
      const cursor = claims.find(voided, { hint: REQUEST_INDEX.key, maxTimeMS: READ_MS_MAX });
      const keys = (await answerOf(cursor.project<{ _id: string }>(BY_KEY).limit(REMOVE_MAX).toArray())).map(
        ({ _id }) => _id,
      );
      count = keys.length;
      if (count > 0) await answerOf(claims.deleteMany({ _id: { $in: keys }, userId: VOID_USER }));
    }
  }

  async retire({ dayMax, events }: { dayMax: string; events: readonly Place[] }): Promise<string[]> {
    const ofEvents = new Set(events.map((event) => collectionOf({ ...event, period: '' }, 'event')));
    for (const { collection } of await this.#places.all()) {
      const day = dayOf(collection);
      if (day === null ? !ofEvents.has(collection) : day > dayMax) continue;
      if ((await this.#firstKey(collection, '')) === null) await this.#giveUp(collection);
    }
    const records = this.#db.collection<ClaimsRecord>(COLLECTION.meta).find({ ...RECORDS_OF_CLAIMS, isRetired: true });
    const retired = new Set((await answerOf(records.toArray())).map(({ collection }) => collection));
    const there = await answerOf(this.#db.listCollections({ name: SPLIT_NAME }, { nameOnly: true }).toArray());
    const names = there.map(({ name }) => name).filter((name) => retired.has(name));
    return names.sort();
  }

  /** Others learn of it as they learn of a new one. */
  async #giveUp(collection: string): Promise<void> {
    const meta = this.#db.collection<ClaimsRecord>(COLLECTION.meta);
    await answerOf(meta.updateOne({ _id: idOfClaimsRecord(collection) }, { $set: { isRetired: true } }));
    const places = this.#db.collection<PlacesRecord>(COLLECTION.meta);
    await answerOf(places.updateOne({ _id: PLACES_ID }, { $inc: { count: 1 } }, { upsert: true }));
  }

  /** From period to period: one look-up each. */
  async #periodsIn(collection: string, eventKey: string): Promise<string[]> {
    const periods: string[] = [];
    for (let from = `${eventKey}/`; ; ) {
      const key = await this.#firstKey(collection, from, behind(`${eventKey}/`));
      const period = key?.slice(eventKey.length + 1).split('/')[0];
      if (period === undefined) return periods;
      periods.push(period);
      from = behind(`${eventKey}/${period}/`);
    }
  }

  /** The first key of a claim, or of one that is void, from there on. */
  async #firstKey(collection: string, from: string, end = from === '' ? null : behind(from)): Promise<string | null> {
    const range = end === null ? { $gte: from } : { $gte: from, $lt: end };
    const options = { projection: BY_KEY, sort: BY_KEY, hint: BY_KEY, maxTimeMS: READ_MS_MAX } as const;
    const claims = this.#db.collection<ClaimDocument>(collection);
    return (await answerOf(claims.findOne({ _id: range }, options)))?._id ?? null;
  }

  #claimsIn(series: Series): Collection<ClaimDocument> {
    return this.#db.collection<ClaimDocument>(collectionOf(series, series.splitBy));
  }
}

function behind(prefix: string): string {
  return prefix.slice(0, -1) + BEHIND_SLASH;
}
