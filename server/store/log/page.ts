/** A page of 4,096 bytes that says what it is and whether it is whole: the frame of segment heads and marks. */
import { crc32 } from 'node:zlib';

export const PAGE_BYTES = 4_096;
const AT = { magic: 0, version: 4, crc: 8 } as const;

export type PageKind = {
  /** Four characters. */
  magic: string;
  version: number;
  /** What a person calls it. */
  name: string;
};

/** A page of zeros but for what every page begins with; the writer fills it from byte 12 on. */
export function pageOf({ magic, version }: PageKind, fill: (page: Buffer) => void): Buffer {
  const page = Buffer.alloc(PAGE_BYTES);
  page.write(magic, AT.magic, 'latin1');
  page[AT.version] = version;
  fill(page);
  page.writeUInt32BE(crc32(page), AT.crc);
  return page;
}

/** Why this is no page of the kind; null when it is one. */
export function pageFault(page: Buffer, { magic, version, name }: PageKind): string | null {
  if (page.length < PAGE_BYTES) return `${name} cut short after ${page.length} bytes`;
  if (page.toString('latin1', AT.magic, AT.magic + magic.length) !== magic) return `no ${name}`;
  const found = page[AT.version] as number;
  if (found > version) return `${name} of format ${found}, which is newer than this program's ${version}`;
  const copy = Buffer.from(page.subarray(0, PAGE_BYTES));
  copy.writeUInt32BE(0, AT.crc);
  if (crc32(copy) !== page.readUInt32BE(AT.crc)) return `${name} with a wrong checksum`;
  return null;
}

export function readWide(page: Buffer, at: number): number {
  return page.readUInt32BE(at) * 0x1_0000_0000 + page.readUInt32BE(at + 4);
}

export function writeWide(page: Buffer, value: number, at: number): void {
  page.writeUInt32BE(Math.floor(value / 0x1_0000_0000), at);
  page.writeUInt32BE(value % 0x1_0000_0000, at + 4);
}
