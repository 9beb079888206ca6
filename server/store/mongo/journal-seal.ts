/**
 * Ends a boot of the journal for good: the first sequence at which it has no block gets a seal. What lies before is valid and
 * complete, and a block that its writer may still have on its way meets the seal or lies behind it, where nobody looks.
 */
import type { Collection, Db, UUID } from 'mongodb';
import type { Runtime } from '../../../protocol/runtime.ts';
import { readBlock } from '../block/reader.ts';
import { StoreRefused, StoreUnavailable } from '../store.ts';
import { answerOf } from './connection.ts';
import { insertOnce } from './inserter.ts';
import { rejectMissing } from './journal-lost.ts';
import {
  type BootRecord,
  blockIdOf,
  idRange,
  isSeal,
  type JournalDocument,
  OFFSET_INDEX,
  type SealDocument,
  sequenceOf,
} from './journal-schema.ts';
import { COLLECTION } from './schema.ts';

/** A living owner that does not know yet is ahead of the seal; at its next renewal at the latest it stops. */
const PAUSE_MS = 5;
const SEALING_MS_MAX = 10_000;

export type SealOptions = {
  db: Db;
  collectionUuid: UUID;
  majorityMs: number;
  runtime: Runtime;
  /** The origin of who seals. */
  by: string;
  /** Blocks that a writer has on its way at most: more than that behind a missing one are damage. */
  inFlightMax: number;
};

export type SealedBoot = BootRecord & { seal: number; endsAt: number };

/** Rejects with StoreRefused when blocks are missing, with StoreUnavailable when it is not known to be sealed. */
export async function sealBoot(boot: BootRecord, options: SealOptions): Promise<SealedBoot> {
  const sealing = new Sealing(boot, options);
  const seal = await sealing.run();
  return { ...boot, seal, endsAt: await sealing.endBefore(seal) };
}

class Sealing {
  readonly #boot: BootRecord;
  readonly #options: SealOptions;
  readonly #journal: Collection<JournalDocument>;

  constructor(boot: BootRecord, options: SealOptions) {
    this.#boot = boot;
    this.#options = options;
    this.#journal = options.db.collection<JournalDocument>(COLLECTION.journal);
  }

  /** The sequence of the seal. */
  async run(): Promise<number> {
    const { monotonicMs } = this.#options.runtime;
    for (const startedMs = monotonicMs(); ; ) {
      // Somebody who was fenced in the middle of this may have been here before.
      const sealed = await this.#sealed();
      const sequences = await this.#sequences();
      const free = firstMissing(sequences, this.#boot.from.sequence);
      await this.#expectWhole(free, sequences, sealed);
      if (sealed !== null || (await this.#insert(free))) return free;
      if (monotonicMs() - startedMs > SEALING_MS_MAX)
        throw new StoreUnavailable(`${this.#boot.origin} could not be sealed`);
      await this.#pause();
    }
  }

  /** The first byte behind the block before `seal`. */
  async endBefore(seal: number): Promise<number> {
    const { origin, from } = this.#boot;
    if (seal === from.sequence) return from.offset;
    const _id = blockIdOf(origin, seal - 1);
    const found = await answerOf(this.#journal.findOne({ _id }));
    if (found === null || isSeal(found)) return this.#missing(seal - 1, ', though it was there a moment ago');
    const block = readBlock(Buffer.from(found.block.buffer), 0);
    if (typeof block === 'string') throw new StoreRefused(`the journal is damaged: block ${_id} has ${block}`);
    return block.offset + block.bytes.length;
  }

  async #sealed(): Promise<number | null> {
    // Only a seal has no offset.
    const filter = { offset: null, _id: idRange(this.#boot.origin, 0) } as object;
    const found = await answerOf(
      this.#journal.findOne(filter, { projection: { _id: 1 }, hint: OFFSET_INDEX.key, sort: { _id: 1 } }),
    );
    return found === null ? null : sequenceOf(found._id);
  }

  /** Those of its blocks, in order, from the index alone. */
  async #sequences(): Promise<number[]> {
    const { origin, from } = this.#boot;
    const filter = { offset: { $gte: from.offset }, _id: idRange(origin, from.sequence) };
    const cursor = this.#journal.find<{ _id: string }>(filter, {
      projection: { _id: 1, offset: 1 },
      hint: OFFSET_INDEX.key,
    });
    const found = await answerOf(cursor.map(({ _id }) => sequenceOf(_id)).toArray());
    return found.sort((left, right) => left - right);
  }

  async #expectWhole(free: number, sequences: readonly number[], sealed: number | null): Promise<void> {
    const { durable } = this.#boot;
    const behind = sequences.filter((sequence) => sequence > free).length;
    if (free <= durable) await this.#missing(free, `, and the boot had ${durable} durable ones`);
    if (sealed !== null && free < sealed) await this.#missing(free, `, and the seal is at ${sealed}`);
    if (behind >= this.#options.inFlightMax) await this.#missing(free, `, and ${behind} behind it are there`);
  }

  /** Whether the seal is there now. A block that came first is not: the seal goes behind it. */
  async #insert(sequence: number): Promise<boolean> {
    const { db, collectionUuid, majorityMs, by } = this.#options;
    const seal: SealDocument = { _id: blockIdOf(this.#boot.origin, sequence), seal: true, by };
    const target = { collection: COLLECTION.journal, majorityMs, collectionUuid };
    const { fates } = await insertOnce(db, target, [seal], 'ordered');
    return fates[0] === 'inserted';
  }

  #missing(sequence: number, detail: string): Promise<never> {
    return rejectMissing(this.#options.db, blockIdOf(this.#boot.origin, sequence), detail);
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => {
      this.#options.runtime.after(PAUSE_MS, resolve);
    });
  }
}

function firstMissing(sequences: readonly number[], from: number): number {
  let next = from;
  for (const sequence of sequences) {
    if (sequence > next) break;
    next = sequence + 1;
  }
  return next;
}
