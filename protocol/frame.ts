/**
 * Chunks in, frames out; no socket, no clock.
 *
 *      0               1               2               3
 *     +---------------+---------------+---------------+---------------+
 *   0 |                 length: u32, bytes that follow                |
 *     +---------------+---------------+---------------+---------------+
 *   4 |  version: u8  |   kind: u8    |    op: u8     |   flags: u8   |
 *     +---------------+---------------+---------------+---------------+
 *   8 |                     request number: u32                       |
 *     +---------------+---------------+---------------+---------------+
 *  12 |  body: one MessagePack array, length - 8 bytes …
 *
 * All integers are big-endian. The length is judged before a byte of the body is kept.
 */
import { ERRORS } from './errors.ts';

export const PROTOCOL_VERSION = 1;
export const LENGTH_BYTES = 4;
export const HEADER_BYTES = 8;
export const PREFIX_BYTES = LENGTH_BYTES + HEADER_BYTES;

export const KIND = { request: 1, reply: 2, notice: 3 } as const;
export type Kind = (typeof KIND)[keyof typeof KIND];

export type Frame = { kind: Kind; op: number; number: number; body: Uint8Array };

/** The peer broke the protocol: the connection ends with this pinned reason. */
export class ProtocolViolation extends Error {
  readonly code: number;
  constructor(reason: 'FRAME_TOO_LARGE' | 'FRAME_MALFORMED', detail: string) {
    super(detail);
    this.name = 'ProtocolViolation';
    this.code = ERRORS[reason].code;
  }
}

const FIRST_BUFFER_BYTES = 4_096;
const NOTHING = new Uint8Array(0);

/** A frame where it lies in the bytes that were read, which hold until the reader is asked for the next. */
export type FrameInPlace = {
  readonly kind: Kind;
  readonly op: number;
  readonly number: number;
  readonly bytes: Uint8Array;
  readonly bodyAt: number;
  readonly bodyEnd: number;
};

export class FrameReader implements FrameInPlace {
  frameBytesMax: number;
  kind: Kind = KIND.request;
  op = 0;
  number = 0;
  bytes: Uint8Array = NOTHING;
  bodyAt = 0;
  bodyEnd = 0;
  #chunk: Uint8Array = NOTHING;
  #offset = 0;
  /** Bytes of a frame that arrived in several chunks; grows by doubling as they come, never by what was announced. */
  #partial: Uint8Array | null = null;
  #partialBytes = 0;

  constructor(frameBytesMax: number) {
    this.frameBytesMax = frameBytesMax;
  }

  /** Hands over the next chunk. Everything `next` can give must have been taken first. */
  push(chunk: Uint8Array): void {
    if (this.#offset < this.#chunk.length) throw new Error('push before the last chunk was drained');
    this.#chunk = chunk;
    this.#offset = 0;
  }

  /** True while the first bytes of a frame are here and its last are not. */
  get isMidFrame(): boolean {
    return this.#partialBytes > 0;
  }

  /**
   * The next whole frame, or null when more bytes are needed. Throws ProtocolViolation, after which the reader is of
   * no more use. The body aliases the input.
   */
  next(): Frame | null {
    return this.read() ? this.frame() : null;
  }

  /** The frame that was read last, as an object of its own. */
  frame(): Frame {
    const { kind, op, number, bytes, bodyAt, bodyEnd } = this;
    return { kind, op, number, body: bytes.subarray(bodyAt, bodyEnd) };
  }

  /** The same as `next`, with the frame in this reader's own fields: false when more bytes are needed. */
  read(): boolean {
    if (this.#partialBytes > 0) return this.#readAcrossChunks();
    const available = this.#chunk.length - this.#offset;
    if (available === 0) {
      // A connection that falls silent keeps nothing of what it last sent.
      this.#chunk = NOTHING;
      this.bytes = NOTHING;
      this.#offset = 0;
      return false;
    }
    if (available >= LENGTH_BYTES) {
      const wholeBytes = LENGTH_BYTES + this.#checkedLength(this.#chunk, this.#offset);
      if (available >= wholeBytes) {
        this.#parse(this.#chunk, this.#offset, wholeBytes);
        this.#offset += wholeBytes;
        return true;
      }
    }
    this.#keep(available);
    return false;
  }

  #readAcrossChunks(): boolean {
    if (this.#partialBytes < LENGTH_BYTES) {
      this.#keep(Math.min(LENGTH_BYTES - this.#partialBytes, this.#chunk.length - this.#offset));
      if (this.#partialBytes < LENGTH_BYTES) return false;
    }
    const partial = this.#partial as Uint8Array;
    const wholeBytes = LENGTH_BYTES + this.#checkedLength(partial, 0);
    this.#keep(Math.min(wholeBytes - this.#partialBytes, this.#chunk.length - this.#offset));
    if (this.#partialBytes < wholeBytes) return false;
    this.#parse(this.#partial as Uint8Array, 0, wholeBytes);
    this.#partial = null;
    this.#partialBytes = 0;
    return true;
  }

  #keep(bytes: number): void {
    if (bytes === 0) return;
    const needed = this.#partialBytes + bytes;
    if (this.#partial === null || this.#partial.length < needed) {
      const grown = new Uint8Array(Math.max(FIRST_BUFFER_BYTES, needed, (this.#partial?.length ?? 0) * 2));
      if (this.#partial !== null) grown.set(this.#partial.subarray(0, this.#partialBytes));
      this.#partial = grown;
    }
    this.#partial.set(this.#chunk.subarray(this.#offset, this.#offset + bytes), this.#partialBytes);
    this.#partialBytes = needed;
    this.#offset += bytes;
  }

  #parse(bytes: Uint8Array, at: number, wholeBytes: number): void {
    const version = bytes[at + 4];
    const kind = bytes[at + 5] as Kind;
    const flags = bytes[at + 7];
    if (version !== PROTOCOL_VERSION) throw new ProtocolViolation('FRAME_MALFORMED', `protocol version ${version}`);
    if (kind < KIND.request || kind > KIND.notice) throw new ProtocolViolation('FRAME_MALFORMED', `frame kind ${kind}`);
    if (flags !== 0) throw new ProtocolViolation('FRAME_MALFORMED', `reserved flags ${flags}`);
    this.kind = kind;
    this.op = bytes[at + 6] as number;
    this.number = readUint32(bytes, at + 8);
    this.bytes = bytes;
    this.bodyAt = at + PREFIX_BYTES;
    this.bodyEnd = at + wholeBytes;
  }

  #checkedLength(bytes: Uint8Array, at: number): number {
    const length = readUint32(bytes, at);
    if (length > this.frameBytesMax) {
      throw new ProtocolViolation('FRAME_TOO_LARGE', `frame of ${length} bytes, at most ${this.frameBytesMax}`);
    }
    if (length <= HEADER_BYTES) throw new ProtocolViolation('FRAME_MALFORMED', `frame of ${length} bytes has no body`);
    return length;
  }
}

/** Writes the length and header into the first 12 bytes of a whole frame. */
export function writePrefix(frame: Uint8Array, kind: Kind, op: number, number: number): void {
  writePrefixAt(frame, 0, frame.length, kind, op, number);
}

/** The same for a frame of `wholeBytes` that starts at byte `at`, among others. */
export function writePrefixAt(
  bytes: Uint8Array,
  at: number,
  wholeBytes: number,
  kind: Kind,
  op: number,
  number: number,
): void {
  writeUint32(bytes, at, wholeBytes - LENGTH_BYTES);
  bytes[at + 4] = PROTOCOL_VERSION;
  bytes[at + 5] = kind;
  bytes[at + 6] = op;
  bytes[at + 7] = 0;
  writeUint32(bytes, at + 8, number);
}

/** Four bytes, the highest first. */
export function readUint32(bytes: Uint8Array, at: number): number {
  return (
    (bytes[at] as number) * 0x1000000 +
    (((bytes[at + 1] as number) << 16) | ((bytes[at + 2] as number) << 8) | (bytes[at + 3] as number))
  );
}

function writeUint32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24;
  bytes[at + 1] = value >>> 16;
  bytes[at + 2] = value >>> 8;
  bytes[at + 3] = value;
}
