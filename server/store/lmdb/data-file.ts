/**
 * Looks at LMDB's data file before LMDB maps it, because LMDB ends the process over one that is damaged: a foreign
 * header is a segmentation fault, a page past the end of the file a bus error. It repairs nothing.
 * And it reads the two headers, of which each commit's last write replaces one: what has not changed was not committed.
 *
 *     each of the first two pages:  24 magic u32 · 28 version u16 · 48 page bytes u32 · 144 last page u64
 */
import { closeSync, fstatSync, ftruncateSync, openSync, readSync } from 'node:fs';

const MAGIC = 0xbeefc0de;
const VERSION = 2;
const AT = { magic: 24, version: 28, pageBytes: 48, lastPage: 144 } as const;
const HEADER_BYTES = 152;
const PAGE_BYTES_MAX = 65_536;

export type DataFile =
  /** There is none yet, or nothing was ever written to it. */
  | 'new'
  | 'whole'
  /** It ends before its last page. That may be right, where the last pages are free, so each page must be read. */
  | 'short';

/** Throws when the file is unreadable or not LMDB's. A short file is made longer with a hole, which reads as damage. */
export function dataFileOf(path: string): DataFile {
  let file: number;
  try {
    file = openSync(path, 'r+');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return 'new';
    throw error;
  }
  try {
    const { size } = fstatSync(file);
    if (size === 0) return 'new';
    const first = headerAt(file, 0);
    const second = headerAt(file, first.pageBytes);
    const wholeBytes = (Math.max(first.lastPage, second.lastPage) + 1) * first.pageBytes;
    if (size >= wholeBytes) return 'whole';
    ftruncateSync(file, wholeBytes);
    return 'short';
  } finally {
    closeSync(file);
  }
}

/** Both headers as they are now, of a file that `dataFileOf` has found to be LMDB's. */
export class Headers {
  readonly #file: number;
  readonly #bytes: number;

  constructor(path: string) {
    this.#file = openSync(path, 'r');
    this.#bytes = headerAt(this.#file, 0).pageBytes + HEADER_BYTES;
  }

  /** Takes about two microseconds: it is in the page cache. */
  read(): Buffer {
    const bytes = Buffer.alloc(this.#bytes);
    readSync(this.#file, bytes, 0, this.#bytes, 0);
    return bytes;
  }

  close(): void {
    closeSync(this.#file);
  }
}

function headerAt(file: number, offset: number): { pageBytes: number; lastPage: number } {
  const header = Buffer.alloc(HEADER_BYTES);
  const bytes = readSync(file, header, 0, HEADER_BYTES, offset);
  const pageBytes = header.readUInt32LE(AT.pageBytes);
  const isLmdb =
    bytes === HEADER_BYTES &&
    header.readUInt32LE(AT.magic) === MAGIC &&
    header.readUInt16LE(AT.version) === VERSION &&
    pageBytes >= HEADER_BYTES &&
    pageBytes <= PAGE_BYTES_MAX;
  if (!isLmdb) throw new Error('data.mdb is damaged or not a file of this store');
  return { pageBytes, lastPage: Number(header.readBigUInt64LE(AT.lastPage)) };
}
