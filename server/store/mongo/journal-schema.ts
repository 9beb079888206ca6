/**
 * What the journal keeps: a document for each block, one for each seal, and one record for the whole store that says who
 * may append and which boots the journal consists of. Pure.
 *
 * A seal takes the place of the first block of its boot that is missing. Seals are never deleted: an owner that wakes up
 * years later must still meet the one that ended it.
 */
import { Binary } from 'mongodb';
import { AT, SEGMENT_BYTES, SEGMENT_HEAD_BYTES } from '../block/layout.ts';
import { COLLECTION, type IndexSpec } from './schema.ts';

export type BlockDocument = {
  /** `node.boot/sequence`, the sequence with leading zeros, so that ids sort as they follow each other. */
  _id: string;
  /** The first byte of the log that is in it. */
  offset: number;
  bytes: number;
  claims: number;
  block: Binary;
};
export type SealDocument = { _id: string; seal: true; by: string };
export type JournalDocument = BlockDocument | SealDocument;

/** Covers the questions of where a block lies and which there are, so that no block is read to answer them. */
export const OFFSET_INDEX: IndexSpec = { name: 'offset', key: { offset: 1, _id: 1 } };

/** As many as the largest safe integer has. */
const SEQUENCE_DIGITS = 16;
/** The character after the slash: behind all ids of an origin. */
const BEHIND = '0';

export function blockIdOf(origin: string, sequence: number): string {
  return `${origin}/${String(sequence).padStart(SEQUENCE_DIGITS, '0')}`;
}

export function sequenceOf(id: string): number {
  return Number(id.slice(-SEQUENCE_DIGITS));
}

/** The ids of an origin with sequences from `from`, up to but without `below`. */
export function idRange(origin: string, from: number, below = Number.POSITIVE_INFINITY): { $gte: string; $lt: string } {
  const end = below === Number.POSITIVE_INFINITY ? `${origin}${BEHIND}` : blockIdOf(origin, below);
  return { $gte: blockIdOf(origin, from), $lt: end };
}

/** The head of the block has been written by the caller and is taken at its word. */
export function documentOfBlock(block: Buffer): BlockDocument {
  const originEnd = AT.origin + block.readUInt16BE(AT.originBytes);
  const origin = block.toString('latin1', AT.origin, originEnd);
  return {
    _id: blockIdOf(origin, Number(block.readBigUInt64BE(AT.sequence))),
    offset: Number(block.readBigUInt64BE(AT.offset)),
    bytes: block.length,
    claims: block.readUInt32BE(AT.claims),
    block: new Binary(block),
  };
}

export function isSeal(document: JournalDocument): document is SealDocument {
  return 'seal' in document;
}

/** A part of the journal: the blocks of one boot, or what is kept of them. */
export type BootRecord = {
  origin: string;
  startsAt: number;
  /** Blocks before are projected and not needed any more, whether or not they are still there. */
  from: { sequence: number; offset: number };
  /** The newest block that was durable at a renewal: it may never be found missing. 0 for none. */
  durable: number;
  /** The sequence that the seal has taken; null while nobody has looked. */
  seal: number | null;
  /** The byte behind its last valid block; null before the seal. */
  endsAt: number | null;
};

export type OwnerRecord = {
  _id: typeof OWNER_ID;
  /** Null before the first owner. */
  node: string | null;
  boot: string | null;
  /** Where its clients find it. */
  address: string;
  /** Grows by one with each owner: the condition of everything that an owner writes here. */
  epoch: number;
  renewedAt: Date;
  expiresAt: Date;
  /** The UUID of the journal's collection: one that was dropped must not come back empty. */
  collection: string;
  /** Oldest first. The owner's own is the last, once it has begun. */
  boots: BootRecord[];
};

/** In the collection `nodes`. */
export const OWNER_ID = COLLECTION.journal;

/** A boot starts a segment; one that nobody has written into yet will do. */
export function startBehind(end: number): number {
  const inSegment = end % SEGMENT_BYTES;
  if (inSegment <= SEGMENT_HEAD_BYTES) return end - inSegment + SEGMENT_HEAD_BYTES;
  return end - inSegment + SEGMENT_BYTES + SEGMENT_HEAD_BYTES;
}
