/**
 * The hint in the log's folder: what the last boot knew, in pieces whose meaning is their writer's. `LOG.md` draws the file.
 * It is believed only when every byte is as it was written, so whatever happens to it costs time and nothing else.
 *
 * It is written like a segment is filled: in small pieces with a rest after each and synced now and then, because the
 * blocks that are on their way share the disk with it.
 */
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import type { Runtime } from '../../../protocol/runtime.ts';
import type { HintStore } from '../journal.ts';
import type { FileLayer, OpenFile } from './files.ts';

const NAME = 'hint';
const NEW_NAME = 'hint.new';
const MAGIC = 'CLJH';
const VERSION = 1;
const HEAD_BYTES = 20;
const SEED_BYTES = 8;
const HEAD_AT = { magic: 0, version: 4, crc: 8, seed: 12 } as const;
const FRAME_BYTES = 8;
/** No piece is longer, so a damaged length does not ask for gigabytes. */
export const PIECE_BYTES_MAX = 67_108_864;
const SYNC_BYTES = 8_388_608;
const REST_MS = 2;

export type HintFileOptions = {
  files: FileLayer;
  /** The log's. */
  directory: string;
  runtime: Pick<Runtime, 'after'>;
};

export class HintFile implements Omit<HintStore, 'directCommits'> {
  readonly #options: HintFileOptions;
  #wake: () => void = () => {};
  #isHurried = false;

  constructor(options: HintFileOptions) {
    this.#options = options;
  }

  async seed(): Promise<Buffer | null> {
    return this.#opened(async (file) => {
      const head = await headOf(file);
      return head === null ? null : Buffer.from(head.subarray(HEAD_AT.seed, HEAD_AT.seed + SEED_BYTES));
    });
  }

  /** Reads the file twice: what is damaged at its end must not be believed at its beginning. */
  async read(): Promise<AsyncIterable<Buffer> | null> {
    const isWhole = await this.#opened(async (file) => {
      const pieces = piecesOf(file);
      for (;;) {
        const { done, value } = await pieces.next();
        if (done) return value === 'WHOLE' ? true : null;
      }
    });
    return isWhole === null ? null : this.#pieces();
  }

  async write(seed: Uint8Array, pieces: Iterable<Uint8Array>): Promise<void> {
    const { files, directory } = this.#options;
    const path = join(directory, NEW_NAME);
    this.#isHurried = false;
    try {
      const file = await files.open(path, 'made');
      try {
        await this.#fill(file, seed, pieces);
      } finally {
        await file.close();
      }
      await files.rename(path, join(directory, NAME));
    } catch (error) {
      // On a full disk, what there is of it is better given back.
      await files.remove(path).catch(() => {});
      throw error;
    }
  }

  stop(): void {
    this.#isHurried = true;
    this.#wake();
  }

  async #fill(file: OpenFile, seed: Uint8Array, pieces: Iterable<Uint8Array>): Promise<void> {
    const head = encodeHead(seed);
    let framed = Buffer.alloc(FRAME_BYTES);
    let crc = crc32(head);
    let [at, syncedAt, count] = [0, 0, 0];
    const put = async (bytes: Uint8Array) => {
      await file.write(bytes, at);
      at += bytes.length;
    };
    await put(head);
    for (const piece of pieces) {
      if (piece.length === 0 || piece.length > PIECE_BYTES_MAX)
        throw new RangeError(`a piece of ${piece.length} bytes`);
      crc = crc32(piece, crc);
      // One write, because a busy event loop makes each wait a long one.
      if (framed.length < FRAME_BYTES + piece.length) framed = Buffer.allocUnsafeSlow(FRAME_BYTES + piece.length);
      encodeFrame(framed, piece.length, crc).set(piece, FRAME_BYTES);
      await put(framed.subarray(0, FRAME_BYTES + piece.length));
      count++;
      if (at - syncedAt >= SYNC_BYTES) {
        await file.sync();
        syncedAt = at;
      }
      await this.#rest();
    }
    await put(encodeFrame(Buffer.alloc(FRAME_BYTES), 0, crc32(numberBytes(count), crc)));
    await file.sync();
  }

  #rest(): Promise<void> {
    if (this.#isHurried) return Promise.resolve();
    return new Promise((resolve) => {
      const cancel = this.#options.runtime.after(REST_MS, resolve);
      // A timer keeps no process alive: who waits for the end of this would be gone before it.
      this.#wake = () => {
        cancel();
        resolve();
      };
    });
  }

  async *#pieces(): AsyncGenerator<Buffer> {
    const { files, directory } = this.#options;
    const file = await files.open(join(directory, NAME), 'read');
    try {
      if ((yield* piecesOf(file)) !== 'WHOLE') throw new Error('the hint has changed while it was read');
    } finally {
      await file.close();
    }
  }

  /** Null as well when there is no such file, or it cannot be read. */
  async #opened<T>(use: (file: OpenFile) => Promise<T | null>): Promise<T | null> {
    const { files, directory } = this.#options;
    try {
      const file = await files.open(join(directory, NAME), 'read');
      return await use(file).finally(() => file.close());
    } catch {
      return null;
    }
  }
}

async function* piecesOf(file: OpenFile): AsyncGenerator<Buffer, 'WHOLE' | 'DAMAGED'> {
  const head = await headOf(file);
  if (head === null) return 'DAMAGED';
  const size = await file.size();
  const frame = Buffer.alloc(FRAME_BYTES);
  let crc = crc32(head);
  let buffer = Buffer.alloc(0);
  for (let at = HEAD_BYTES, count = 0; ; count++) {
    if ((await file.read(frame, at)) < FRAME_BYTES) return 'DAMAGED';
    const [length, sum] = [frame.readUInt32BE(0), frame.readUInt32BE(4)];
    at += FRAME_BYTES;
    if (length === 0) return at === size && crc32(numberBytes(count), crc) === sum ? 'WHOLE' : 'DAMAGED';
    if (length > PIECE_BYTES_MAX || length > size - at) return 'DAMAGED';
    // Of its own, so that arrays of numbers may be laid over it.
    if (length > buffer.length) buffer = Buffer.allocUnsafeSlow(length);
    const piece = buffer.subarray(0, length);
    if ((await file.read(piece, at)) < length) return 'DAMAGED';
    crc = crc32(piece, crc);
    if (crc !== sum) return 'DAMAGED';
    at += length;
    yield piece;
  }
}

async function headOf(file: OpenFile): Promise<Buffer | null> {
  const head = Buffer.alloc(HEAD_BYTES);
  if ((await file.read(head, 0)) < HEAD_BYTES) return null;
  const isOurs = head.toString('latin1', 0, MAGIC.length) === MAGIC && head[HEAD_AT.version] === VERSION;
  return isOurs && encodeHead(head.subarray(HEAD_AT.seed, HEAD_AT.seed + SEED_BYTES)).equals(head) ? head : null;
}

function encodeHead(seed: Uint8Array): Buffer {
  const head = Buffer.alloc(HEAD_BYTES);
  head.write(MAGIC, HEAD_AT.magic, 'latin1');
  head[HEAD_AT.version] = VERSION;
  head.set(seed.subarray(0, SEED_BYTES), HEAD_AT.seed);
  head.writeUInt32BE(crc32(head), HEAD_AT.crc);
  return head;
}

function encodeFrame(frame: Buffer, length: number, crc: number): Buffer {
  frame.writeUInt32BE(length, 0);
  frame.writeUInt32BE(crc, 4);
  return frame;
}

function numberBytes(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
