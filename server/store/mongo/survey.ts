/**
 * Reads every claims collection from end to end, in the order of claim keys, and says which collection a claim belongs in.
 * The unique indexes already keep what is asked here; a collection that has lost one is read for doubles as a whole.
 */
import type { Collection, Db } from 'mongodb';
import { MAIN_STORE, type SplitBy } from '../../../protocol/event.ts';
import { requestKeyOf } from '../../../protocol/key.ts';
import type { Conflict } from '../journal.ts';
import type { EventStore } from '../store.ts';
import type { CollectionStatus, RowFault, Survey, SurveyedClaim, SurveyedSlot } from '../survey.ts';
import { answerOf } from './connection.ts';
import { whatIndexesLack } from './guard-indexes.ts';
import { collectionOf } from './places.ts';
import { type ClaimDocument, COLLECTION, claimOfDocument, HAS_SLOT, isRequestIdAside, VOID_USER } from './schema.ts';

const READ_MS_MAX = 30_000;
/** Without its index, doubles are looked for among all claims at once. */
const GROUP_MS_MAX = 600_000;
const CLAIMS_NAME = /^user_events(?:_event_.+|_day_\d{8})?$/;
const BY_KEY = { _id: 1 } as const;
const FIELDS = { eventKey: 1, period: 1, userId: 1, requestId: 1, grantedAt: 1, attempt: 1 } as const;

type Found = Pick<ClaimDocument, '_id' | keyof typeof FIELDS>;
type ConflictDocument = { _id: string; journaled: ClaimDocument; stored: ClaimDocument; at: Date };

/** Counts and bytes from the server's own accounts. */
export async function collectionsOf(db: Db, isGuarded: (name: string) => boolean): Promise<CollectionStatus[]> {
  return Promise.all((await claimCollections(db)).map((name) => statusOf(db, name, isGuarded(name))));
}

async function statusOf(db: Db, name: string, isGuarded: boolean): Promise<CollectionStatus> {
  const stages = [{ $collStats: { storageStats: {} } }];
  const found = await answerOf(db.collection(name).aggregate(stages, LOCAL).toArray());
  // One row for each shard.
  const sum = (field: string) =>
    found.reduce((total, { storageStats }) => total + Number(storageStats?.[field] ?? 0), 0);
  const guard = isGuarded ? 'ok' : 'missing';
  return { name, claims: sum('count'), bytes: sum('size'), indexBytes: sum('totalIndexSize'), guard };
}

/** The only level at which the server tells its accounts. */
const LOCAL = { readConcern: { level: 'local' }, maxTimeMS: READ_MS_MAX } as const;

async function claimCollections(db: Db): Promise<string[]> {
  const found = await answerOf(db.listCollections({ name: CLAIMS_NAME }, { nameOnly: true }).toArray());
  return found.map(({ name }) => name).sort();
}

export type SurveyOptions = {
  db: Db;
  /** What this store is called, and the events of all stores. */
  name: string;
  events: Pick<EventStore, 'get'>;
};

export class MongoSurvey implements Survey {
  readonly #db: Db;
  readonly #name: string;
  readonly #events: Pick<EventStore, 'get'>;

  constructor({ db, name, events }: SurveyOptions) {
    this.#db = db;
    this.#name = name;
    this.#events = events;
  }

  /** `after` is a collection and the last claim key of it that was read; a collection begins with an empty key. */
  async claims({ limit, after }: { limit: number; after: string | null }): ReturnType<Survey['claims']> {
    const names = await claimCollections(this.#db);
    const [from, key = ''] = after?.split(' ') ?? [];
    const name = from ?? names[0];
    if (name === undefined) return { claims: [], faults: [], next: null };
    const read = await this.#found(name, { limit, key });
    // What takes the place of a claim that must never come is none.
    const found = read.filter(({ userId }) => userId !== VOID_USER);
    const faults = [
      ...(key === '' ? await this.#doubles(name) : []),
      ...found.flatMap(({ _id, requestId }) => (isRequestIdAside(requestId) ? [requestTwice(_id)] : [])),
      ...(await this.#wrong(name, found)),
      ...(await this.#elsewhere(
        names.filter((other) => other > name),
        found,
      )),
    ];
    const behind = names.find((other) => other > name);
    const last = read.at(-1);
    const isWhole = read.length < limit || last === undefined;
    return { claims: found.map(surveyed), faults, next: isWhole ? (behind ?? null) : `${name} ${last._id}` };
  }

  async slots(
    eventKey: string,
    { limit, after }: { limit: number; after: string | null },
  ): ReturnType<Survey['slots']> {
    const names = await claimCollections(this.#db);
    const [from, key = `${eventKey}/`] = after?.split(' ') ?? [];
    const name = from ?? names[0];
    if (name === undefined) return { slots: [], next: null };
    const found = await answerOf(
      this.#claimsIn(name)
        .find({ _id: { $gt: key, $lt: `${eventKey}0` }, slot: HAS_SLOT })
        .project<Found & { slot: number }>({ slot: 1, period: 1, grantedAt: 1 })
        .sort(BY_KEY)
        .hint(BY_KEY)
        .limit(limit)
        .maxTimeMS(READ_MS_MAX)
        .toArray(),
    );
    const slots = found.map(({ _id, period, grantedAt, slot }): SurveyedSlot => {
      return { claimKey: _id, period, grantedAt: grantedAt.getTime(), slot };
    });
    const behind = names.find((other) => other > name);
    return { slots, next: found.length < limit ? (behind ?? null) : `${name} ${found.at(-1)?._id}` };
  }

  async conflicts({ limit, after }: { limit: number; after: string | null }): ReturnType<Survey['conflicts']> {
    const conflicts = this.#db.collection<ConflictDocument>(COLLECTION.conflicts);
    const filter = after === null ? {} : { _id: { $gt: after } };
    const found = await answerOf(conflicts.find(filter).sort(BY_KEY).limit(limit).maxTimeMS(READ_MS_MAX).toArray());
    return { conflicts: found.map(conflictOf), next: found.length < limit ? null : (found.at(-1)?._id ?? null) };
  }

  #claimsIn(name: string): Collection<ClaimDocument> {
    return this.#db.collection<ClaimDocument>(name);
  }

  #found(name: string, { limit, key }: { limit: number; key: string }): Promise<Found[]> {
    const cursor = this.#claimsIn(name)
      .find({ _id: { $gt: key } })
      .project<Found>(FIELDS);
    return answerOf(cursor.sort(BY_KEY).hint(BY_KEY).limit(limit).maxTimeMS(READ_MS_MAX).toArray());
  }

  /** Of a collection without its guard. With it the server has refused the second. */
  async #doubles(name: string): Promise<RowFault[]> {
    const lacking = whatIndexesLack(await answerOf(this.#claimsIn(name).listIndexes().toArray()));
    if (lacking === null) return [];
    const stages = [
      { $group: { _id: { userId: '$userId', requestId: '$requestId' }, keys: { $push: '$_id' } } },
      { $match: { 'keys.1': { $exists: true } } },
    ];
    const options = { allowDiskUse: true, maxTimeMS: GROUP_MS_MAX };
    const groups = await answerOf(this.#claimsIn(name).aggregate<{ keys: string[] }>(stages, options).toArray());
    // What stands for the collection has no claim of its own.
    const [first] = await this.#found(name, { limit: 1, key: '' });
    const guard: RowFault[] = first === undefined ? [] : [{ kind: 'guardMissing', claimKey: first._id }];
    return [...guard, ...groups.flatMap(({ keys }) => keys.map(requestTwice))];
  }

  /** An event that is not known may have its claims nowhere but in the collection of all. */
  async #wrong(collection: string, found: readonly Found[]): Promise<RowFault[]> {
    const eventKeys = [...new Set(found.map(({ eventKey }) => eventKey))];
    const events = new Map((await this.#events.get(eventKeys)).map((event, i) => [eventKeys[i], event]));
    return found
      .filter((claim) => {
        const { store = MAIN_STORE, splitBy } = events.get(claim.eventKey) ?? {};
        return store !== this.#name || !liesWell(claim, splitBy, collection);
      })
      .map(({ _id }) => ({ kind: 'wrongCollection', claimKey: _id }));
  }

  /** No index reaches across collections. */
  async #elsewhere(names: readonly string[], found: readonly Found[]): Promise<RowFault[]> {
    if (names.length === 0 || found.length === 0) return [];
    const own = new Map(found.map((claim) => [requestKeyOf(claim.userId, claim.requestId), claim._id]));
    const filter = {
      userId: { $in: found.map(({ userId }) => userId) },
      requestId: { $in: found.map(({ requestId }) => requestId) },
    };
    const others = await Promise.all(
      names.map((name) => {
        const cursor = this.#claimsIn(name).find(filter).project<Found>(FIELDS).maxTimeMS(READ_MS_MAX);
        return answerOf(cursor.toArray());
      }),
    );
    return others.flat().flatMap(({ _id, userId, requestId }) => {
      const key = own.get(requestKeyOf(userId, requestId));
      return key === undefined || key === _id ? [] : [requestTwice(_id)];
    });
  }
}

function liesWell(claim: Found, splitBy: SplitBy | undefined, name: string): boolean {
  try {
    return collectionOf(claim, splitBy) === name;
  } catch {
    return false;
  }
}

function requestTwice(claimKey: string): RowFault {
  return { kind: 'requestTwice', claimKey };
}

function surveyed({ _id, eventKey, period, grantedAt, attempt }: Found): SurveyedClaim {
  return { claimKey: _id, eventKey, period, grantedAt: grantedAt.getTime(), attempt };
}

function conflictOf({ journaled, stored, at }: ConflictDocument): Conflict {
  return { journaled: claimOfDocument(journaled), stored: claimOfDocument(stored), at: at.getTime() };
}
