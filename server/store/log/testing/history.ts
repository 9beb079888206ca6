/**
 * What was promised to whom over many boots of one log, and whether a log that was opened again keeps it: every block
 * that was answered is there, what is there is what was appended, in order, and what was found once is found again.
 */
import { assert } from '../../../../protocol/testing/kit.ts';
import { AT, placeAfter } from '../../block/layout.ts';
import type { Journal } from '../../journal.ts';
import { blocksFrom, JournalWriter, offsetIn } from '../../testing/journal-writer.ts';

type Boot = { writer: JournalWriter; origin: string };

export class History {
  readonly #segmentBytes: number;
  #last: Boot | null = null;
  /** Of boots that are over, as they were found first. */
  #kept: Buffer[] = [];
  #released = 0;
  answered = 0;
  found = 0;

  constructor(segmentBytes: number) {
    this.#segmentBytes = segmentBytes;
  }

  /** Compares, then begins the next boot. `context` is for the message. */
  async opened(journal: Journal, context: string): Promise<JournalWriter> {
    const blocks = await blocksFrom(journal, journal.oldest);
    const own = this.#last === null ? 0 : blocks.filter((block) => originOf(block) === this.#last?.origin).length;
    const forgotten = this.#forgotten(journal.oldest);
    const survived = own + forgotten;
    if (this.#last !== null) {
      const { writer } = this.#last;
      assert.ok(survived >= writer.durable, `${context}: of ${writer.durable} answered blocks ${survived} are there`);
      this.#kept.push(...writer.appended.slice(0, survived));
      this.answered += writer.durable;
      this.found += survived;
    }
    assert.ok(
      this.#kept.every((block) => offsetIn(block) < this.#released || offsetIn(block) >= journal.oldest),
      context,
    );
    this.#kept = this.#kept.filter((block) => offsetIn(block) >= journal.oldest);
    assert.is(blocks.length, this.#kept.length, `${context}: blocks`);
    for (const [i, block] of blocks.entries())
      assert.ok(block.equals(this.#kept[i] as Buffer), `${context}: block ${i}`);
    const head = this.#kept.at(-1);
    if (head !== undefined)
      assert.ok(journal.startsAt >= offsetIn(head) + head.length, `${context}: it starts too early`);
    const writer = new JournalWriter(journal, (offset) => placeAfter(offset, this.#segmentBytes));
    this.#last = { writer, origin: journal.origin };
    return writer;
  }

  /** `offset` was released. */
  released(offset: number): void {
    this.#released = Math.max(this.#released, offset);
  }

  /** Blocks of the last boot that were released. */
  #forgotten(oldest: number): number {
    return this.#last?.writer.appended.filter((block) => offsetIn(block) < oldest).length ?? 0;
  }
}

function originOf(block: Buffer): string {
  return block.toString('latin1', AT.origin, AT.origin + block.readUInt16BE(AT.originBytes));
}
