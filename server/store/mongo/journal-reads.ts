/**
 * Reads of valid blocks, by where they lie in the log. Which blocks are valid is told by ranges, one a boot; what lies at the
 * same offset under another origin, or behind a seal, is not looked at. Every block is checked before it is handed on.
 */
import type { Collection, Db } from 'mongodb';
import type { Runtime } from '../../../protocol/runtime.ts';
import { AtMost } from '../../lib/at-most.ts';
import { nextSegment } from '../block/layout.ts';
import { type Block, readBlock } from '../block/reader.ts';
import { StoreRefused, StoreUnavailable } from '../store.ts';
import { answerOf } from './connection.ts';
import { rejectMissing } from './journal-lost.ts';
import { type BlockDocument, blockIdOf, idRange, OFFSET_INDEX, sequenceOf } from './journal-schema.ts';
import { COLLECTION } from './schema.ts';

/** The valid blocks of one boot: sequences from `from` to `below`, bytes from `startsAt` to `endsAt`, the ends not included. */
export type BlockRange = { origin: string; from: number; below: number; startsAt: number; endsAt: number };

/** Asked anew with each read and at each gap: what is released meanwhile is no damage. Oldest first, without overlap. */
type Ranges = () => readonly BlockRange[] | Promise<readonly BlockRange[]>;

type OffsetRange = { $gte: number; $lt: number } | { $lte: number };

/** Eight megabytes at most; the server ends a batch at sixteen. */
const BATCH_BLOCKS = 32;
const READ_MS_MAX = 10_000;
/** Of the blocks that were read last. */
const CACHED_BLOCKS_MAX = 32;
const READS_AT_ONCE_MAX = 4;

export class JournalReads {
  readonly #db: Db;
  readonly #documents: Collection<BlockDocument>;
  readonly #ranges: Ranges;
  readonly #atMost: AtMost;
  readonly #cache: Block[] = [];

  constructor({ db, ranges, runtime }: { db: Db; ranges: Ranges; runtime: Runtime }) {
    this.#db = db;
    this.#documents = db.collection<BlockDocument>(COLLECTION.journal);
    this.#ranges = ranges;
    this.#atMost = new AtMost(runtime, { atOnceMax: READS_AT_ONCE_MAX });
  }

  /** At and behind `from`, oldest first. Throws StoreRefused at a block that is lost or damaged. */
  async *blocks(from: number): AsyncGenerator<Block> {
    for (const range of await this.#ranges()) {
      if (range.endsAt > from) yield* this.#blocksOf(range, Math.max(from, range.startsAt));
    }
  }

  /** At most up to the end of the segment or of what is durable; null when what lies at `offset` is not kept any more. */
  async read(offset: number, bytes: number): Promise<Buffer | null> {
    const end = Math.min(offset + bytes, nextSegment(offset));
    const parts: Buffer[] = [];
    let at = offset;
    while (at < end) {
      const block = await this.#covering(at);
      if (block === null) break;
      const part = block.bytes.subarray(at - block.offset, end - block.offset);
      parts.push(part);
      at += part.length;
    }
    if (parts.length === 0 && (await this.#rangeAt(offset)) !== undefined) {
      throw new StoreUnavailable(`the block of the journal at ${offset} is not seen`);
    }
    return parts.length < 2 ? (parts[0] ?? null) : Buffer.concat(parts);
  }

  async *#blocksOf(range: BlockRange, from: number): AsyncGenerator<Block> {
    const cursor = this.#find(range, { $gte: from, $lt: range.endsAt }, { offset: 1 }).batchSize(BATCH_BLOCKS);
    let previous: Block | null = null;
    // In the middle of the range it is not known which block comes first.
    let expected = from === range.startsAt ? range.from : null;
    try {
      for (;;) {
        const document = await answerOf(cursor.next());
        if (document === null) break;
        const block = blockOf(document, range.origin);
        if (expected !== null && expected !== block.sequence) await this.#expectReleased(range.origin, expected);
        else if (previous !== null) expectLinked(previous, block);
        previous = block;
        expected = block.sequence + 1;
        yield block;
      }
    } finally {
      await cursor.close().catch(() => {});
    }
    const isCut = expected !== null && Number.isFinite(range.below) && expected < range.below;
    if (isCut) await this.#expectReleased(range.origin, expected ?? 0);
  }

  /** A block that is missing was deleted by the owner since the ranges were asked for, or else something is wrong. */
  async #expectReleased(origin: string, sequence: number): Promise<void> {
    const range = (await this.#ranges()).find((each) => each.origin === origin);
    if (range !== undefined && sequence >= range.from) await rejectMissing(this.#db, blockIdOf(origin, sequence));
  }

  /** The place in the queue comes first and the cache second, so that those who want the same block read it once. */
  async #covering(offset: number): Promise<Block | null> {
    return this.#cached(offset) ?? this.#atMost.run(async () => this.#cached(offset) ?? this.#fetch(offset));
  }

  #cached(offset: number): Block | null {
    const index = this.#cache.findIndex((block) => covers(block, offset));
    const [block] = index < 0 ? [] : this.#cache.splice(index, 1);
    if (block === undefined) return null;
    this.#cache.push(block);
    return block;
  }

  async #fetch(offset: number): Promise<Block | null> {
    const range = await this.#rangeAt(offset);
    if (range === undefined) return null;
    const cursor = this.#find(range, { $lte: offset }, { offset: -1 }).limit(1).maxTimeMS(READ_MS_MAX);
    const [document] = await answerOf(cursor.toArray());
    if (document === undefined) return null;
    const block = blockOf(document, range.origin);
    if (!covers(block, offset)) return null;
    this.#cache.push(block);
    if (this.#cache.length > CACHED_BLOCKS_MAX) this.#cache.shift();
    return block;
  }

  async #rangeAt(offset: number): Promise<BlockRange | undefined> {
    return (await this.#ranges()).find(({ startsAt, endsAt }) => offset >= startsAt && offset < endsAt);
  }

  #find({ origin, from, below }: BlockRange, offset: OffsetRange, sort: { offset: 1 | -1 }) {
    return this.#documents.find({ offset, _id: idRange(origin, from, below) }, { hint: OFFSET_INDEX.key, sort });
  }
}

function covers({ offset, bytes }: Block, at: number): boolean {
  return at >= offset && at < offset + bytes.length;
}

/** A copy: the driver's bytes are a part of the whole reply. */
function blockOf({ _id, offset, block: { buffer } }: BlockDocument, origin: string): Block {
  const block = readBlock(Buffer.from(buffer), 0);
  if (typeof block === 'string') throw new StoreRefused(`the journal is damaged: block ${_id} has ${block}`);
  const isItself = block.origin === origin && block.sequence === sequenceOf(_id) && block.offset === offset;
  if (!isItself) throw new StoreRefused(`the journal is damaged: block ${_id} is another one inside`);
  return block;
}

function expectLinked(previous: Block, block: Block): void {
  if (block.previous === previous.crc) return;
  const id = blockIdOf(block.origin, block.sequence);
  throw new StoreRefused(`the journal is damaged: block ${id} does not follow the one before it`);
}
