/**
 * The journal of one boot in MongoDB: appends, reads and releases joined, for as long as this node owns it. When another has
 * taken over, by the record or by a seal, every block from then on is FENCED and the state says who it was.
 */
import type { Runtime } from '../../../protocol/runtime.ts';
import type { Log } from '../../lib/log.ts';
import type { Appended, Journal } from '../journal.ts';
import type { Pool } from './connection.ts';
import { type AppenderOptions, BlockAppender } from './journal-appender.ts';
import type { Chain } from './journal-chain.ts';
import { JournalReads } from './journal-reads.ts';
import { BlockRelease } from './journal-release.ts';
import type { Tenure } from './journal-tenure.ts';

/** Concurrent journaled writers share a flush; more than two gain nothing. */
export const IN_FLIGHT_MAX = 2;

/** Connections of its own for each, so that no full pool delays another's work. */
export type JournalPools = { appends: Pool; reads: Pool; lease: Pool };

export type MongoJournalOptions = Pick<AppenderOptions, 'collectionUuid' | 'majorityMs'> & {
  origin: string;
  startsAt: number;
  chain: Chain;
  tenure: Tenure;
  pools: JournalPools;
  runtime: Runtime;
  log: Log;
  /** Above it nothing may be decided until blocks are released. */
  bytesMax: number;
};

export class MongoJournal implements Journal {
  readonly origin: string;
  readonly startsAt: number;
  readonly oldest: number;
  readonly inFlightMax = IN_FLIGHT_MAX;
  readonly #options: MongoJournalOptions;
  readonly #appender: BlockAppender;
  readonly #reads: JournalReads;
  readonly #release: BlockRelease;
  readonly #onFenced = new Set<(reason: string) => void>();
  #closing: Promise<void> | null = null;

  constructor(options: MongoJournalOptions) {
    const { origin, startsAt, chain, tenure, pools, runtime, log } = options;
    this.#options = options;
    this.origin = origin;
    this.startsAt = startsAt;
    this.oldest = chain.oldest;
    this.#appender = new BlockAppender({
      ...options,
      db: pools.appends.db,
      inFlightMax: IN_FLIGHT_MAX,
      onFenced: (reason) => this.#fenced(reason),
      onDurable: (document) => chain.extend(document),
    });
    this.#reads = new JournalReads({ db: pools.reads.db, ranges: () => chain.ranges, runtime });
    this.#release = new BlockRelease({ db: pools.reads.db, chain, runtime, log, record: () => tenure.record() });
    // Boots that left nothing, and what an earlier owner had not deleted yet.
    this.#release.release(chain.oldest);
  }

  append(block: Buffer, settled: (appended: Appended) => void): void {
    this.#appender.append(block, settled);
  }

  async *blocks(from: number): AsyncGenerator<Buffer> {
    for await (const { bytes } of this.#reads.blocks(from)) yield bytes;
  }

  read(offset: number, bytes: number): Promise<Buffer | null> {
    return this.#reads.read(offset, bytes);
  }

  release(offset: number): void {
    this.#release.release(offset);
  }

  state(): { isFull: boolean; isWell: boolean; detail: string | null; bytes: number } {
    const { chain, tenure, bytesMax } = this.#options;
    const { fenced, trouble } = this.#appender;
    const bytes = chain.endsAt - chain.oldest;
    const detail = fenced === null ? (trouble ?? tenure.trouble) : `fenced: ${fenced}`;
    return { isFull: bytes >= bytesMax, isWell: detail === null, detail, bytes };
  }

  /** Calls `listener` once, with the reason, as soon as it is known that another writes this journal; perhaps at once. */
  onFenced(listener: (reason: string) => void): void {
    const { fenced } = this.#appender;
    if (fenced === null) this.#onFenced.add(listener);
    else listener(fenced);
  }

  /** Told by the owner record. Blocks on their way are still settled by what is true of them. */
  fence(reason: string): void {
    this.#appender.fence(reason);
  }

  /** A block that is in doubt when it is called gets one more try; if that shows nothing, its `settled` is never called. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const { tenure, pools } = this.#options;
    await Promise.all([this.#appender.close(), this.#release.close()]);
    await tenure.close();
    await Promise.all([pools.appends.close(), pools.reads.close(), pools.lease.close()]);
  }

  #fenced(reason: string): void {
    this.#options.log.error({ origin: this.origin, reason }, 'this node writes the journal no more');
    for (const listener of this.#onFenced) listener(reason);
    this.#onFenced.clear();
  }
}
