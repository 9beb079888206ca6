/**
 * A small engine for tests of a journal: gives blocks their places, sequences and checksums as the real one does, and
 * keeps what it has written, so that a test can compare it with what is read.
 */

import { textBytes, writeText } from '../block/claim-text.ts';
import { AT, BLOCK_BYTES_MAX, placeAfter } from '../block/layout.ts';
import { bodyOfSeries } from '../block/series.ts';
import { BlockWriter } from '../block/writer.ts';
import type { Appended, Journal } from '../journal.ts';

export const CLOSED_AT = 1_795_348_800_000;
const SERIES = 1;
const BODY = bodyOfSeries({ eventKey: 'summer', period: '-', configVersion: 1, rewards: [] });

export class JournalWriter {
  /** Every block that was appended, oldest first, as it was then. */
  readonly appended: Buffer[] = [];
  /** How many of them, from the first on, have been answered as durable. */
  durable = 0;
  fenced = 0;
  readonly #journal: Journal;
  readonly #place: (offset: number) => number;
  #sequence = 0;
  #attempts = 0;
  #previous = 0;
  #head: number;

  /** `place` says where a block goes that comes behind an offset. */
  constructor(journal: Journal, place: (offset: number) => number = placeAfter) {
    this.#journal = journal;
    this.#place = place;
    this.#head = journal.startsAt;
  }

  /** Behind the last block that was appended. */
  get head(): number {
    return this.#head;
  }

  /** Appends a block with so many claims, without any a mark; resolves when it is settled. */
  append(claims: number, { userId = 'ann' }: { userId?: string } = {}): Promise<Appended> {
    const block = this.#build(claims, userId);
    const number = this.appended.push(Buffer.from(block));
    return new Promise((resolve) => {
      this.#journal.append(block, (appended) => {
        // The order of the answers is part of the promise, so it is looked at here, where every test comes by.
        if (this.durable + this.fenced + 1 !== number) throw new Error(`block ${number} was answered out of order`);
        if (appended === 'DURABLE') this.durable++;
        else this.fenced++;
        // From here on the bytes are the writer's again.
        block.fill(0xee);
        resolve(appended);
      });
    });
  }

  #build(claims: number, userId: string): Buffer {
    const buffer = Buffer.allocUnsafe(Math.min(BLOCK_BYTES_MAX, 1_024 + claims * (64 + userId.length)));
    const writer = new BlockWriter(buffer);
    const offset = this.#place(this.#head);
    writer.begin(0, {
      origin: this.#journal.origin,
      sequence: ++this.#sequence,
      offset,
      firstAttempt: this.#attempts + 1,
      previous: this.#previous,
    });
    if (claims > 0) writer.addSeries(SERIES, BODY);
    for (let i = 0; i < claims; i++) {
      const requestId = `r${++this.#attempts}`;
      const text = Buffer.alloc(textBytes(userId.length) + textBytes(requestId.length));
      const userEnd = writeText(text, 0, userId);
      const end = writeText(text, userEnd, requestId);
      writer.addClaim(SERIES, 0, CLOSED_AT, text, 0, userEnd, text, userEnd, end);
    }
    const block = writer.end(CLOSED_AT);
    this.#previous = block.readUInt32BE(AT.crc);
    this.#head = offset + block.length;
    return block;
  }
}

/** Everything a journal gives from an offset on. */
export async function blocksFrom(journal: Journal, from: number): Promise<Buffer[]> {
  const found: Buffer[] = [];
  for await (const block of journal.blocks(from)) found.push(block);
  return found;
}

/** The offset at which a block says it lies. */
export function offsetIn(block: Buffer): number {
  return Number(block.readBigUInt64BE(AT.offset));
}
