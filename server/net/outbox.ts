/**
 * The frames that leave one socket with the next flush. They are joined into one buffer: a write costs more than the
 * copy, and one write a turn is what the kernel and the peer's reader like best.
 */
import type { Socket } from 'node:net';
import type { NetCounters } from './counters.ts';

export class Outbox {
  readonly #socket: Socket;
  readonly #counters: NetCounters;
  #frames: Uint8Array[] = [];
  #frameBytes = 0;

  constructor(socket: Socket, counters: NetCounters) {
    this.#socket = socket;
    this.#counters = counters;
  }

  /** True for the first frame since the last write: somebody must see to a flush. */
  add(frame: Uint8Array): boolean {
    this.#frameBytes += frame.length;
    return this.#frames.push(frame) === 1;
  }

  /** Bytes that were written and that the kernel has not taken. */
  get unsentBytes(): number {
    return this.#socket.writableLength;
  }

  write(): void {
    const frames = this.#frames;
    const [first] = frames;
    if (first === undefined) return;
    const bytes = frames.length === 1 ? first : joined(frames, this.#frameBytes);
    this.#counters.bytesOut += this.#frameBytes;
    this.#frames = [];
    this.#frameBytes = 0;
    if (this.#socket.writable) this.#socket.write(bytes);
  }
}

function joined(frames: readonly Uint8Array[], bytes: number): Uint8Array {
  const whole = Buffer.allocUnsafe(bytes);
  let at = 0;
  for (const frame of frames) {
    whole.set(frame, at);
    at += frame.length;
  }
  return whole;
}
