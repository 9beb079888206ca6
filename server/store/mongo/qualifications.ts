/**
 * Who may claim listed events: one document per event and user whose `_id` is both and which holds nothing else. Beside it
 * a log of what changed, from which servers keep lists in memory. A change and its entry are one transaction, in turns, so
 * that the numbers of the log follow the order of the commits and none is missing but those that MongoDB has removed as old.
 */
import type { Collection, Db } from 'mongodb';
import { lockKeyOf } from '../../../protocol/key.ts';
import type { Runtime } from '../../../protocol/runtime.ts';
import type { QualificationChange, QualificationStore } from '../store.ts';
import { answerOf } from './connection.ts';
import { CODE, ignoring } from './format.ts';
import { COLLECTION, type IndexSpec } from './schema.ts';
import { createTurns, type Turn, type Turns } from './turns.ts';

/** Users of one transaction. */
const CHUNK = 2_500;
const READ_MS_MAX = 2_000;
const SCAN_MS_MAX = 5_000;
/** Entries of the log of one answer: some hundred kilobytes each at the most. */
const PAGE = 20;
/** How long an entry is kept. A server that is further behind reads its lists anew. */
const LOG_SECONDS = 3_600;

type Listed = { _id: string };
type LogEntry = Omit<QualificationChange, 'number'> & { _id: number; at: Date };
type Options = { house: Db; claims: Db; turns: Turns; runtime: Runtime };

/** Collections are made before the first transaction that writes them: two that make one would fail each other. */
export async function openQualifications(
  { house, claims }: { house: Db; claims: Db },
  conditions: { runtime: Runtime; abilities: { transactions: boolean } },
): Promise<MongoQualifications> {
  const expiry: IndexSpec = { name: 'expiry', key: { at: 1 }, expireAfterSeconds: LOG_SECONDS };
  const [turns] = await Promise.all([
    createTurns(house, 'qualifications', conditions),
    ignoring(CODE.namespaceExists, house.createCollection(COLLECTION.qualifications)),
    house.command({
      createIndexes: COLLECTION.qualificationLog,
      indexes: [expiry],
      writeConcern: { w: 'majority' },
    }),
  ]);
  return new MongoQualifications({ house, claims, turns, runtime: conditions.runtime });
}

export class MongoQualifications implements QualificationStore {
  readonly #listed: Collection<Listed>;
  readonly #looked: Collection<Listed>;
  readonly #log: Collection<LogEntry>;
  readonly #turns: Turns;
  readonly #runtime: Runtime;

  /** Look-ups of claims go with the other questions that claims have; changes must not make them wait. */
  constructor({ house, claims, turns, runtime }: Options) {
    this.#listed = house.collection<Listed>(COLLECTION.qualifications);
    this.#looked = claims.collection<Listed>(COLLECTION.qualifications);
    this.#log = house.collection<LogEntry>(COLLECTION.qualificationLog);
    this.#turns = turns;
    this.#runtime = runtime;
  }

  async add(eventKey: string, userIds: readonly string[]): Promise<{ added: number; existing: number }> {
    let added = 0;
    for (const chunk of chunksOf(userIds)) added += await this.#add(eventKey, chunk);
    return { added, existing: userIds.length - added };
  }

  async remove(eventKey: string, userIds: readonly string[]): Promise<{ removed: number; absent: number }> {
    let removed = 0;
    for (const chunk of chunksOf(userIds)) removed += await this.#remove(eventKey, chunk);
    return { removed, absent: userIds.length - removed };
  }

  async has(pairs: readonly { eventKey: string; userId: string }[]): Promise<boolean[]> {
    if (pairs.length === 0) return [];
    const ids = pairs.map(({ eventKey, userId }) => lockKeyOf(eventKey, userId));
    const listed = await answerOf(foundOf(this.#looked, ids));
    return ids.map((id) => listed.has(id));
  }

  async list(eventKey: string, { limit, after }: { limit: number; after?: string }): Promise<string[]> {
    const under = lockKeyOf(eventKey, '');
    const from = after === undefined ? { $gte: under } : { $gt: under + after };
    const options = { sort: { _id: 1 }, limit, batchSize: limit + 1, maxTimeMS: SCAN_MS_MAX } as const;
    // The character behind the slash: everything under an event's key lies between the two.
    const cursor = this.#listed.find({ _id: { ...from, $lt: `${eventKey}0` } }, options);
    return (await answerOf(cursor.toArray())).map(({ _id }) => _id.slice(under.length));
  }

  /** The counter is read first: all entries up to it were committed with it, so one that is missing was removed. */
  async changes(
    mark: number | null,
  ): Promise<{ changes: QualificationChange[]; mark: number; isLast: boolean } | null> {
    const last = await answerOf(this.#turns.count());
    if (mark === null) return { changes: [], mark: last, isLast: true };
    const options = { sort: { _id: 1 }, limit: PAGE, batchSize: PAGE + 1, maxTimeMS: READ_MS_MAX } as const;
    const found = await answerOf(this.#log.find({ _id: { $gt: mark } }, options).toArray());
    const reached = mark + found.length;
    if (found.some(({ _id }, index) => _id !== mark + 1 + index)) return null;
    if (reached < last && found.length < PAGE) return null;
    const changes = found
      .filter(({ userIds }) => userIds.length > 0)
      .map(({ _id: number, kind, eventKey, userIds }) => ({ number, kind, eventKey, userIds }));
    return { changes, mark: reached, isLast: reached >= last };
  }

  /** Those who are on the list already need no turn. */
  async #add(eventKey: string, userIds: readonly string[]): Promise<number> {
    const ids = userIds.map((userId) => lockKeyOf(eventKey, userId));
    const found = await answerOf(foundOf(this.#listed, ids));
    if (found.size === ids.length) return 0;
    return this.#turns.take(1, async (turn) => {
      const listed = await foundOf(this.#listed, ids, turn);
      const missing = userIds.filter((_, index) => !listed.has(ids[index] as string));
      const documents = missing.map((userId) => ({ _id: lockKeyOf(eventKey, userId) }));
      if (documents.length > 0) await this.#listed.insertMany(documents, optionsOf(turn));
      await this.#append({ kind: 'added', eventKey, userIds: missing }, turn);
      return missing.length;
    });
  }

  async #remove(eventKey: string, userIds: readonly string[]): Promise<number> {
    const ids = userIds.map((userId) => lockKeyOf(eventKey, userId));
    if ((await answerOf(foundOf(this.#listed, ids))).size === 0) return 0;
    return this.#turns.take(1, async (turn) => {
      const listed = await foundOf(this.#listed, ids, turn);
      if (listed.size > 0) await this.#listed.deleteMany({ _id: { $in: [...listed] } }, optionsOf(turn));
      const removed = userIds.filter((_, index) => listed.has(ids[index] as string));
      await this.#append({ kind: 'removed', eventKey, userIds: removed }, turn);
      return removed.length;
    });
  }

  /** Also when nothing has changed after all: a number without an entry would look like one that was removed. */
  #append(change: Omit<QualificationChange, 'number'>, turn: Turn): Promise<unknown> {
    const at = new Date(this.#runtime.wallMs());
    return this.#log.insertOne({ _id: turn.count, ...change, at }, optionsOf(turn));
  }
}

/** Inside a turn errors go out as they are: some of them begin the turn again. */
async function foundOf(listed: Collection<Listed>, ids: readonly string[], turn?: Turn): Promise<Set<string>> {
  const limits = { batchSize: ids.length + 1, maxTimeMS: READ_MS_MAX };
  const options = turn === undefined ? limits : { ...limits, ...optionsOf(turn) };
  const found = await listed.find({ _id: { $in: [...ids] } }, options).toArray();
  return new Set(found.map(({ _id }) => _id));
}

function optionsOf({ session }: Turn): { session: NonNullable<Turn['session']> } | Record<never, never> {
  return session === undefined ? {} : { session };
}

/** Without repeats, which one command could not tell from documents of others. */
function chunksOf(userIds: readonly string[]): string[][] {
  const unique = [...new Set(userIds)];
  return Array.from({ length: Math.ceil(unique.length / CHUNK) }, (_, index) =>
    unique.slice(index * CHUNK, (index + 1) * CHUNK),
  );
}
