/**
 * Copies a part of a log that is being written, so that a log of its own comes of it: the segments from where `from` lies to
 * where `until` ends, and a mark that ends there. Every block in it is checked against the one before on the way.
 *
 * What is behind `until` is left out, though it may be durable: the copy must not know more than the tables beside it.
 */
import { mkdir, open } from 'node:fs/promises';
import { readBlock } from '../block/reader.ts';
import { StoreRefused } from '../store.ts';
import { realFiles } from './files.ts';
import { type Folder, headOf } from './folder.ts';
import { identityIn, MarkFile } from './mark.ts';
import { firstPlaceIn, pathOfSegment } from './segment.ts';
import { readLog } from './walk.ts';

const PIECE_BYTES = 1_048_576;

export type CopyOptions = {
  /** Where a block lies or ends; everything from here on is in the copy. */
  from: number;
  /** Where a block ends, or the boot's first one will lie; durable. */
  until: number;
  onBytes: (bytes: number) => void;
};

/** Into a folder that is made. Rejects with StoreRefused when a block is missing. */
export async function copyLog(directory: string, to: string, { from, until, onBytes }: CopyOptions): Promise<void> {
  await mkdir(to, { mode: 0o700 });
  const identity = await identityIn(realFiles, directory);
  if (typeof identity === 'string') throw new StoreRefused(`the journal is damaged: ${directory}: ${identity}`);
  const folder: Folder = { ...identity, files: realFiles, directory };
  const { segmentBytes } = identity;
  const first = Math.floor(from / segmentBytes);
  const last = Math.floor((until - 1) / segmentBytes);
  for (let number = first; number <= last; number++) {
    const bytes = Math.min(until - number * segmentBytes, segmentBytes);
    await copySegment(pathOfSegment(directory, number), pathOfSegment(to, number), { bytes, segmentBytes, onBytes });
  }
  const { origin, startsAt } = await headOf(folder, last);
  const mark = await MarkFile.create(realFiles, to, identity);
  try {
    const end = await lastBlock(directory, firstPlaceIn(last, segmentBytes), until);
    if (end === null && until !== startsAt) throw new StoreRefused(`the journal ${directory} has no end at ${until}`);
    const ended = end ?? { end: startsAt, sequence: 0, crc: 0 };
    // Twice: each of its two pages must name this end.
    for (let page = 0; page < 2; page++) await mark.write({ origin, oldest: first, ...ended });
  } finally {
    await mark.close();
  }
  await realFiles.syncFolder(to);
}

/** Reads the copy again and checks every block of it. Rejects with StoreRefused. Resolves with the claims in them. */
export async function verifyLog(directory: string, { from, until }: { from: number; until: number }): Promise<number> {
  let claims = 0;
  for await (const bytes of readLog(directory, { from, until })) {
    const block = readBlock(bytes, 0);
    if (typeof block === 'string') throw new StoreRefused(`the journal ${directory} has ${block}`);
    claims += block.claims;
  }
  return claims;
}

type Bounds = { bytes: number; segmentBytes: number; onBytes: (bytes: number) => void };

/** What is left of the segment is a hole, which reads as zeros. */
async function copySegment(from: string, to: string, { bytes, segmentBytes, onBytes }: Bounds): Promise<void> {
  const source = await open(from, 'r');
  try {
    const target = await open(to, 'wx', 0o600);
    try {
      const piece = Buffer.allocUnsafe(PIECE_BYTES);
      for (let at = 0; at < bytes; ) {
        const { bytesRead } = await source.read(piece, 0, Math.min(PIECE_BYTES, bytes - at), at);
        if (bytesRead === 0) throw new StoreRefused(`the journal is damaged: ${from} ends at byte ${at}`);
        await target.write(piece, 0, bytesRead, at);
        at += bytesRead;
        onBytes(bytesRead);
      }
      await target.truncate(segmentBytes);
      await target.sync();
    } finally {
      await target.close();
    }
  } finally {
    await source.close();
  }
}

async function lastBlock(directory: string, from: number, until: number) {
  let last: { end: number; sequence: number; crc: number } | null = null;
  for await (const bytes of readLog(directory, { from, until })) {
    const block = readBlock(bytes, 0);
    if (typeof block === 'string') throw new StoreRefused(`the journal ${directory} has ${block}`);
    last = { end: block.offset + bytes.length, sequence: block.sequence, crc: block.crc };
  }
  return last;
}
