/**
 * Where things lie in a block and in the log, as numbers. `BLOCK.md` draws it. All integers are big-endian; everything
 * starts at a multiple of eight bytes, so that 32 bits name any place in 32 GiB of log.
 */
export const MAGIC = 0x434c4a42; // "CLJB"
export const VERSION = 1;
export const KIND = { claims: 1, mark: 2 } as const;

export const AT = {
  magic: 0,
  version: 4,
  kind: 5,
  originBytes: 6,
  bytes: 8,
  crc: 12,
  sequence: 16,
  offset: 24,
  firstAttempt: 32,
  closedAt: 40,
  claims: 48,
  previous: 52,
  origin: 56,
} as const;

export const ITEM = { series: 1, claim: 2 } as const;
export const ITEM_AT = { bytes: 0, type: 2, series: 4 } as const;
/** A claim's own fields behind the eight bytes that every item has. */
export const CLAIM_AT = { slot: 8, grantedAt: 12, userId: 21 } as const;
/** A series has its length apart, because an item is padded. */
export const SERIES_AT = { bytes: 8, body: 10 } as const;
export const ITEM_HEAD_BYTES = 8;

export const ALIGN_BYTES = 8;
/** Small enough that a block is one write of a fraction of a millisecond, large enough for thousands of claims. */
export const BLOCK_BYTES_MAX = 262_144;
/** A block never lies in two segments. */
export const SEGMENT_BYTES = 67_108_864;
/** The first page of a segment describes it; the first block comes behind. */
export const SEGMENT_HEAD_BYTES = 4_096;

export function aligned(bytes: number): number {
  return (bytes + ALIGN_BYTES - 1) & -ALIGN_BYTES;
}

/** Where a block goes that comes behind everything before `offset`: with room for the largest one in its segment. */
export function placeAfter(offset: number, segmentBytes = SEGMENT_BYTES): number {
  const inSegment = offset % segmentBytes;
  if (inSegment < SEGMENT_HEAD_BYTES) return offset - inSegment + SEGMENT_HEAD_BYTES;
  return inSegment + BLOCK_BYTES_MAX <= segmentBytes ? offset : nextSegment(offset, segmentBytes) + SEGMENT_HEAD_BYTES;
}

/** The first byte of the segment after the one that holds `offset`. */
export function nextSegment(offset: number, segmentBytes = SEGMENT_BYTES): number {
  return offset - (offset % segmentBytes) + segmentBytes;
}
