/**
 * Writes that must not overlap with others of their kind, on whatever server: each is a transaction that first counts up
 * one document in `meta`. Two that overlap both write it, so MongoDB lets one of them commit, and the other starts again
 * and then reads what the first has written. So what a turn reads still holds when it commits, and numbers are given out
 * in the order of the commits. Within one process turns wait for each other, which spares them the conflict.
 *
 * A standalone has no transactions. There the turns of one process still wait for each other; that is all its operator,
 * who has allowed a standalone by a flag, can have.
 */
import { type ClientSession, type Collection, type Db, MongoError, ReadConcern, ReadPreference } from 'mongodb';
import type { Runtime } from '../../../protocol/runtime.ts';
import { StoreUnavailable } from '../store.ts';
import { type Abilities, answerOf } from './connection.ts';
import { COLLECTION } from './schema.ts';

export type TurnKind = 'roles' | 'revocations' | 'qualifications';
type CounterDocument = { _id: TurnKind; count: number };

/** In each of them another server has got its turn, or the primary has changed. */
const ATTEMPTS_MAX = 40;
const PAUSE_MS_MAX = 50;
const COMMITS_MAX = 4;
const COMMIT_MS_MAX = 5_000;
const COUNT_MS_MAX = 2_000;

/** What a write is given: to be passed to every operation of it, and the count after this turn. */
export type Turn = { session?: ClientSession; count: number };
type Conditions = { runtime: Runtime; abilities: Abilities };

/** The counter is made before the first turn: two upserts in transactions would fail each other for good. */
export async function createTurns(db: Db, kind: TurnKind, conditions: Conditions): Promise<Turns> {
  const counters = db.collection<CounterDocument>(COLLECTION.meta);
  await counters.updateOne({ _id: kind }, { $setOnInsert: { count: 0 } }, { upsert: true });
  return new Turns(db, counters, kind, conditions);
}

export class Turns {
  readonly #db: Db;
  readonly #counters: Collection<CounterDocument>;
  readonly #kind: TurnKind;
  readonly #runtime: Runtime;
  readonly #abilities: Abilities;
  #last: Promise<unknown> = Promise.resolve();

  constructor(db: Db, counters: Collection<CounterDocument>, kind: TurnKind, { runtime, abilities }: Conditions) {
    this.#db = db;
    this.#counters = counters;
    this.#kind = kind;
    this.#runtime = runtime;
    this.#abilities = abilities;
  }

  /**
   * Counts up by `step` and runs `write` in its turn, perhaps several times, of which only the last has an effect. What it
   * resolves to is true of durable data. Rejects with StoreUnavailable; then it may be done or not.
   */
  take<T>(step: number, write: (turn: Turn) => Promise<T>): Promise<T> {
    const turn = this.#last.then(() =>
      answerOf(this.#abilities.transactions ? this.#retry(step, write) : this.#plain(step, write)),
    );
    this.#last = turn.catch(() => {});
    return turn;
  }

  /** Of the last turn that was committed. */
  async count(): Promise<number> {
    const counter = await this.#counters.findOne({ _id: this.#kind }, { maxTimeMS: COUNT_MS_MAX });
    if (counter === null) throw this.#missing();
    return counter.count;
  }

  async #plain<T>(step: number, write: (turn: Turn) => Promise<T>): Promise<T> {
    return write({ count: await this.#countUp(step) });
  }

  async #retry<T>(step: number, write: (turn: Turn) => Promise<T>): Promise<T> {
    const session = this.#db.client.startSession();
    try {
      for (let attempt = 1; ; attempt++) {
        try {
          return await this.#attempt(session, step, write);
        } catch (error) {
          if (!isTransient(error) || attempt === ATTEMPTS_MAX) throw error;
        }
        await this.#pause(attempt);
      }
    } finally {
      await session.endSession();
    }
  }

  /** A refusal is committed as well: only then was what it says read from durable data. */
  async #attempt<T>(session: ClientSession, step: number, write: (turn: Turn) => Promise<T>): Promise<T> {
    session.startTransaction({
      readConcern: new ReadConcern('snapshot'),
      writeConcern: { w: 'majority', journal: true },
      readPreference: ReadPreference.primary,
      maxCommitTimeMS: COMMIT_MS_MAX,
    });
    try {
      const value = await write({ session, count: await this.#countUp(step, session) });
      await commit(session);
      return value;
    } catch (error) {
      if (session.inTransaction()) await session.abortTransaction().catch(() => {});
      throw error;
    }
  }

  async #countUp(step: number, session?: ClientSession): Promise<number> {
    const options = { returnDocument: 'after' as const, ...(session === undefined ? {} : { session }) };
    const counter = await this.#counters.findOneAndUpdate({ _id: this.#kind }, { $inc: { count: step } }, options);
    if (counter === null) throw this.#missing();
    return counter.count;
  }

  #missing(): StoreUnavailable {
    return new StoreUnavailable(`the counter ${this.#kind} in ${COLLECTION.meta} is gone`);
  }

  /** Longer with each attempt, and never in step with another server. */
  #pause(attempt: number): Promise<void> {
    const { random } = this.#runtime;
    const pauseMs = random() * Math.min(2 ** attempt, PAUSE_MS_MAX);
    return new Promise((resolve) => {
      this.#runtime.after(pauseMs, resolve);
    });
  }
}

/** Committing again is harmless, and the only way to learn whether a commit without an answer has happened. */
async function commit(session: ClientSession): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await session.commitTransaction();
    } catch (error) {
      const isUnknown = error instanceof MongoError && error.hasErrorLabel('UnknownTransactionCommitResult');
      if (!isUnknown || attempt === COMMITS_MAX) throw error;
    }
  }
}

function isTransient(error: unknown): boolean {
  return error instanceof MongoError && error.hasErrorLabel('TransientTransactionError');
}
