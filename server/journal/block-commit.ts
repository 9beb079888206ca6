/**
 * Group commit of a journal: everything decided since the last block goes into the next. A block closes after the input
 * that is waiting has been read, so it grows with the load by itself; the next is on its way before those who waited for
 * the last are answered. Nobody is answered before the block is durable and every block before it.
 *
 * Invariant: blocks that were not sent are the newest ones, so taking them back is taking back the end of the log.
 */
import type { Runtime } from '../../protocol/runtime.ts';
import { AT, BLOCK_BYTES_MAX } from '../store/block/layout.ts';
import { BlockWriter } from '../store/block/writer.ts';
import type { Appended, Journal } from '../store/journal.ts';
import type { Ask } from './ask.ts';
import type { Entries, Entry } from './entries.ts';
import { PendingBlock } from './pending-block.ts';
import type { Receiver, Refusal } from './receiver.ts';
import type { Tail } from './tail.ts';
import { type LineCode, SpareLines } from './waiting-lines.ts';
import type { Window } from './windows.ts';

/** The largest item, and the series that may have to come before it. */
const ITEM_BYTES_MAX = 8_192;
/** A decision may be this old: after it, what was decided is asked again before it is told. */
const LATE_MS = 800;
const BUSY: Refusal = { code: 'BUSY', retryAfterMs: 200 };
const UNKNOWN: Refusal = { code: 'OUTCOME_UNKNOWN' };

export type BlockCommitOptions = {
  journal: Journal;
  tail: Tail;
  entries: Entries;
  runtime: Runtime;
  nowMs: () => number;
  /** Whether what an entry's claims were decided by still grants: asked right before a block is written. */
  stillGrants: (entry: Entry) => boolean;
  /** A block that will not be written: its claims, one by one, newest block first. */
  takenBack: (entry: Entry, ring: Buffer, index: number) => void;
  durable: (block: { claims: number; ms: number }) => void;
  fenced: () => void;
};

export class BlockCommit {
  readonly #options: BlockCommitOptions;
  readonly #writer: BlockWriter;
  readonly #spareLines = new SpareLines();
  /** Closed or being built, oldest first; none of them is sent. */
  #unsent: PendingBlock[] = [];
  #sent: PendingBlock[] = [];
  #open: PendingBlock | null = null;
  #sequence = 0;
  #attempts = 0;
  #previousCrc = 0;
  #durableHead: number;
  #unsentClaims = 0;
  #isScheduled = false;
  #isFenced = false;
  readonly #flush = () => {
    this.#isScheduled = false;
    this.#send();
  };

  constructor(options: BlockCommitOptions) {
    this.#options = options;
    this.#writer = new BlockWriter(options.tail.ring);
    this.#durableHead = options.journal.startsAt;
  }

  /** Everything of this boot before this offset is durable. */
  get durableHead(): number {
    return this.#durableHead;
  }

  /** Claims that are decided and not sent yet. */
  get unsentClaims(): number {
    return this.#unsentClaims;
  }

  /** Claims of a window that are decided and not durable yet. */
  undurableOf(window: Window): number {
    const { tail } = this.#options;
    let claims = 0;
    for (const block of [...this.#sent, ...this.#unsent]) {
      for (const index of granted(block)) if (tail.entryAt(index).window === window) claims++;
    }
    return claims;
  }

  /** Resolves when everything that is decided now is durable, or will never be. */
  settled(): Promise<void> {
    const last = this.#unsent.at(-1) ?? this.#sent.at(-1);
    return last === undefined ? Promise.resolve() : new Promise((resolve) => last.whenOver.push(resolve));
  }

  /** Puts a claim into the next block and returns its offset in the log. */
  grant(entry: Entry, ask: Ask, slot: number, now: number, receiver: Receiver, number: number): number {
    const block = this.#blockWithRoom();
    const writer = this.#writer;
    if (entry.describedIn !== block.sequence) {
      writer.addSeries(entry.id, entry.body);
      block.describe(entry);
    }
    const { bytes, userAt, userEnd, requestBytes, requestAt, requestEnd, deadlineAt } = ask;
    const at = writer.addClaim(entry.id, slot, now, bytes, userAt, userEnd, requestBytes, requestAt, requestEnd);
    block.lines.add(receiver, number, 'GRANTED', block.start + at, deadlineAt);
    block.claims++;
    this.#unsentClaims++;
    this.#attempts++;
    this.#schedule();
    return block.offset + at;
  }

  /** Answers once the claim at this offset, which is in a block that is not durable yet, is durable. */
  waitFor(offset: number, code: LineCode, index: number, receiver: Receiver, number: number, deadlineAt: number): void {
    const block = lastAt(this.#unsent, offset) ?? lastAt(this.#sent, offset);
    if (block === undefined) throw new Error(`no block at ${offset} waits`);
    block.lines.add(receiver, number, code, index, deadlineAt);
  }

  /** Answers those whose deadline has passed with what is true then; what was decided stays decided. */
  answerLate(now: number): void {
    for (const { lines } of [...this.#sent, ...this.#unsent]) {
      for (let line = 0; line < lines.count; line++) {
        const receiver = lines.receiver(line);
        if (receiver === null || lines.deadlineAt(line) > now) continue;
        lines.done(line);
        receiver.refused(lines.number(line), lines.code(line) === 'GRANTED' ? UNKNOWN : BUSY);
      }
    }
  }

  #blockWithRoom(): PendingBlock {
    if (this.#open !== null && this.#writer.bytes + ITEM_BYTES_MAX <= BLOCK_BYTES_MAX) return this.#open;
    if (this.#open !== null) this.#close();
    const { tail, journal } = this.#options;
    const offset = tail.nextPlace();
    const block = new PendingBlock({
      offset,
      sequence: ++this.#sequence,
      start: tail.indexOf(offset),
      headBefore: tail.head,
      previousCrc: this.#previousCrc,
      firstAttempt: this.#attempts + 1,
      lines: this.#spareLines.take(),
    });
    const { sequence, firstAttempt, previousCrc: previous } = block;
    this.#writer.begin(block.start, { origin: journal.origin, sequence, offset, firstAttempt, previous });
    this.#open = block;
    this.#unsent.push(block);
    return block;
  }

  #close(): void {
    const block = this.#open;
    if (block === null) return;
    const { tail, nowMs } = this.#options;
    const bytes = this.#writer.end(nowMs());
    block.bytes = bytes;
    this.#previousCrc = bytes.readUInt32BE(AT.crc);
    tail.moveHead(block.offset + bytes.length);
    this.#open = null;
  }

  #schedule(): void {
    if (this.#isScheduled || this.#sent.length >= this.#options.journal.inFlightMax) return;
    this.#isScheduled = true;
    this.#options.runtime.soon(this.#flush);
  }

  #send(): void {
    const { journal, runtime, stillGrants } = this.#options;
    while (this.#sent.length < journal.inFlightMax && !this.#isFenced) {
      const [block] = this.#unsent;
      if (block === undefined) return;
      if (block === this.#open) this.#close();
      if (!block.entries.every(stillGrants)) return this.#takeBack(BUSY);
      this.#unsent.shift();
      this.#unsentClaims -= block.claims;
      this.#sent.push(block);
      block.sentAt = runtime.monotonicMs();
      journal.append(block.bytes as Buffer, (appended) => this.#settled(block, appended));
    }
  }

  #settled(block: PendingBlock, appended: Appended): void {
    if (appended === 'FENCED') return this.#fence();
    if (this.#sent.shift() !== block) throw new Error('blocks settle in order');
    const { runtime, durable } = this.#options;
    this.#durableHead = block.offset + (block.bytes as Buffer).length;
    const ms = runtime.monotonicMs() - block.sentAt;
    durable({ claims: block.claims, ms });
    if (this.#unsent.length > 0) this.#send();
    this.#answer(block, ms);
    this.#over(block);
  }

  /** What took long may not be what the event grants now: then the outcome is for the next request with this id to find. */
  #answer(block: PendingBlock, ms: number): void {
    const { tail, stillGrants } = this.#options;
    const isLate = ms >= LATE_MS && !block.entries.every(stillGrants);
    const { lines } = block;
    for (let line = 0; line < lines.count; line++) {
      const receiver = lines.receiver(line);
      if (receiver === null) continue;
      const number = lines.number(line);
      const code = lines.code(line);
      const index = lines.index(line);
      if (code === 'SOLD_OUT') receiver.refused(number, soldOut(tail.entryAt(index), this.#options.nowMs()));
      else if (isLate && code === 'GRANTED') receiver.refused(number, UNKNOWN);
      else receiver.claimed(number, code, tail.ring, index, tail.entryAt(index));
    }
  }

  #fence(): void {
    if (this.#isFenced) return;
    this.#isFenced = true;
    const sent = this.#sent;
    this.#sent = [];
    this.#takeBack(BUSY);
    this.#options.fenced();
    for (const block of sent) this.#refuse(block, UNKNOWN);
  }

  /** Nothing of these blocks was sent: as if they had never been decided. */
  #takeBack(outcome: Refusal): void {
    this.#close();
    const blocks = this.#unsent;
    const [first] = blocks;
    this.#unsent = [];
    if (first === undefined) return;
    const { tail, takenBack } = this.#options;
    for (const block of blocks.toReversed()) {
      this.#unsentClaims -= block.claims;
      for (const index of granted(block)) takenBack(tail.entryAt(index), tail.ring, index);
      block.undo();
    }
    this.#sequence = first.sequence - 1;
    this.#attempts = first.firstAttempt - 1;
    this.#previousCrc = first.previousCrc;
    tail.moveHead(first.headBefore);
    for (const block of blocks) this.#refuse(block, outcome);
  }

  #refuse(block: PendingBlock, outcome: Refusal): void {
    const { lines } = block;
    for (let line = 0; line < lines.count; line++) lines.receiver(line)?.refused(lines.number(line), outcome);
    this.#over(block);
  }

  /** Everybody who waited has been told. */
  #over({ lines, whenOver }: PendingBlock): void {
    this.#spareLines.give(lines);
    for (const tell of whenOver) tell();
  }
}

/** The newest block that starts at or before `offset`. */
function lastAt(blocks: readonly PendingBlock[], offset: number): PendingBlock | undefined {
  for (let i = blocks.length - 1; i >= 0; i--) {
    const block = blocks[i] as PendingBlock;
    if (block.offset <= offset) return block;
  }
  return undefined;
}

/** Where its claims lie in the ring, newest first. */
function granted({ lines }: PendingBlock): number[] {
  const indexes: number[] = [];
  for (let line = lines.count - 1; line >= 0; line--)
    if (lines.code(line) === 'GRANTED') indexes.push(lines.index(line));
  return indexes;
}

function soldOut({ by, series }: Entry, serverTime: number): Refusal {
  if (by === null) throw new Error(`a claim of ${series.eventKey} that this boot did not decide`);
  const { startsAt, endsAt } = by.event;
  return { code: 'SOLD_OUT', window: { serverTime, startsAt, endsAt } };
}
