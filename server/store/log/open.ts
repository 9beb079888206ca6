/**
 * Opens the log for a new boot: takes the folder, recovers what is there, seals it and makes the boot's first segment. A
 * crash at any point leaves a log that opens to the same blocks.
 */
import { join } from 'node:path';
import type { Runtime } from '../../../protocol/runtime.ts';
import { FolderInUse } from '../../lib/folder-lock.ts';
import { reasonOf } from '../../lib/reason.ts';
import { BLOCK_BYTES_MAX, SEGMENT_BYTES, SEGMENT_HEAD_BYTES } from '../block/layout.ts';
import { StoreRefused, StoreUnavailable } from '../store.ts';
import { type FileLayer, realFiles } from './files.ts';
import { fillSegment, openSlots } from './fill.ts';
import { type Folder, segmentsAmong } from './folder.ts';
import { Log } from './log.ts';
import { isMark, MarkFile } from './mark.ts';
import { IN_FLIGHT_MAX, recover } from './recovery.ts';
import { firstPlaceIn, LOG_ID_BYTES, pathOfSegment } from './segment.ts';

/** The log may grow to this many bytes before what is in it must be projected. */
const BYTES_MAX = 8_589_934_592;
/** The segment that is written, the next one, and one that is being projected. */
const SEGMENTS_MIN = 3;

export type LogOptions = {
  /** The log's own; made if it is not there. */
  directory: string;
  nodeId: string;
  runtime: Runtime;
  files?: FileLayer;
  /** Bytes on disk at which the log is full, at least three segments; 8 GiB unless told otherwise. */
  bytesMax?: number;
  /** A log keeps the size with which it was made. Only tests ask for another than 64 MiB. */
  segmentBytes?: number;
  /** A line for the log: what fails, each time that changes. */
  onFailure?: (line: string) => void;
};

export type LogHome = {
  /**
   * Resolves with the journal of a boot of that name, which no boot before may have had. Rejects with StoreRefused when
   * the folder is in use or the log is damaged, with StoreUnavailable when files cannot be read or made.
   */
  open(boot: string): Promise<Log>;
};

export function openLog(options: LogOptions): LogHome {
  const { segmentBytes = SEGMENT_BYTES, bytesMax = BYTES_MAX } = options;
  if (segmentBytes < SEGMENT_HEAD_BYTES + BLOCK_BYTES_MAX || bytesMax < SEGMENTS_MIN * segmentBytes) {
    throw new RangeError(`a journal of ${bytesMax} bytes in segments of ${segmentBytes} bytes is too small`);
  }
  return {
    open: (boot) => openBoot(boot, { files: realFiles, segmentBytes, bytesMax, onFailure: () => {}, ...options }),
  };
}

async function openBoot(boot: string, options: Required<LogOptions>): Promise<Log> {
  const { files, directory } = options;
  try {
    const lock = await files.take(directory);
    try {
      return await begin(`${options.nodeId}.${boot}`, lock, options);
    } catch (error) {
      await lock.release();
      throw error;
    }
  } catch (cause) {
    if (cause instanceof StoreRefused) throw cause;
    const detail = reasonOf(cause);
    if (cause instanceof FolderInUse) throw new StoreRefused(detail, { cause });
    throw new StoreUnavailable(`the journal ${directory} cannot be opened: ${detail}`, { cause });
  }
}

async function begin(origin: string, lock: Awaited<ReturnType<FileLayer['take']>>, options: Required<LogOptions>) {
  const { files, directory, runtime, bytesMax, onFailure } = options;
  const markFile = await markOf(options);
  try {
    const folder: Folder = { ...markFile.identity, files, directory };
    const found = await recover(folder, markFile.mark);
    const { seal, next, released } = found;
    if (seal?.origin === origin) throw new StoreRefused(`the journal ${directory} has a boot ${origin} already`);
    for (const number of released) await files.remove(pathOfSegment(directory, number));
    const startsAt = firstPlaceIn(next, folder.segmentBytes);
    const unused = found.unused.at(-1);
    await fillSegment(
      folder,
      { ...folder, number: next, origin, startsAt, seal },
      unused === undefined ? {} : { unused },
    );
    const { oldest } = markFile.mark;
    await markFile.write({ origin, oldest, end: startsAt, sequence: 0, crc: 0 });
    const slots = await openSlots(folder, next, IN_FLIGHT_MAX);
    return new Log({ folder, markFile, lock, runtime, origin, seal, first: next, slots, bytesMax, onFailure });
  } catch (error) {
    await markFile.close();
    throw error;
  }
}

async function markOf({ files, directory, runtime, segmentBytes }: Required<LogOptions>): Promise<MarkFile> {
  const names = await files.list(directory);
  if (!names.some(isMark)) {
    if (segmentsAmong(names).length > 0)
      throw new StoreRefused(`the journal is damaged: ${join(directory, 'mark')} is missing`);
    const logId = Buffer.from(runtime.randomBytes(LOG_ID_BYTES)).toString('hex');
    return MarkFile.create(files, directory, { logId, segmentBytes });
  }
  const opened = await MarkFile.open(files, directory);
  if (typeof opened === 'string')
    throw new StoreRefused(`the journal is damaged: ${join(directory, 'mark')}: ${opened}`);
  if (opened.identity.segmentBytes === segmentBytes) return opened;
  await opened.close();
  const { segmentBytes: found } = opened.identity;
  throw new StoreRefused(`the journal ${directory} has segments of ${found} bytes, not ${segmentBytes}`);
}
