/**
 * The index entry of a claim: whose it may be, and where it lies. Sixteen bytes, in rows of the index one behind the other.
 *
 *     0   hash of the user id              u32
 *     4   grantedAt, milliseconds          u48
 *     10  tag of the request id            u16, 0 where another claim of the user had this request id first
 *     12  number of the series             u32
 *
 * All of them little-endian. An entry is a hint and never an answer: users share hashes, requests share tags, and an
 * archived claim's entry is left where it is. Only the claim's row says what there is.
 */
export type IndexEntry = { hash: number; grantedAt: number; tag: number; series: number };

export const ENTRY_BYTES = 16;
export const NO_TAG = 0;

const AT = { hash: 0, grantedAt: 4, tag: 10, series: 12 };
const TIME_BYTES = 6;

/** What a filter is asked for: an entry of this user and series. Any 32 bits. */
export function seriesKey(hash: number, series: number): number {
  return mixed(hash, series);
}

/** The same of this user and a request with this tag. */
export function tagKey(hash: number, tag: number): number {
  return mixed(hash, ~tag);
}

function mixed(hash: number, word: number): number {
  const product = Math.imul(hash ^ Math.imul(word, 0xcc9e2d51), 0x1b873593);
  return product ^ (product >>> 15);
}

export function writeEntry(bytes: Buffer, at: number, { hash, grantedAt, tag, series }: IndexEntry): void {
  bytes.writeUInt32LE(hash, at + AT.hash);
  bytes.writeUIntLE(grantedAt, at + AT.grantedAt, TIME_BYTES);
  bytes.writeUInt16LE(tag, at + AT.tag);
  bytes.writeUInt32LE(series, at + AT.series);
}

export function entryAt(bytes: Buffer, at: number): IndexEntry {
  return {
    hash: hashAt(bytes, at),
    grantedAt: bytes.readUIntLE(at + AT.grantedAt, TIME_BYTES),
    tag: bytes.readUInt16LE(at + AT.tag),
    series: seriesAt(bytes, at),
  };
}

export function hashAt(bytes: Buffer, at: number): number {
  return bytes.readUInt32LE(at + AT.hash);
}

export function seriesAt(bytes: Buffer, at: number): number {
  return bytes.readUInt32LE(at + AT.series);
}
