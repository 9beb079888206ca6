/**
 * A node's memory as the pieces of a hint, and back. First what there is (`HintHead`), then the index of each window, then the
 * filter of request ids. The numbers lie as the machine has them, since a hint never leaves it.
 *
 * A hint speaks of all claims before one offset of the log. Memory goes on changing while it is copied, so it may show more
 * than that: a claim too many is one look-up too many, because every hit is verified. It never shows less. Positions are
 * copied of claims that are durable and not in the store; at any other nothing is to be read after the next start.
 */
import { ABSENT, type Fingerprints, TABLES } from './fingerprints.ts';
import { BUCKET_SHIFT, BUCKETS, COUNT_MAX, type RequestFilter } from './request-filter.ts';
import { LAP_BYTES, type Tail } from './tail.ts';
import { IN_STORE } from './windows.ts';

const KIND = { head: 1, entries: 2, tags: 3 } as const;
/** Copying so much takes a millisecond. */
const PIECE_WORDS = 1 << 18;
const TABLE_SHIFT = 24;

export type HintedWindow = {
  eventKey: string;
  period: string;
  modeRevision: number;
  /** Of the claims that the hint speaks of. */
  slotGiven: number | null;
  head: number;
};

export type HintHead = {
  /** Raised with any change of what is in the pieces. */
  format: typeof FORMAT;
  /** Where the last block that the hint knows lies, and its checksum: another log has another block there. */
  last: { at: number; crc: number };
  /** Behind that block: the hint speaks of all claims before. */
  until: number;
  /** Everything before this offset was in the store. */
  mark: number;
  /** See `HintStore`: request ids of claims that came into the store later by another way are not in the filter. */
  directCommits: number | null;
  /** Of each boot that has blocks before `until` and not before `mark`: how many claims it has, and where the last one ends. */
  boots: { origin: string; claims: number; end: number }[];
  windows: HintedWindow[];
  /** The body of each by base64; `window` counts those above. */
  series: { id: number; window: number; body: string }[];
};

export const FORMAT = 1;

/** What is to be copied. `from` and `until` are offsets of the log: only claims between them have a position of use. */
export type Memory = {
  head: HintHead;
  /** In the order of `head.windows`. */
  indexes: readonly Fingerprints[];
  filter: RequestFilter;
  tail: Pick<Tail, 'offsetOf'>;
};

/** Each piece holds until the next is asked for. */
export function* piecesOf({ head, indexes, filter, tail }: Memory): Generator<Uint8Array> {
  yield Buffer.concat([Buffer.from(Uint32Array.of(KIND.head).buffer), Buffer.from(JSON.stringify(head))]);
  const within = { from: head.mark, until: head.until, tail };
  for (const [window, index] of indexes.entries()) yield* entriesOf(index, window, within);
  if (filter.count > 0) yield* tagsOf(filter);
}

type Within = { from: number; until: number; tail: Pick<Tail, 'offsetOf'> };

function* entriesOf(index: Fingerprints, window: number, within: Within): Generator<Uint8Array> {
  let words = new Int32Array(PIECE_WORDS);
  words.set([KIND.entries, window]);
  let at = 2;
  for (let table = 0; table < TABLES; table++) {
    const slots = index.slotsOf(table);
    if (at > 2 && at + 2 + slots.length > words.length) {
      yield bytesOf(words, at);
      at = 2;
    }
    // A table is copied at once or not at all: it may have grown by the next piece.
    if (at + 2 + slots.length > words.length) {
      words = new Int32Array(at + 2 + slots.length);
      words.set([KIND.entries, window]);
    }
    const end = copyEntries(slots, words, at + 2, within);
    if (end === at + 2) continue;
    words[at] = table;
    words[at + 1] = (end - at - 2) / 2;
    at = end;
  }
  if (at > 2) yield bytesOf(words, at);
}

function copyEntries(slots: Int32Array, words: Int32Array, start: number, { from, until, tail }: Within): number {
  let at = start;
  for (let slot = 0; slot < slots.length; slot += 2) {
    const tag = slots[slot] as number;
    if (tag === 0) continue;
    const position = (slots[slot + 1] as number) >>> 0;
    const offset = position === IN_STORE ? ABSENT : tail.offsetOf(position);
    // In a log that has come round it may be an old one as well.
    if (offset >= until && until < LAP_BYTES) continue;
    words[at++] = tag;
    words[at++] = offset >= from && offset < until ? position : IN_STORE;
  }
  return at;
}

function* tagsOf(filter: RequestFilter): Generator<Uint8Array> {
  const words = new Uint32Array(PIECE_WORDS);
  const tags = new Uint16Array(words.buffer, 3 * words.BYTES_PER_ELEMENT);
  words[0] = KIND.tags;
  for (let bucket = 0; bucket < BUCKETS; ) {
    words[1] = bucket;
    let at = 0;
    for (; bucket < BUCKETS && at + 1 + COUNT_MAX <= tags.length; bucket++) {
      const count = filter.copyTags(bucket, tags, at + 1);
      tags[at] = count;
      at += 1 + count;
    }
    words[2] = bucket;
    yield new Uint8Array(words.buffer, 0, 3 * words.BYTES_PER_ELEMENT + at * tags.BYTES_PER_ELEMENT);
  }
}

/** The head, when this is the first piece of a hint that this version understands. */
export function headIn(piece: Buffer): HintHead | null {
  if (wordsOf(piece)[0] !== KIND.head) return null;
  const head = JSON.parse(piece.toString('utf8', 4)) as HintHead;
  return head.format === FORMAT ? head : null;
}

/** Takes in a piece behind the head. Windows that are not wanted any more are null. */
export function restorePiece(piece: Buffer, indexes: readonly (Fingerprints | null)[], filter: RequestFilter): void {
  const words = wordsOf(piece);
  if (words[0] === KIND.entries) {
    const index = indexes[words[1] as number] ?? null;
    if (index !== null) restoreEntries(words, index);
  } else if (words[0] === KIND.tags) {
    const tags = new Uint16Array(piece.buffer, piece.byteOffset + 12, (piece.length - 12) >> 1);
    restoreTags(tags, { from: words[1] as number, until: words[2] as number }, filter);
  } else throw new Error(`a piece of kind ${words[0]}`);
}

function restoreEntries(words: Int32Array, index: Fingerprints): void {
  for (let at = 2; at < words.length; ) {
    const [table, count] = [words[at] as number, words[at + 1] as number];
    const high = table << TABLE_SHIFT;
    const end = at + 2 + 2 * count;
    index.reserve(table, count);
    for (at += 2; at < end; at += 2) index.add(high, words[at] as number, words[at + 1] as number);
  }
}

function restoreTags(tags: Uint16Array, { from, until }: { from: number; until: number }, filter: RequestFilter): void {
  for (let bucket = from, at = 0; bucket < until; bucket++) {
    const end = at + 1 + (tags[at] as number);
    for (at++; at < end; at++) filter.add(bucket << BUCKET_SHIFT, tags[at] as number);
  }
}

function wordsOf(piece: Buffer): Int32Array {
  return new Int32Array(piece.buffer, piece.byteOffset, piece.length >> 2);
}

function bytesOf(words: Int32Array, length: number): Uint8Array {
  return new Uint8Array(words.buffer, 0, length * words.BYTES_PER_ELEMENT);
}
