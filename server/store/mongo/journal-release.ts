/**
 * Deletes blocks that are projected, lazily and a few at a time. The owner record is told first which blocks are needed no
 * more, so that after a crash at any point nobody misses them, and the next owner deletes what is left of them.
 */
import type { Collection, Db } from 'mongodb';
import type { Runtime } from '../../../protocol/runtime.ts';
import type { Log } from '../../lib/log.ts';
import type { Chain } from './journal-chain.ts';
import type { BlockRange } from './journal-reads.ts';
import { type BlockDocument, idRange, OFFSET_INDEX, sequenceOf } from './journal-schema.ts';
import { COLLECTION } from './schema.ts';

const PAUSE_MS = 1_000;
const DELETED_AT_ONCE = 64;

export type ReleaseOptions = {
  db: Db;
  chain: Chain;
  runtime: Runtime;
  log: Log;
  /** Writes the chain into the owner record; false when this node owns the journal no more. */
  record: () => Promise<boolean>;
};

export class BlockRelease {
  readonly #options: ReleaseOptions;
  readonly #blocks: Collection<BlockDocument>;
  #target = 0;
  #done = 0;
  #cancelTimer: (() => void) | null = null;
  #running: Promise<void> = Promise.resolve();
  #isClosed = false;

  constructor(options: ReleaseOptions) {
    this.#options = options;
    this.#blocks = options.db.collection<BlockDocument>(COLLECTION.journal);
  }

  release(offset: number): void {
    if (offset <= this.#target) return;
    this.#target = offset;
    this.#schedule();
  }

  /** What is released is told to the record, so that nobody has to project it again; deleting it is left to the next owner. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#cancelTimer?.();
    await this.#running;
    if (this.#done < this.#target) await this.#run(this.#target).catch((error) => this.#complain(error));
  }

  #schedule(): void {
    if (this.#isClosed || this.#cancelTimer !== null || this.#done >= this.#target) return;
    this.#cancelTimer = this.#options.runtime.after(PAUSE_MS, () => {
      this.#running = this.#run(this.#target)
        .catch((error) => this.#complain(error))
        .finally(() => {
          this.#cancelTimer = null;
          this.#schedule();
        });
    });
  }

  async #run(target: number): Promise<void> {
    const { chain, record } = this.#options;
    for (const range of chain.ranges) await this.#shorten(range, target);
    // Who owns the journal no more has no say in what is needed.
    if (await record()) for (const boot of chain.boots) await this.#deleteBefore(boot);
    this.#done = target;
  }

  #complain(error: unknown): void {
    this.#options.log.warn({ reason: String(error) }, 'projected blocks are not deleted yet');
  }

  /** Finds the first block of the range that is still needed. */
  async #shorten({ origin, from, below, startsAt, endsAt }: BlockRange, target: number): Promise<void> {
    if (target <= startsAt || below <= from) return;
    const filter = { offset: { $gte: target, $lt: endsAt }, _id: idRange(origin, from, below) };
    const options = { projection: { _id: 1, offset: 1 }, hint: OFFSET_INDEX.key, sort: { offset: 1 } } as const;
    const first = target < endsAt ? await this.#blocks.findOne(filter, options) : null;
    const needed =
      first === null ? { sequence: below, offset: endsAt } : { sequence: sequenceOf(first._id), offset: first.offset };
    this.#options.chain.shorten(origin, needed);
  }

  /** Of a boot that is needed no more, what lies behind its seal as well. */
  async #deleteBefore({ origin, from, seal }: Chain['boots'][number]): Promise<void> {
    const isDone = from.sequence === seal;
    const _id = idRange(origin, 0, isDone ? undefined : from.sequence);
    // Seals have no offset and so stay.
    const filter = { offset: isDone ? { $gte: 0 } : { $gte: 0, $lt: from.offset }, _id };
    const options = { projection: { _id: 1, offset: 1 }, hint: OFFSET_INDEX.key, limit: DELETED_AT_ONCE } as const;
    for (;;) {
      const found = await this.#blocks.find(filter, options).toArray();
      if (found.length === 0 || this.#isClosed) break;
      await this.#blocks.deleteMany({ _id: { $in: found.map((block) => block._id) } });
    }
    if (isDone && !this.#isClosed) this.#options.chain.drop(origin);
  }
}
