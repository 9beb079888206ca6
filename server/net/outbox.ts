/**
 * The bytes that leave one socket with the next flush, built in one buffer: a write costs more than a copy, and one write a
 * turn is what the kernel and the peer's reader like best. A buffer that the kernel has taken whole is used again, by
 * whichever connection next has something to say, so that silence costs nothing.
 */
import type { Socket } from 'node:net';
import type { NetCounters } from './counters.ts';

const BUFFER_BYTES = 16_384;
const SPARES_MAX = 64;
const spares: Buffer[] = [];
const NOTHING: Buffer = Buffer.alloc(0);

export class Outbox {
  readonly #socket: Socket;
  readonly #counters: NetCounters;
  /** TLS may keep what it was given for longer than the write says. */
  readonly #isPlain: boolean;
  #bytes = NOTHING;
  #length = 0;

  constructor(socket: Socket, counters: NetCounters) {
    this.#socket = socket;
    this.#counters = counters;
    this.#isPlain = !('encrypted' in socket);
  }

  /** Where `reserve` has made room. Another call of it may replace the buffer. */
  get bytes(): Buffer {
    return this.#bytes;
  }

  /** Nothing waits for a write: whoever adds to it must see to a flush. */
  get isEmpty(): boolean {
    return this.#length === 0;
  }

  /** Bytes that were written and that the kernel has not taken. */
  get unsentBytes(): number {
    return this.#socket.writableLength;
  }

  /** Makes room that the caller fills at once, and returns the byte at which it starts. */
  reserve(bytes: number): number {
    const at = this.#length;
    this.#length = at + bytes;
    if (this.#length > this.#bytes.length) this.#grow(at);
    return at;
  }

  add(frame: Uint8Array): void {
    const at = this.reserve(frame.length);
    this.#bytes.set(frame, at);
  }

  write(): void {
    const length = this.#length;
    if (length === 0) return;
    const bytes = this.#bytes;
    this.#counters.bytesOut += length;
    this.#bytes = NOTHING;
    this.#length = 0;
    if (this.#socket.writable) this.#socket.write(bytes.subarray(0, length));
    const isTaken = this.#isPlain && this.#socket.writableLength === 0;
    if (isTaken && bytes.length === BUFFER_BYTES && spares.length < SPARES_MAX) spares.push(bytes);
  }

  #grow(used: number): void {
    const before = this.#bytes;
    const isFirst = this.#length <= BUFFER_BYTES;
    this.#bytes = isFirst ? (spares.pop() ?? Buffer.allocUnsafeSlow(BUFFER_BYTES)) : larger(this.#length);
    this.#bytes.set(before.subarray(0, used));
  }
}

function larger(needed: number): Buffer {
  let bytes = BUFFER_BYTES * 2;
  while (bytes < needed) bytes *= 2;
  return Buffer.allocUnsafeSlow(bytes);
}
