/**
 * The requests of one connection: those that wait for the end of this turn and those in flight, by request number. It
 * encodes, numbers and counts; it writes to no socket. Invariant: a number and its claims are in use from the moment its
 * frame is encoded until its reply is taken, even when its caller has given up, because the server still holds it.
 */
import { encodeFrame } from '../protocol/codec.ts';
import { KIND, LENGTH_BYTES } from '../protocol/frame.ts';
import { LIMITS } from '../protocol/limits.ts';
import { OPS } from '../protocol/ops.ts';
import type { Closing } from './closing.ts';
import type { Exchange } from './exchange.ts';

export class Outbox {
  frameBytesMax: number;
  /** Claims that one request may ask for. */
  batchClaimsMax: number = LIMITS.batchClaimsMax;
  #waiting: Exchange[] = [];
  readonly #inFlight = new Map<number, Exchange>();
  #number = 0;
  #claims = 0;

  constructor(frameBytesMax: number) {
    this.frameBytesMax = frameBytesMax;
  }

  /** Requests that take room in the window. */
  get length(): number {
    return this.#waiting.length + this.#inFlight.size;
  }

  /** Claims in them. */
  get claims(): number {
    return this.#claims;
  }

  /** The number of the request that has been in flight longest; undefined when there is none. */
  get oldest(): number | undefined {
    return this.#inFlight.keys().next().value;
  }

  add(exchange: Exchange): void {
    this.#waiting.push(exchange);
    this.#claims += exchange.claims;
  }

  /** Everything that waits, encoded into one piece; empty when there is nothing to send. It is in flight from now on. */
  encode(): Uint8Array {
    const waiting = this.#waiting;
    this.#waiting = [];
    const frames: Uint8Array[] = [];
    for (const exchange of waiting) {
      this.#claims -= exchange.claims;
      const frame = exchange.isOver ? null : this.#frameOf(exchange);
      if (frame !== null) frames.push(frame);
    }
    return frames.length === 1 ? (frames[0] as Uint8Array) : Buffer.concat(frames);
  }

  /** The request a reply belongs to, or undefined when no such number is in flight. */
  take(number: number): Exchange | undefined {
    const exchange = this.#inFlight.get(number);
    if (exchange === undefined) return undefined;
    this.#inFlight.delete(number);
    this.#claims -= exchange.claims;
    return exchange;
  }

  /** Gives back what has not been sent. */
  recall(closing: Closing): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const exchange of waiting) this.#claims -= exchange.claims;
    for (const exchange of waiting) exchange.unsent(closing);
  }

  /** The connection is gone: every request learns whether it had been sent. */
  end(closing: Closing): void {
    const sent = [...this.#inFlight.values()];
    this.#inFlight.clear();
    for (const exchange of sent) exchange.lost(closing);
    this.recall(closing);
  }

  /** Null when the request cannot be a frame that the server takes; it is answered here then. */
  #frameOf(exchange: Exchange): Uint8Array | null {
    const { claims } = exchange;
    if (claims > this.batchClaimsMax) {
      exchange.answered({ code: 'PAYLOAD_TOO_LARGE', detail: `${claims} claims, at most ${this.batchClaimsMax}` });
      return null;
    }
    const number = this.#nextNumber();
    let frame: Uint8Array;
    try {
      frame = encodeFrame(KIND.request, OPS[exchange.name].op, number, exchange.body());
    } catch (error) {
      exchange.answered({ code: 'BAD_REQUEST', faults: [{ field: 'body', rule: String(error) }] });
      return null;
    }
    const bytes = frame.length - LENGTH_BYTES;
    if (bytes > this.frameBytesMax) {
      exchange.answered({ code: 'PAYLOAD_TOO_LARGE', detail: `${bytes} bytes, at most ${this.frameBytesMax}` });
      return null;
    }
    this.#inFlight.set(number, exchange);
    this.#claims += claims;
    return frame;
  }

  /** 1…2^32 − 1, round and round, past those that are still in flight. */
  #nextNumber(): number {
    do {
      this.#number = this.#number === 0xffffffff ? 1 : this.#number + 1;
    } while (this.#inFlight.has(this.#number));
    return this.#number;
  }
}
