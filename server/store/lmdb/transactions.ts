/**
 * Runs reads and writes on the environment and says truly what became of each. A write is one synchronous function;
 * those that wait while a commit runs share the next one and its sync, each as a transaction of its own inside, so that
 * one that throws takes back only its own rows. Another thread may write in between, in turns. It knows nothing of claims.
 *
 * Invariant: LMDB has one batch or one turn at a time. After one that failed the environment is closed by everybody and
 * opened anew before the next, because LMDB may refuse to go on, and the package would then neither resolve nor reject.
 */
import { StoreUnavailable } from '../store.ts';
import { closeEnvironment, type Environment, openEnvironment, type Tables } from './environment.ts';

export type Committed<T> =
  | { kind: 'done'; value: T }
  /** Certainly not stored. */
  | { kind: 'unavailable'; cause: unknown }
  /** The disk failed in the write that would have made it true: it may be stored or not. */
  | { kind: 'unknown'; cause: unknown };

type Failed = Exclude<Committed<never>, { kind: 'done' }>;
/** One call's part of a batch. Never rejects; resolves when the commit has been answered, true where it failed. */
type Run = (batch: Batch) => Promise<boolean>;
type Batch = { environment: Environment; headersBefore: Buffer } | { refusal: unknown };

/** A thread that has the same files open, and so the same handle of LMDB: it is closed when the last one closes it. */
export type Guest = {
  /** Closes the thread's files, which it opens again in its next turn. Asked between turns. Never rejects. */
  release(): Promise<void>;
};

export class Transactions {
  readonly #folder: string;
  readonly #onFailure: (cause: unknown) => void;
  /** Null between a failed commit and the next attempt to open. */
  #environment: Environment | null;
  #waiting: Run[] = [];
  readonly #turns: (() => Promise<void>)[] = [];
  readonly #guests = new Set<Guest>();
  #running: Promise<void> | null = null;
  /** Set while the files are closed after a failed commit: who opened them now would get the same handle again. */
  #recovering: Promise<void> | null = null;
  #closing: Promise<void> | null = null;
  /** The files may not be closed under a copy. */
  #copying: Promise<void> = Promise.resolve();

  constructor(folder: string, environment: Environment, onFailure: (cause: unknown) => void) {
    this.#folder = folder;
    this.#environment = environment;
    this.#onFailure = onFailure;
  }

  /** Resolves when what `write` has put is synced to disk. Never rejects. */
  commit<T>(write: (tables: Tables) => T): Promise<Committed<T>> {
    if (this.#closing !== null) return Promise.resolve({ kind: 'unavailable', cause: closed() });
    return new Promise((resolve) => {
      this.#waiting.push(async (batch) => {
        const { committed, commitFailed } = await runIn(batch, write);
        if (committed.kind !== 'done') this.#onFailure(committed.cause);
        resolve(committed);
        return commitFailed;
      });
      this.#running ??= this.#drain();
    });
  }

  /** The same for writes whose callers have no outcome for a failure: rejects with StoreUnavailable. */
  async commitOrThrow<T>(write: (tables: Tables) => T): Promise<T> {
    const committed = await this.commit(write);
    if (committed.kind === 'done') return committed.value;
    throw new StoreUnavailable('the embedded store cannot be written', { cause: committed.cause });
  }

  /** What `guest` writes, it writes in turns from now on. */
  admit(guest: Guest): void {
    this.#guests.add(guest);
  }

  dismiss(guest: Guest): void {
    this.#guests.delete(guest);
  }

  /**
   * Lets a guest write, which ends when `write` resolves; reads that begin then see what was written. A turn follows
   * the commits that wait, and they follow it. LMDB's own lock would keep them apart too, but who waits for it keeps a
   * thread of the pool from everybody else, and nobody knows who comes next. Rejects with StoreUnavailable.
   */
  turn<T>(write: () => Promise<T>): Promise<T> {
    if (this.#closing !== null) return Promise.reject(closed());
    return new Promise((resolve, reject) => {
      this.#turns.push(async () => {
        try {
          const value = await write();
          // What has been read in this turn of the event loop would be read again as it was.
          this.#environment?.root.resetReadTxn();
          resolve(value);
        } catch (cause) {
          this.#onFailure(cause);
          await this.#recover();
          reject(new StoreUnavailable('the embedded store cannot be written', { cause }));
        }
      });
      this.#running ??= this.#drain();
    });
  }

  /** Memory-mapped pages make nobody wait, but after a failed commit. Rejects with StoreUnavailable when it is closed or a page is damaged. */
  async read<T>(look: (tables: Tables) => T): Promise<T> {
    try {
      if (this.#recovering !== null) await this.#recovering;
      if (this.#closing !== null) throw closed();
      return look(this.#opened().tables);
    } catch (cause) {
      throw new StoreUnavailable('the embedded store cannot be read', { cause });
    }
  }

  /**
   * Copies one state of all tables into the folder, which must be there and be empty, without the pages that nobody uses.
   * Commits go on meanwhile; what they replace is kept until it is done, so the files grow. Rejects with StoreUnavailable.
   */
  async copy(folder: string): Promise<void> {
    if (this.#recovering !== null) await this.#recovering;
    if (this.#closing !== null) throw closed();
    const copying = this.#opened().root.backup(folder, true);
    this.#copying = copying.catch(() => {});
    await copying;
  }

  /** Resolves when the commits that were asked for are answered and the files are closed. */
  close(): Promise<void> {
    this.#closing ??= (this.#running ?? Promise.resolve()).then(() => this.#closeEnvironment());
    return this.#closing;
  }

  async #drain(): Promise<void> {
    // Calls of this turn join.
    await null;
    while (this.#waiting.length > 0 || this.#turns.length > 0) {
      if (this.#waiting.length > 0) await this.#commitWaiting();
      await this.#turns.shift()?.();
    }
    this.#running = null;
  }

  async #commitWaiting(): Promise<void> {
    const batch = this.#batch();
    const failures = await Promise.all(this.#waiting.splice(0).map((run) => run(batch)));
    if (failures.includes(true)) await this.#recover();
  }

  async #recover(): Promise<void> {
    this.#recovering = this.#closeEnvironment();
    await this.#recovering;
    this.#recovering = null;
  }

  #batch(): Batch {
    try {
      const environment = this.#opened();
      return { environment, headersBefore: environment.headers.read() };
    } catch (refusal) {
      return { refusal };
    }
  }

  #opened(): Environment {
    this.#environment ??= openEnvironment(this.#folder);
    return this.#environment;
  }

  async #closeEnvironment(): Promise<void> {
    const environment = this.#environment;
    this.#environment = null;
    await this.#copying;
    await Promise.all(Array.from(this.#guests, (guest) => guest.release()));
    if (environment !== null) await closeEnvironment(environment);
  }
}

async function runIn<T>(
  batch: Batch,
  write: (tables: Tables) => T,
): Promise<{ committed: Committed<T>; commitFailed: boolean }> {
  if ('refusal' in batch) return { committed: { kind: 'unavailable', cause: batch.refusal }, commitFailed: false };
  const { root, tables } = batch.environment;
  try {
    const value = await root.childTransaction(() => write(tables));
    return { committed: { kind: 'done', value }, commitFailed: false };
  } catch (error) {
    // Without `commitError` the write itself threw, and was taken back alone.
    if (!(error instanceof Error && 'commitError' in error)) {
      return { committed: { kind: 'unavailable', cause: error }, commitFailed: false };
    }
    const cause: unknown = await Promise.resolve(error.commitError).catch((reason: unknown) => reason);
    return { committed: failureOf(batch, cause), commitFailed: true };
  }
}

/**
 * The error's code cannot tell where the commit failed: a full disk shows as a short write. The headers can. LMDB
 * writes one of them last, after the sync of all other pages; where that write was begun it differs from before, even
 * after LMDB has tried to undo it.
 */
function failureOf({ environment, headersBefore }: Exclude<Batch, { refusal: unknown }>, cause: unknown): Failed {
  try {
    const wasBegun = !environment.headers.read().equals(headersBefore);
    return { kind: wasBegun ? 'unknown' : 'unavailable', cause };
  } catch {
    return { kind: 'unknown', cause };
  }
}

function closed(): StoreUnavailable {
  return new StoreUnavailable('the embedded store is closed');
}
