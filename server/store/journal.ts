/**
 * The journal: what has been decided, one block per durable write, in order. The claims follow in the background
 * (`Projector`). Two homes, a segmented log on disk (`log/`) and a collection (`mongo/`), pass one contract suite.
 *
 * Offsets are bytes of one long log that only grows, whatever keeps it; `block/layout.ts` says where a block may lie.
 */
import type { ClaimRecord } from './store.ts';

/** What became of a block. FENCED: another node writes this journal now, and nothing from here on will be durable. */
export type Appended = 'DURABLE' | 'FENCED';

export type Journal = {
  /** `node.boot` of this writer: in every block, and the first two parts of every attempt. */
  readonly origin: string;
  /** Where this boot's first block goes. Always the first place of a segment. */
  readonly startsAt: number;
  /** Valid blocks lie in `[oldest, startsAt)` when it is opened; they are indexed and projected by whoever opened it. */
  readonly oldest: number;
  /** Blocks that may be on their way at once. */
  readonly inFlightMax: number;
  /**
   * Makes a block durable at the offset in its head, which is the place after the block before. `settled` is called once,
   * in the order of the calls, perhaps before this returns. A write whose outcome is not known is done again, the same
   * bytes, until it is known: until then `settled` waits, and `state` says so. The bytes may not change before `settled`.
   */
  append(block: Buffer, settled: (appended: Appended) => void): void;
  /** Valid blocks at and behind `from`, oldest first, each a copy; of this boot those that are durable. */
  blocks(from: number): AsyncIterable<Buffer>;
  /** The bytes of the log there, at most to the end of the segment; null when they are not kept any more. */
  read(offset: number, bytes: number): Promise<Buffer | null>;
  /** Everything before `offset` is projected and may be deleted. */
  release(offset: number): void;
  /** `isFull`: there is no room for another block, so nothing may be decided. */
  state(): { isFull: boolean; isWell: boolean; detail: string | null; bytes: number };
  /** Waits for what is on its way, then lets go. */
  close(): Promise<void>;
};

export type JournalHome = {
  /**
   * Becomes the only writer: what an earlier one left is sealed, so that nothing of it can become durable later. Says
   * where the writer is when another node is it and lives. Rejects with StoreRefused when the journal is damaged, with a
   * report of what and where; with StoreUnavailable when it cannot be reached.
   */
  open(boot: string): Promise<Journal | { elsewhere: string }>;
};

/** A claim of the journal whose key or request id the store has given to another claim: a broken promise. */
export type Conflict = { journaled: ClaimRecord; stored: ClaimRecord; at: number };

export type Projector = {
  /** Everything before this offset of the journal is in the claims. */
  mark(): Promise<number>;
  /**
   * Turns the next blocks, from the mark to at most `until`, into claims with all their indexes and moves the mark. Does
   * about `claimsMax` at once, or fewer. Doing it again, after a crash in the middle, changes nothing. `claims` are those
   * it was given, conflicts included; a conflict that was recorded before is told again where it is met again.
   */
  advance(until: number, claimsMax: number): Promise<{ mark: number; claims: number; conflicts: Conflict[] }>;
  /**
   * Does a part of what keeps the store quick as it grows; false when there is nothing to do. Asked after each `advance`
   * and while there is nothing to advance. Rejects with StoreUnavailable.
   */
  tidy(): Promise<boolean>;
  close(): Promise<void>;
};

/**
 * What a node has worked out from journal and store, in one file beside the journal, so that the next start need not work it
 * out again. It may be missing, old or damaged at any time: then a start takes longer, and is as right.
 */
export type HintStore = {
  /** Claims that are worth another hint; a million unless told otherwise. */
  readonly claimsMin?: number;
  /** With what the hashes of the last hint were made, eight bytes; null when there is none that can be read. */
  seed(): Promise<Buffer | null>;
  /** The pieces of the last hint; null unless every byte of it is as it was written. A piece holds until the next is asked for. */
  read(): Promise<AsyncIterable<Buffer> | null>;
  /** Puts these in the place of the last, which stays when this rejects. Asks for the next piece when the last one is written. */
  write(seed: Uint8Array, pieces: Iterable<Uint8Array>): Promise<void>;
  /** The write that is on its way rests no more: it asks for its next piece at once. */
  stop(): void;
  /**
   * A number that is another one after each commit of claims which did not come from the journal; null where nobody counts
   * them. Rejects with StoreUnavailable.
   */
  directCommits(): Promise<number | null>;
};
