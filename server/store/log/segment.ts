/** A segment: the name of its file and the page at its beginning, which `LOG.md` draws. */
import { join } from 'node:path';
import { SEGMENT_HEAD_BYTES } from '../block/layout.ts';
import { type PageKind, pageFault, pageOf, readWide, writeWide } from './page.ts';

export const LOG_ID_BYTES = 16;
const KIND: PageKind = { magic: 'CLJS', version: 1, name: 'segment head' };
const AT = {
  segmentBytes: 12,
  logId: 16,
  number: 32,
  startsAt: 40,
  sealEnd: 48,
  sealSequence: 56,
  sealCrc: 64,
  originBytes: 68,
  sealOriginBytes: 70,
  origin: 72,
} as const;
const NAME = /^(\d{10})\.log$/;

/** The last block of a boot: nothing of that boot behind it will ever be valid. */
export type Seal = { origin: string; end: number; sequence: number; crc: number };

export type SegmentHead = {
  /** Hexadecimal. */
  logId: string;
  segmentBytes: number;
  number: number;
  /** `node.boot` of whoever writes here. */
  origin: string;
  /** Where the first block of that boot lies. */
  startsAt: number;
  /** Of the boot before; null when there was none. */
  seal: Seal | null;
};

export function nameOfSegment(number: number): string {
  return `${String(number).padStart(10, '0')}.log`;
}

export function pathOfSegment(directory: string, number: number): string {
  return join(directory, nameOfSegment(number));
}

/** Null for the name of anything else. */
export function segmentNamed(name: string): number | null {
  const [, digits] = NAME.exec(name) ?? [];
  return digits === undefined ? null : Number(digits);
}

export function encodeHead({ logId, segmentBytes, number, origin, startsAt, seal }: SegmentHead): Buffer {
  return pageOf(KIND, (page) => {
    page.writeUInt32BE(segmentBytes, AT.segmentBytes);
    page.write(logId, AT.logId, LOG_ID_BYTES, 'hex');
    writeWide(page, number, AT.number);
    writeWide(page, startsAt, AT.startsAt);
    page.writeUInt16BE(origin.length, AT.originBytes);
    page.write(origin, AT.origin, 'latin1');
    if (seal === null) return;
    writeWide(page, seal.end, AT.sealEnd);
    writeWide(page, seal.sequence, AT.sealSequence);
    page.writeUInt32BE(seal.crc, AT.sealCrc);
    page.writeUInt16BE(seal.origin.length, AT.sealOriginBytes);
    page.write(seal.origin, AT.origin + origin.length, 'latin1');
  });
}

/** The head, or why there is none. */
export function decodeHead(page: Buffer): SegmentHead | string {
  const fault = pageFault(page, KIND);
  if (fault !== null) return fault;
  const originEnd = AT.origin + page.readUInt16BE(AT.originBytes);
  const sequence = readWide(page, AT.sealSequence);
  const seal: Seal = {
    origin: page.toString('latin1', originEnd, originEnd + page.readUInt16BE(AT.sealOriginBytes)),
    end: readWide(page, AT.sealEnd),
    sequence,
    crc: page.readUInt32BE(AT.sealCrc),
  };
  return {
    logId: page.toString('hex', AT.logId, AT.logId + LOG_ID_BYTES),
    segmentBytes: page.readUInt32BE(AT.segmentBytes),
    number: readWide(page, AT.number),
    origin: page.toString('latin1', AT.origin, originEnd),
    startsAt: readWide(page, AT.startsAt),
    seal: sequence === 0 ? null : seal,
  };
}

/** The first byte of a segment that a block may have. */
export function firstPlaceIn(number: number, segmentBytes: number): number {
  return number * segmentBytes + SEGMENT_HEAD_BYTES;
}
