/**
 * Makes one segment: fills a separate file, in small pieces, and gives it its name when everything of it is durable. A
 * write into blocks that the file system has already given out needs no more than the write; filling the file that is
 * being appended to would stall it.
 */
import { join } from 'node:path';
import type { OpenFile } from './files.ts';
import { type Folder, openSegment } from './folder.ts';
import { encodeHead, nameOfSegment, pathOfSegment, type SegmentHead } from './segment.ts';

const SPARE_NAME = 'spare';
const PIECE_BYTES = 1_048_576;
/** Synced this often, so that the last sync does not hold up everybody's writes. */
const SYNC_BYTES = 8_388_608;
const ZEROS = Buffer.alloc(PIECE_BYTES);

export type FillOptions = {
  /** A segment in which nothing valid lies: its file is used instead of a new one. */
  unused?: number;
  /** Waits between two pieces. Rejects to give up. */
  rest?: () => Promise<void>;
};

/**
 * Resolves when the segment is durable in its place, over whatever was there. What is left in a file that is used again
 * cannot be taken for new: every block names its boot and its offset.
 */
export async function fillSegment(folder: Folder, head: SegmentHead, { unused, rest }: FillOptions): Promise<void> {
  const { files, directory } = folder;
  const spare = join(directory, SPARE_NAME);
  try {
    if (unused === undefined) await withFile(await files.open(spare, 'made'), (file) => fill(file, folder, rest));
    else await reuse(folder, unused, spare);
    await withFile(await files.open(spare, 'through'), (file) => file.write(encodeHead(head), 0));
    await files.rename(spare, join(directory, nameOfSegment(head.number)));
    await files.syncFolder(directory);
  } catch (error) {
    // On a full disk, what there is of it is better given back.
    await files.remove(spare).catch(() => {});
    throw error;
  }
}

/** The descriptors through which a segment is appended to, one for each block that may be on its way. */
export async function openSlots(folder: Folder, number: number, count: number): Promise<OpenFile[]> {
  const slots: OpenFile[] = [];
  // A failed write is told once to each open file, so blocks on their way at the same time must not share one.
  while (slots.length < count) slots.push(await openSegment(folder, number, 'through'));
  return slots;
}

/** It loses its old name for good before its head is another's. */
async function reuse({ files, directory }: Folder, unused: number, spare: string): Promise<void> {
  await files.rename(pathOfSegment(directory, unused), spare);
  await files.syncFolder(directory);
}

async function fill(file: OpenFile, { segmentBytes }: Folder, rest = async () => {}): Promise<void> {
  for (let at = 0; at < segmentBytes; at += PIECE_BYTES) {
    await file.write(ZEROS.subarray(0, Math.min(PIECE_BYTES, segmentBytes - at)), at);
    if ((at + PIECE_BYTES) % SYNC_BYTES === 0) await file.sync();
    await rest();
  }
  await file.sync();
}

async function withFile(file: OpenFile, use: (file: OpenFile) => Promise<void>): Promise<void> {
  try {
    await use(file);
  } finally {
    await file.close();
  }
}
