/**
 * Turns the journal into claims in a thread of its own, a transaction at a time. The thread reads while others write, and
 * writes in a turn. The mark lies beside the claims and moves in the same transaction: whatever happens, the two agree.
 */
import type { Worker } from 'node:worker_threads';
import type { Runtime } from '../../../protocol/runtime.ts';
import type { Projector } from '../journal.ts';
import { StoreUnavailable } from '../store.ts';
import { isFreshFull } from './compaction.ts';
import type { Advanced } from './projector-messages.ts';
import { ProjectorThread } from './projector-thread.ts';
import { markOf } from './rows.ts';
import type { Guest, Transactions } from './transactions.ts';

/** Others wait while a transaction runs: so many claims take 20 to 40 ms. */
const CLAIMS_MAX = 2_000;

export type LmdbProjectorOptions = {
  transactions: Transactions;
  /** Starts a thread that runs `serveProjections`; called when there is something to project. */
  start: () => Worker;
  runtime: Pick<Runtime, 'wallMs'>;
};

export class LmdbProjector implements Projector, Guest {
  readonly #options: LmdbProjectorOptions;
  #thread: ProjectorThread | null = null;
  /** Settles when what was asked so far is done. */
  #last: Promise<unknown> = Promise.resolve();
  #closing: Promise<void> | null = null;
  /** Whether the index may be compacted further than the last time it was asked. */
  #isUntidy = false;

  constructor(options: LmdbProjectorOptions) {
    this.#options = options;
    options.transactions.admit(this);
  }

  mark(): Promise<number> {
    return this.#options.transactions.read(markOf);
  }

  /**
   * Does at most 2,000 claims, or one block, whatever `claimsMax` allows. Everything before `until` must be durable, for
   * the mark comes there. Rejects with StoreUnavailable; then the mark says what became of it.
   */
  advance(until: number, claimsMax: number): Promise<Advanced> {
    if (this.#closing !== null) return Promise.reject(new StoreUnavailable('the projector is closed'));
    const advanced = this.#last.then(() => this.#advance(until, claimsMax));
    this.#last = advanced.catch(() => {});
    return advanced;
  }

  tidy(): Promise<boolean> {
    if (this.#closing !== null) return Promise.reject(new StoreUnavailable('the projector is closed'));
    const tidied = this.#last.then(() => this.#tidy());
    this.#last = tidied.catch(() => {});
    return tidied;
  }

  async release(): Promise<void> {
    await this.#thread?.ask({ kind: 'release' }).catch(() => {});
  }

  /** Ends the thread when what was asked is done. */
  close(): Promise<void> {
    this.#closing ??= this.#last.then(async () => {
      await this.#thread?.end();
      this.#options.transactions.dismiss(this);
    });
    return this.#closing;
  }

  async #advance(until: number, claimsMax: number): Promise<Advanced> {
    const { transactions, runtime } = this.#options;
    const from = await this.mark();
    if (from >= until) return { mark: from, claims: 0, conflicts: [] };
    const thread = this.#running();
    await thread
      .ask({ kind: 'prepare', from, until, claimsMax: Math.min(claimsMax, CLAIMS_MAX) })
      .catch((cause: unknown) => {
        throw new StoreUnavailable('the journal cannot be read', { cause });
      });
    return transactions.turn(() => thread.ask({ kind: 'write', at: Math.floor(runtime.wallMs()) }));
  }

  async #tidy(): Promise<boolean> {
    const { transactions } = this.#options;
    this.#isUntidy ||= await transactions.read(isFreshFull);
    if (!this.#isUntidy) return false;
    const before = this.#thread;
    const thread = this.#running();
    // Who waits for a turn should not wait for a thread to start: it answers when it has.
    if (thread !== before) await thread.ask({ kind: 'release' }).catch(() => {});
    this.#isUntidy = await transactions.turn(() => thread.ask({ kind: 'compact' }));
    return this.#isUntidy;
  }

  /** A thread that has died is followed by another. */
  #running(): ProjectorThread {
    if (this.#thread === null || this.#thread.isOver) this.#thread = new ProjectorThread(this.#options.start());
    return this.#thread;
  }
}
