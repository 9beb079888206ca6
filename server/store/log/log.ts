/**
 * The embedded journal of one boot: a log of segments on this machine's disk. It puts the parts together: the appender
 * writes, the successor makes the next segment, the marker says how far it is durable. It decides nothing about blocks.
 */
import type { Runtime } from '../../../protocol/runtime.ts';
import { reasonLineOf } from '../../lib/reason.ts';
import { BLOCK_BYTES_MAX } from '../block/layout.ts';
import type { Appended, Journal } from '../journal.ts';
import { Appender } from './appender.ts';
import type { OpenFile } from './files.ts';
import { type Folder, openSegment } from './folder.ts';
import type { Mark, MarkFile } from './mark.ts';
import { Marker } from './marker.ts';
import { IN_FLIGHT_MAX } from './recovery.ts';
import { firstPlaceIn, pathOfSegment, type Seal } from './segment.ts';
import { Successor } from './successor.ts';
import { walk } from './walk.ts';

/** The next segment is made when this part of the newest one is used. */
const USED_PART = 1 / 16;
/** Without a next segment the log is full when no more than so many of the largest blocks fit. */
const RESERVE_BLOCKS = 8;
const RESERVE_PART = 1 / 32;

export type LogParts = {
  folder: Folder;
  markFile: MarkFile;
  lock: { release(): Promise<void> };
  runtime: Runtime;
  origin: string;
  seal: Seal | null;
  /** The boot's first segment, and the descriptors to write it. */
  first: number;
  slots: OpenFile[];
  bytesMax: number;
  onFailure: (line: string) => void;
};

export class Log implements Journal {
  readonly origin: string;
  readonly startsAt: number;
  readonly oldest: number;
  readonly inFlightMax = IN_FLIGHT_MAX;
  readonly logId: string;
  readonly #parts: LogParts;
  readonly #appender: Appender;
  readonly #successor: Successor;
  readonly #marker: Marker;
  readonly #readers = new Map<number, Promise<OpenFile>>();
  /** The oldest segment that is kept, the oldest that is still there, and the newest. */
  #kept: number;
  #present: number;
  #newest: number;
  #written: number;
  #state: ReturnType<Journal['state']> = { isFull: false, isWell: true, detail: null, bytes: 0 };
  #forgetting: Promise<void> = Promise.resolve();
  #closed: Promise<void> | null = null;

  constructor(parts: LogParts) {
    const { folder, markFile, runtime, origin, first, slots } = parts;
    const { segmentBytes } = folder;
    this.#parts = parts;
    this.origin = origin;
    this.logId = folder.logId;
    this.startsAt = firstPlaceIn(first, segmentBytes);
    this.#kept = markFile.mark.oldest;
    this.#present = this.#kept;
    this.#newest = first;
    this.#written = first;
    this.oldest = firstPlaceIn(this.#kept, segmentBytes);
    const changed = () => this.#changed();
    const durable = () => this.#durable();
    this.#appender = new Appender({ runtime, segmentBytes, startsAt: this.startsAt, durable, changed });
    this.#successor = new Successor({
      ...{ folder, runtime, slots: slots.length, changed },
      headOf: (number) => ({ ...folder, number, origin, startsAt: this.startsAt, seal: parts.seal }),
      limit: () => this.#limit(),
      made: (number, files) => this.#made(number, files),
    });
    this.#marker = new Marker(
      markFile,
      runtime,
      () => this.#mark(),
      (error) => parts.onFailure(`the mark of the journal cannot be written: ${reasonLineOf(error)}`),
    );
    this.#appender.add(first, slots);
    this.#changed();
  }

  append(block: Buffer, settled: (appended: Appended) => void): void {
    this.#appender.append(block, settled);
    if (this.#successor.stuck !== null) this.#changed();
  }

  blocks(from: number): AsyncIterable<Buffer> {
    const oldest = firstPlaceIn(this.#kept, this.#parts.folder.segmentBytes);
    return walk(this.#parts.folder, Math.max(from, oldest), this.#appender.end);
  }

  async read(offset: number, bytes: number): Promise<Buffer | null> {
    const { segmentBytes } = this.#parts.folder;
    const number = Math.floor(offset / segmentBytes);
    if (number < this.#kept || number > this.#newest) return null;
    const position = offset % segmentBytes;
    const buffer = Buffer.allocUnsafe(Math.min(bytes, segmentBytes - position));
    const file = await this.#reader(number);
    if (file === null) return null;
    return buffer.subarray(0, await file.read(buffer, position));
  }

  release(offset: number): void {
    // The last durable block stays: it says where this boot ends, and that it has anything.
    const segment = Math.min(Math.floor(offset / this.#parts.folder.segmentBytes), this.#written);
    if (segment <= this.#kept || this.#closed !== null) return;
    this.#kept = segment;
    this.#forgetting = this.#forgetting.then(() => this.#forget());
  }

  state(): ReturnType<Journal['state']> {
    return this.#state;
  }

  /** A block that cannot be written now is tried once more and then stays unanswered. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    const { markFile, lock, onFailure } = this.#parts;
    await this.#appender.drain(() => this.#successor.stuck !== null);
    await this.#successor.stop();
    await this.#forgetting;
    this.#marker.stop();
    await this.#marker
      .write()
      .catch((error) => onFailure(`the mark of the journal cannot be written: ${reasonLineOf(error)}`));
    await this.#appender.dropBefore(Number.POSITIVE_INFINITY);
    await this.#dropReaders(Number.POSITIVE_INFINITY);
    await markFile.close();
    await lock.release();
  }

  #durable(): void {
    const { segmentBytes } = this.#parts.folder;
    const { end } = this.#appender;
    this.#marker.note();
    if (end > (this.#written + 1) * segmentBytes) {
      this.#written = Math.floor((end - 1) / segmentBytes);
      this.#appender.dropBefore(this.#written).catch((error) => this.#parts.onFailure(reasonLineOf(error)));
    }
    const isUsed = end - this.#newest * segmentBytes >= segmentBytes * USED_PART;
    if (isUsed) this.#successor.want(this.#newest + 1);
  }

  #made(number: number, slots: OpenFile[]): void {
    this.#newest = number;
    this.#appender.add(number, slots);
    this.#changed();
  }

  #limit(): string | null {
    const { bytesMax, folder } = this.#parts;
    const bytes = (this.#newest + 2 - this.#present) * folder.segmentBytes;
    return bytes <= bytesMax ? null : `the journal has the ${bytesMax} bytes that it may have`;
  }

  #mark(): Mark {
    const { end, sequence, crc } = this.#appender;
    return { origin: this.origin, oldest: this.#kept, end, sequence, crc };
  }

  /** Both pages name the new oldest segment before the others are deleted, so that either of them may be lost. */
  async #forget(): Promise<void> {
    const { folder, onFailure } = this.#parts;
    try {
      const kept = this.#kept;
      await this.#marker.write();
      await this.#marker.write();
      await this.#dropReaders(kept);
      for (; this.#present < kept; this.#present++) {
        await folder.files.remove(pathOfSegment(folder.directory, this.#present));
      }
      this.#successor.retry();
    } catch (error) {
      onFailure(`segments of the journal cannot be deleted: ${reasonLineOf(error)}`);
    }
    this.#changed();
  }

  /** Null when the segment has just been released. */
  #reader(number: number): Promise<OpenFile | null> {
    const opened = this.#readers.get(number) ?? openSegment(this.#parts.folder, number, 'read');
    this.#readers.set(number, opened);
    return opened.catch((error) => {
      this.#readers.delete(number);
      if (number < this.#kept) return null;
      throw error;
    });
  }

  async #dropReaders(before: number): Promise<void> {
    for (const [number, opened] of this.#readers) {
      if (number >= before) continue;
      this.#readers.delete(number);
      await opened.then((file) => file.close()).catch(() => {});
    }
  }

  #changed(): void {
    const { segmentBytes } = this.#parts.folder;
    const { failure, head } = this.#appender;
    const { stuck } = this.#successor;
    const detail = failure ?? stuck;
    const room = (this.#newest + 1) * segmentBytes - BLOCK_BYTES_MAX - head;
    const reserve = Math.min(RESERVE_BLOCKS * BLOCK_BYTES_MAX, segmentBytes * RESERVE_PART);
    if (detail !== null && detail !== this.#state.detail) this.#parts.onFailure(detail);
    this.#state = {
      isFull: stuck !== null && room < reserve,
      isWell: failure === null,
      detail,
      bytes: (this.#newest + 1 - this.#present) * segmentBytes,
    };
    this.#appender.nudge();
  }
}
