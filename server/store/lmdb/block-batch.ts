/**
 * Blocks of the journal into the claims of one transaction after the other. It reads no database and keeps nobody
 * waiting. Between two batches it stays where it is in the journal, because to find a place there costs more than a batch.
 */
import { type Block, claimsOf, readBlock } from '../block/reader.ts';
import type { ClaimRecord } from '../store.ts';

/** What lies in `[from, mark)` of the journal. */
export type Batch = { from: number; mark: number; claims: ClaimRecord[] };
export type Range = { from: number; until: number; claimsMax: number };

/** Valid blocks that begin in `[from, until)`, oldest first; rejects where one is missing. */
export type Blocks = (from: number, until: number) => AsyncIterable<Buffer>;

type Reading = { until: number; blocks: AsyncIterator<Buffer>; mark: number; ahead: Block | null };

export class BatchReader {
  readonly #blocks: Blocks;
  #reading: Reading | null = null;

  constructor(blocks: Blocks) {
    this.#blocks = blocks;
  }

  /**
   * Whole blocks with at most `claimsMax` claims in all, but at least one block. When no more of them follow the batch
   * reaches to `until`, which therefore must not lie behind what is durable.
   */
  async next({ from, until, claimsMax }: Range): Promise<Batch> {
    const reading = await this.#at(from, until);
    const claims: ClaimRecord[] = [];
    try {
      for (;;) {
        reading.ahead ??= await nextBlock(reading);
        const block = reading.ahead;
        if (block === null) break;
        if (claims.length > 0 && claims.length + block.claims > claimsMax) return { from, mark: reading.mark, claims };
        for (const { record } of claimsOf(block)) claims.push(record);
        reading.mark = block.offset + block.bytes.length;
        reading.ahead = null;
      }
      const mark = Math.max(reading.mark, until);
      await this.close();
      return { from, mark, claims };
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  /** Lets go of the journal's files. */
  async close(): Promise<void> {
    const reading = this.#reading;
    this.#reading = null;
    await reading?.blocks.return?.();
  }

  async #at(from: number, until: number): Promise<Reading> {
    if (this.#reading?.mark === from && this.#reading.until === until) return this.#reading;
    await this.close();
    const blocks = this.#blocks(from, until)[Symbol.asyncIterator]();
    this.#reading = { until, blocks, mark: from, ahead: null };
    return this.#reading;
  }
}

async function nextBlock({ blocks, mark, until }: Reading): Promise<Block | null> {
  const { done, value } = await blocks.next();
  if (done) return null;
  const block = readBlock(value, 0);
  if (typeof block === 'string') throw new Error(`the journal holds ${block} behind ${mark}`);
  if (block.offset >= mark && block.offset < until) return block;
  throw new Error(`the journal holds a block at ${block.offset}, not in [${mark}, ${until})`);
}
