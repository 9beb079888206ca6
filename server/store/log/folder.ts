/** The log's folder: which segments are there and what their heads say. It judges a head by itself, not among others. */
import { join } from 'node:path';
import { StoreRefused } from '../store.ts';
import type { Access, FileLayer, OpenFile } from './files.ts';
import type { LogIdentity } from './mark.ts';
import { PAGE_BYTES } from './page.ts';
import { decodeHead, nameOfSegment, pathOfSegment, type SegmentHead, segmentNamed } from './segment.ts';

export type Folder = LogIdentity & { files: FileLayer; directory: string };

/** Their numbers, ascending. */
export function segmentsAmong(names: readonly string[]): number[] {
  return names
    .map(segmentNamed)
    .filter((number) => number !== null)
    .sort((a, b) => a - b);
}

export function openSegment({ files, directory }: Folder, number: number, access: Access): Promise<OpenFile> {
  return files.open(pathOfSegment(directory, number), access);
}

export async function withSegment<T>(folder: Folder, number: number, use: (file: OpenFile) => Promise<T>): Promise<T> {
  const file = await openSegment(folder, number, 'read');
  try {
    return await use(file);
  } finally {
    await file.close();
  }
}

/** Rejects with StoreRefused when the segment is not one of this log at this place. */
export function headOf(folder: Folder, number: number): Promise<SegmentHead> {
  return withSegment(folder, number, async (file) => {
    const size = await file.size();
    if (size !== folder.segmentBytes) throw damage(folder, number, 0, `${size} bytes, not ${folder.segmentBytes}`);
    const page = Buffer.alloc(PAGE_BYTES);
    await file.read(page, 0);
    const head = decodeHead(page);
    if (typeof head === 'string') throw damage(folder, number, 0, head);
    const { logId, segmentBytes } = folder;
    if (head.logId !== logId) throw damage(folder, number, 0, `a segment of log ${head.logId}, not ${logId}`);
    if (head.segmentBytes !== segmentBytes) {
      throw damage(folder, number, 0, `a segment of ${head.segmentBytes} bytes, not ${segmentBytes}`);
    }
    if (head.number !== number) throw damage(folder, number, 0, `segment ${head.number}, not ${number}`);
    return head;
  });
}

/** The report: what was found where, in one line. `position` is in bytes of the file. */
export function damage({ directory }: Folder, number: number, position: number, detail: string): StoreRefused {
  const path = join(directory, nameOfSegment(number));
  return new StoreRefused(`the journal is damaged: ${path} at byte ${position}: ${detail}`);
}
