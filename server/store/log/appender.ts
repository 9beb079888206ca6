/**
 * The hot path: puts blocks at their places and answers them in order. In quiet times, which is when one small block
 * follows another, it writes on the main thread, because that is quicker than the way to another and back; in busy times,
 * and while the disk is slow or fails, the thread pool writes, because the main thread has better to do than to wait. It
 * knows neither files' names nor what is in a block.
 *
 * Invariant: a block is sent only while fewer than `IN_FLIGHT_MAX` before it wait to be durable, and is answered only
 * when all before it are. A write that failed is done again, the same bytes in the same place, until it succeeds.
 */
import type { Runtime } from '../../../protocol/runtime.ts';
import { reasonOf } from '../../lib/reason.ts';
import { AT, BLOCK_BYTES_MAX, placeAfter } from '../block/layout.ts';
import type { Appended } from '../journal.ts';
import type { OpenFile } from './files.ts';
import { readWide } from './page.ts';
import { IN_FLIGHT_MAX } from './recovery.ts';

/** About 8 claims. */
const SMALL_BYTES = 1_024;
/** A disk that was slower than this once is not waited for on the main thread for a while. */
const SLOW_MS = 5;
const SLOW_PAUSE_MS = 1_000;
const RETRY_MS = 50;
const RETRY_MS_MAX = 2_000;

type Pending = {
  block: Buffer;
  offset: number;
  settled: (appended: Appended) => void;
  isDurable: boolean;
  tries: number;
};

export type AppenderOptions = {
  runtime: Runtime;
  segmentBytes: number;
  startsAt: number;
  /** `end` has moved. Comes before the block is answered. */
  durable: () => void;
  /** `failure` has changed. */
  changed: () => void;
};

export class Appender {
  /** Behind the last block that was given to it. */
  head: number;
  /** Everything before this offset is durable: its last block has this sequence and checksum. */
  end: number;
  sequence = 0;
  crc = 0;
  /** Why writes fail now; null while they do not. */
  failure: string | null = null;
  readonly #options: AppenderOptions;
  readonly #segments = new Map<number, OpenFile[]>();
  /** Not durable yet, oldest first; so many of them, from the first on, are on their way. */
  readonly #queue: Pending[] = [];
  #sent = 0;
  #turn = 0;
  #running = 0;
  #promptFrom = Number.NEGATIVE_INFINITY;
  #lastBytes = 0;
  #isClosing = false;
  /** Those that failed, and how to try again before it is time. */
  readonly #retries = new Map<Pending, () => void>();
  #moved: () => void = () => {};

  constructor(options: AppenderOptions) {
    this.#options = options;
    this.head = options.startsAt;
    this.end = options.startsAt;
  }

  has(segment: number): boolean {
    return this.#segments.has(segment);
  }

  /** From here on blocks can be put into this segment, through `slots`. */
  add(segment: number, slots: OpenFile[]): void {
    this.#segments.set(segment, slots);
    this.#send();
  }

  /** Lets go of the segments before the one that is written. */
  async dropBefore(segment: number): Promise<void> {
    for (const [number, slots] of this.#segments) {
      if (number >= segment) continue;
      this.#segments.delete(number);
      for (const file of slots) await file.close();
    }
  }

  append(block: Buffer, settled: (appended: Appended) => void): void {
    const offset = readWide(block, AT.offset);
    const place = placeAfter(this.head, this.#options.segmentBytes);
    if (offset !== place || block.length > BLOCK_BYTES_MAX) {
      throw new Error(`a block of ${block.length} bytes for ${offset}, where the next place is ${place}`);
    }
    if (this.#isClosing) throw new Error('the journal is closed');
    this.head = offset + block.length;
    this.#queue.push({ block, offset, settled, isDurable: false, tries: 0 });
    this.#send();
  }

  /**
   * Nothing more is appended. Resolves when all is durable, or when what is left cannot be written now: that is tried
   * once more, then it stays unanswered. `isHopeless` says whether there will be no further segment.
   */
  async drain(isHopeless: () => boolean): Promise<void> {
    this.#isClosing = true;
    for (const again of [...this.#retries.values()]) again();
    const isDone = () =>
      this.#running === 0 && (this.#queue.length === 0 || this.failure !== null || (this.#sent === 0 && isHopeless()));
    while (!isDone()) {
      await new Promise<void>((resolve) => {
        this.#moved = resolve;
      });
    }
  }

  /** Something that `drain` waits for may have changed. */
  nudge(): void {
    this.#moved();
  }

  #send(): void {
    const { segmentBytes } = this.#options;
    while (this.#sent < this.#queue.length && this.#sent < IN_FLIGHT_MAX) {
      const pending = this.#queue[this.#sent] as Pending;
      const slots = this.#segments.get(Math.floor(pending.offset / segmentBytes));
      if (slots === undefined) return;
      this.#sent++;
      // At most two neighbours are on their way, so taking turns gives each a descriptor of its own.
      this.#turn = (this.#turn + 1) % IN_FLIGHT_MAX;
      this.#write(pending, slots[this.#turn] as OpenFile);
    }
  }

  #write(pending: Pending, file: OpenFile): void {
    const { runtime, segmentBytes } = this.#options;
    const position = pending.offset % segmentBytes;
    const startedAt = runtime.monotonicMs();
    const isQuiet = Math.max(pending.block.length, this.#lastBytes) <= SMALL_BYTES;
    this.#lastBytes = pending.block.length;
    if (!isQuiet || startedAt < this.#promptFrom || this.failure !== null) {
      return this.#writeAside(pending, file, position);
    }
    try {
      file.writeNow(pending.block, position);
    } catch (error) {
      return this.#failed(pending, file, error);
    }
    const endedAt = runtime.monotonicMs();
    if (endedAt - startedAt > SLOW_MS) this.#promptFrom = endedAt + SLOW_PAUSE_MS;
    this.#done(pending);
  }

  #writeAside(pending: Pending, file: OpenFile, position: number): void {
    this.#running++;
    const ended = (then: () => void) => {
      this.#running--;
      then();
      this.#moved();
    };
    file.write(pending.block, position).then(
      () => ended(() => this.#done(pending)),
      (error) => ended(() => this.#failed(pending, file, error)),
    );
  }

  #done(done: Pending): void {
    done.isDurable = true;
    if (this.failure !== null && !this.#queue.some(({ tries, isDurable }) => tries > 0 && !isDurable)) this.#tell(null);
    for (let first = this.#queue[0]; first?.isDurable; first = this.#queue[0]) {
      this.#queue.shift();
      this.#sent--;
      const { block, offset, settled } = first;
      this.end = offset + block.length;
      this.sequence = readWide(block, AT.sequence);
      this.crc = block.readUInt32BE(AT.crc);
      this.#options.durable();
      settled('DURABLE');
    }
    this.#send();
  }

  #failed(pending: Pending, file: OpenFile, error: unknown): void {
    pending.tries++;
    this.#tell(`writes fail: ${reasonOf(error)}`);
    if (this.#isClosing) return;
    const again = () => {
      cancel();
      this.#retries.delete(pending);
      this.#write(pending, file);
    };
    const cancel = this.#options.runtime.after(Math.min(RETRY_MS_MAX, RETRY_MS * 2 ** (pending.tries - 1)), again);
    this.#retries.set(pending, again);
  }

  #tell(failure: string | null): void {
    if (failure === this.failure) return;
    this.failure = failure;
    this.#options.changed();
  }
}
