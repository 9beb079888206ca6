/** Claims written into a real log as blocks, as the server does it, and what they should become. */
import { join } from 'node:path';
import { realRuntime } from '../../../lib/runtime.ts';
import { textBytes, writeText } from '../../block/claim-text.ts';
import { AT, BLOCK_BYTES_MAX, placeAfter } from '../../block/layout.ts';
import { bodyOfSeries } from '../../block/series.ts';
import { BlockWriter } from '../../block/writer.ts';
import type { Journal } from '../../journal.ts';
import { openLog } from '../../log/open.ts';
import type { ClaimDraft, ClaimRecord } from '../../store.ts';

/** Small, because a log fills its segments ahead. */
const SEGMENT_BYTES = 1_048_576;

export type Journaled = {
  /** Behind the last durable block: what a projection may go up to. */
  readonly head: number;
  /** One block of these; resolves with what they are when it is durable. */
  append(drafts: readonly (ClaimDraft & { slot?: number })[]): Promise<ClaimRecord[]>;
  close(): Promise<void>;
};

/** The journal of the data folder, opened for a new boot. */
export async function openJournaled(directory: string, boot: string): Promise<Journaled> {
  const journal = join(directory, 'journal');
  const home = openLog({ directory: journal, nodeId: 'node', runtime: realRuntime, segmentBytes: SEGMENT_BYTES });
  return new Appender(await home.open(boot));
}

class Appender implements Journaled {
  readonly #journal: Journal;
  head: number;
  #sequence = 0;
  #attempts = 0;
  #previous = 0;

  constructor(journal: Journal) {
    this.#journal = journal;
    this.head = journal.startsAt;
  }

  async append(drafts: readonly (ClaimDraft & { slot?: number })[]): Promise<ClaimRecord[]> {
    const { origin } = this.#journal;
    const offset = placeAfter(this.head, SEGMENT_BYTES);
    const writer = new BlockWriter(Buffer.alloc(BLOCK_BYTES_MAX));
    const firstAttempt = this.#attempts + 1;
    writer.begin(0, { origin, sequence: ++this.#sequence, offset, firstAttempt, previous: this.#previous });
    const series = new Map<string, number>();
    for (const draft of drafts) {
      const body = bodyOfSeries(draft);
      const name = Buffer.from(body).toString('hex');
      const id = series.get(name) ?? series.size + 1;
      if (!series.has(name)) writer.addSeries(id, body);
      series.set(name, id);
      const text = Buffer.alloc(textBytes(draft.userId.length) + textBytes(draft.requestId.length));
      const userEnd = writeText(text, 0, draft.userId);
      const end = writeText(text, userEnd, draft.requestId);
      writer.addClaim(id, draft.slot ?? 0, draft.grantedAt, text, 0, userEnd, text, userEnd, end);
    }
    const block = writer.end(realRuntime.wallMs());
    this.#previous = block.readUInt32BE(AT.crc);
    await new Promise<void>((resolve) => this.#journal.append(block, () => resolve()));
    this.head = offset + block.length;
    return drafts.map((draft) => ({
      ...draft,
      slot: draft.slot ?? null,
      attempt: `${origin}.${++this.#attempts}`,
    }));
  }

  close(): Promise<void> {
    return this.#journal.close();
  }
}
