/**
 * Revocations, numbered in turns: the numbers follow the order of the commits, so a majority read that shows one shows all
 * with lower numbers, and the highest number read is a mark that nothing can come in behind. No clock has a part in it.
 * (The other way, a server's time less some overlap, misses what was stamped before a clock jumped and committed after.)
 * Those that wait while a turn runs share the next one. What MongoDB removes after `until` is a gap that nobody minds.
 */
import type { Collection, Db } from 'mongodb';
import type { Revocation, RevocationStore } from '../accounts.ts';
import { documentOfRevocation, type RevocationDocument, revocationOfDocument } from './account-schema.ts';
import { answerOf } from './connection.ts';
import { COLLECTION } from './schema.ts';
import type { Turns } from './turns.ts';

const READ_MS_MAX = 5_000;
const BATCH = 10_000;

type Waiting = { revocations: readonly Revocation[]; resolve: () => void; reject: (cause: unknown) => void };

export class MongoRevocations implements RevocationStore {
  readonly #revocations: Collection<RevocationDocument>;
  readonly #turns: Turns;
  #waiting: Waiting[] = [];
  #isRunning = false;

  constructor(db: Db, turns: Turns) {
    this.#revocations = db.collection<RevocationDocument>(COLLECTION.revocations);
    this.#turns = turns;
  }

  async add(revocations: readonly Revocation[]): Promise<void> {
    if (revocations.length === 0) return;
    const added = new Promise<void>((resolve, reject) => {
      this.#waiting.push({ revocations, resolve, reject });
    });
    if (!this.#isRunning) void this.#drain();
    await added;
  }

  async since(mark: string | null): Promise<{ revocations: Revocation[]; mark: string }> {
    const last = mark === null ? 0 : Number(mark);
    const options = { sort: { _id: 1 }, batchSize: BATCH, maxTimeMS: READ_MS_MAX } as const;
    const found = await answerOf(this.#revocations.find({ _id: { $gt: last } }, options).toArray());
    return { revocations: found.map(revocationOfDocument), mark: String(found.at(-1)?._id ?? last) };
  }

  /** Never rejects. */
  async #drain(): Promise<void> {
    this.#isRunning = true;
    while (this.#waiting.length > 0) {
      const group = this.#waiting.splice(0);
      try {
        await this.#insert(group.flatMap(({ revocations }) => revocations));
        for (const { resolve } of group) resolve();
      } catch (cause) {
        for (const { reject } of group) reject(cause);
      }
    }
    this.#isRunning = false;
  }

  #insert(revocations: readonly Revocation[]): Promise<unknown> {
    return this.#turns.take(revocations.length, ({ session, count }) => {
      const first = count - revocations.length + 1;
      const documents = revocations.map((revocation, index) => documentOfRevocation(revocation, first + index));
      return this.#revocations.insertMany(documents, session === undefined ? {} : { session });
    });
  }
}
