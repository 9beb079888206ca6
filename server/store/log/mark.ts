/**
 * The mark: how far the log is known to be durable, and from where on it is kept. Without it a damaged last block could
 * not be told from one that was on its way when the power went. Two pages, written in turn; `LOG.md` draws them.
 *
 * Invariant: one of the two pages is whole at any time, because a write that failed is done again in the same place.
 */
import { join } from 'node:path';
import type { FileLayer, OpenFile } from './files.ts';
import { PAGE_BYTES, type PageKind, pageFault, pageOf, readWide, writeWide } from './page.ts';
import { LOG_ID_BYTES, type Seal } from './segment.ts';

const KIND: PageKind = { magic: 'CLJM', version: 1, name: 'mark' };
const AT = {
  segmentBytes: 12,
  logId: 16,
  count: 32,
  oldest: 40,
  end: 48,
  sequence: 56,
  crc: 64,
  originBytes: 68,
  origin: 70,
} as const;
const NAME = 'mark';
const NEW_NAME = 'mark.new';

/** What is durable of one boot, and the oldest segment. With sequence 0 the boot has nothing yet, and `end` is its start. */
export type Mark = Seal & { oldest: number };
export type LogIdentity = { logId: string; segmentBytes: number };

type Counted = LogIdentity & { count: number; mark: Mark };

export class MarkFile {
  readonly identity: LogIdentity;
  readonly #file: OpenFile;
  #count: number;
  #mark: Mark;
  #turn: Promise<void> = Promise.resolve();

  private constructor(file: OpenFile, { count, mark, logId, segmentBytes }: Counted) {
    this.identity = { logId, segmentBytes };
    this.#file = file;
    this.#count = count;
    this.#mark = mark;
  }

  /** As it was written last. */
  get mark(): Mark {
    return this.#mark;
  }

  /** Makes the mark of a new log. Its name comes last, so that a crash leaves no log or a whole one. */
  static async create(files: FileLayer, directory: string, identity: LogIdentity): Promise<MarkFile> {
    const mark: Mark = { oldest: 0, origin: '', end: 0, sequence: 0, crc: 0 };
    const file = await files.open(join(directory, NEW_NAME), 'made');
    try {
      for (const count of [0, 1]) await file.write(encode({ ...identity, count, mark }), count * PAGE_BYTES);
      await file.sync();
    } finally {
      await file.close();
    }
    await files.rename(join(directory, NEW_NAME), join(directory, NAME));
    await files.syncFolder(directory);
    return new MarkFile(await files.open(join(directory, NAME), 'through'), { ...identity, count: 1, mark });
  }

  /** The mark of a log, or why there is none that can be believed. */
  static async open(files: FileLayer, directory: string): Promise<MarkFile | string> {
    const file = await files.open(join(directory, NAME), 'through');
    const newest = await newestIn(file);
    if (typeof newest !== 'string') return new MarkFile(file, newest);
    await file.close();
    return newest;
  }

  /** Durable when it resolves. Calls are served one after the other. */
  write(mark: Mark): Promise<void> {
    const written = this.#turn.then(async () => {
      const count = this.#count + 1;
      await this.#file.write(encode({ ...this.identity, count, mark }), (count % 2) * PAGE_BYTES);
      this.#count = count;
      this.#mark = mark;
    });
    this.#turn = written.catch(() => {});
    return written;
  }

  async close(): Promise<void> {
    await this.#turn;
    await this.#file.close();
  }
}

export function isMark(name: string): boolean {
  return name === NAME;
}

/** For those who only read the log while another writes it. */
export async function identityIn(files: FileLayer, directory: string): Promise<LogIdentity | string> {
  const file = await files.open(join(directory, NAME), 'read');
  try {
    return await newestIn(file);
  } finally {
    await file.close();
  }
}

async function newestIn(file: OpenFile): Promise<Counted | string> {
  const pages = await Promise.all([0, 1].map((page) => pageAt(file, page * PAGE_BYTES)));
  const [newest] = pages.filter((page) => typeof page !== 'string').sort((a, b) => b.count - a.count);
  return newest ?? `both pages of the mark are unreadable: ${pages.join(', ')}`;
}

async function pageAt(file: OpenFile, position: number): Promise<Counted | string> {
  const page = Buffer.alloc(PAGE_BYTES);
  return decode(page.subarray(0, await file.read(page, position)));
}

function encode({ logId, segmentBytes, count, mark }: Counted): Buffer {
  return pageOf(KIND, (page) => {
    page.writeUInt32BE(segmentBytes, AT.segmentBytes);
    page.write(logId, AT.logId, LOG_ID_BYTES, 'hex');
    writeWide(page, count, AT.count);
    writeWide(page, mark.oldest, AT.oldest);
    writeWide(page, mark.end, AT.end);
    writeWide(page, mark.sequence, AT.sequence);
    page.writeUInt32BE(mark.crc, AT.crc);
    page.writeUInt16BE(mark.origin.length, AT.originBytes);
    page.write(mark.origin, AT.origin, 'latin1');
  });
}

function decode(page: Buffer): Counted | string {
  const fault = pageFault(page, KIND);
  if (fault !== null) return fault;
  return {
    logId: page.toString('hex', AT.logId, AT.logId + LOG_ID_BYTES),
    segmentBytes: page.readUInt32BE(AT.segmentBytes),
    count: readWide(page, AT.count),
    mark: {
      oldest: readWide(page, AT.oldest),
      end: readWide(page, AT.end),
      sequence: readWide(page, AT.sequence),
      crc: page.readUInt32BE(AT.crc),
      origin: page.toString('latin1', AT.origin, AT.origin + page.readUInt16BE(AT.originBytes)),
    },
  };
}
