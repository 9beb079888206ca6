/**
 * Bytes into blocks, for recovery, projection and people. Nothing is believed before the checksum has been: a block
 * that is not exactly what a writer made is a fault with a sentence, never a guess.
 */
import { crc32 } from 'node:zlib';
import { claimKeyOf } from '../../../protocol/key.ts';
import type { ClaimRecord } from '../store.ts';
import { decodeClaimText } from './claim-text.ts';
import {
  AT,
  aligned,
  BLOCK_BYTES_MAX,
  CLAIM_AT,
  ITEM,
  ITEM_AT,
  ITEM_HEAD_BYTES,
  type KIND,
  MAGIC,
  SERIES_AT,
  VERSION,
} from './layout.ts';
import { type Series, seriesOf } from './series.ts';

export type Block = {
  origin: string;
  sequence: number;
  offset: number;
  firstAttempt: number;
  closedAt: number;
  claims: number;
  crc: number;
  previous: number;
  kind: (typeof KIND)[keyof typeof KIND];
  bytes: Buffer;
};

/** A claim in a block, `at` bytes behind the block's start. */
export type BlockClaim = { at: number; series: number; record: ClaimRecord };

/** The block that starts at `start`, or why there is none. The bytes are not copied. */
export function readBlock(buffer: Buffer, start: number): Block | string {
  if (start + AT.origin > buffer.length) return 'cut short in its head';
  if (buffer.readUInt32BE(start) !== MAGIC) return 'no block';
  if (buffer[start + AT.version] !== VERSION) return `format ${buffer[start + AT.version]}, not ${VERSION}`;
  const length = buffer.readUInt32BE(start + AT.bytes);
  if (length < AT.origin || length > BLOCK_BYTES_MAX || length % 8 !== 0) return `a length of ${length}`;
  if (start + length > buffer.length) return 'cut short';
  const bytes = buffer.subarray(start, start + length);
  const crc = bytes.readUInt32BE(AT.crc);
  if (checksumOf(bytes) !== crc) return 'a wrong checksum';
  const kind = bytes[AT.kind] as Block['kind'];
  return {
    origin: bytes.toString('latin1', AT.origin, AT.origin + bytes.readUInt16BE(AT.originBytes)),
    sequence: wideAt(bytes, AT.sequence),
    offset: wideAt(bytes, AT.offset),
    firstAttempt: wideAt(bytes, AT.firstAttempt),
    closedAt: wideAt(bytes, AT.closedAt),
    claims: bytes.readUInt32BE(AT.claims),
    previous: bytes.readUInt32BE(AT.previous),
    ...{ kind, crc, bytes },
  };
}

/** The claims of a block in order, with the series they belong to. Throws on a block that `readBlock` has not accepted. */
export function* claimsOf(block: Block): Generator<BlockClaim> {
  const { bytes, origin, firstAttempt } = block;
  const series = new Map<number, Series>();
  let attempt = firstAttempt;
  for (const item of itemsOf(block)) {
    if (item.type === ITEM.series) {
      series.set(item.series, seriesAt(bytes, item.at));
    } else {
      const of = series.get(item.series);
      if (of === undefined) throw new Error(`a claim of series ${item.series}, which its block does not describe`);
      yield { at: item.at, series: item.series, record: recordAt(bytes, item.at, of, `${origin}.${attempt++}`) };
    }
  }
}

/** The series that a block describes, by id. */
export function seriesIn(block: Block): Map<number, Series> {
  const found = new Map<number, Series>();
  for (const { type, series, at } of itemsOf(block)) {
    if (type === ITEM.series) found.set(series, seriesAt(block.bytes, at));
  }
  return found;
}

export type Item = { type: number; series: number; at: number };

export function* itemsOf({ bytes, origin }: Block): Generator<Item> {
  let at = aligned(AT.origin + origin.length);
  while (at < bytes.length) {
    const length = bytes.readUInt16BE(at + ITEM_AT.bytes);
    if (length < ITEM_HEAD_BYTES || at + length > bytes.length) throw new Error(`an item of ${length} bytes at ${at}`);
    yield { type: bytes[at + ITEM_AT.type] as number, series: bytes.readUInt32BE(at + ITEM_AT.series), at };
    at += length;
  }
}

/** The claim whose item starts at `at`. */
export function recordAt(bytes: Buffer, at: number, series: Series, attempt: string): ClaimRecord {
  const { eventKey, period, configVersion, rewards } = series;
  const { userId, requestId } = decodeClaimText(bytes, at + CLAIM_AT.userId);
  const slot = bytes.readUInt32BE(at + CLAIM_AT.slot);
  return {
    claimKey: claimKeyOf(eventKey, period, userId),
    ...{ eventKey, period, userId, requestId },
    grantedAt: wideAt(bytes, at + CLAIM_AT.grantedAt + 1),
    configVersion,
    slot: slot === 0 ? null : slot,
    rewards,
    delivery: { state: 'PENDING', attempts: 0, fulfilledAt: null },
    attempt,
  };
}

function seriesAt(bytes: Buffer, at: number): Series {
  const from = at + SERIES_AT.body;
  return seriesOf(bytes.subarray(from, from + bytes.readUInt16BE(at + SERIES_AT.bytes)));
}

function wideAt(bytes: Buffer, at: number): number {
  return bytes.readUInt32BE(at) * 0x1_0000_0000 + bytes.readUInt32BE(at + 4);
}

/** Over the whole block, with its own four bytes as zero. */
function checksumOf(bytes: Buffer): number {
  const head = Buffer.from(bytes.subarray(0, AT.origin));
  head.writeUInt32BE(0, AT.crc);
  return crc32(bytes.subarray(AT.origin), crc32(head));
}
