/**
 * Request ids for callers that chose none: 16 random bytes as 32 hex digits, written as the MessagePack string that the
 * journal keeps. Chance is drawn for many at once, because a call for each would cost more than the claim.
 */
import type { Runtime } from '../../protocol/runtime.ts';

const RANDOM_BYTES = 16;
const AT_ONCE = 256;
const HEX = Buffer.from('0123456789abcdef', 'latin1');
const STR8 = 0xd9;
const HEAD_BYTES = 2;

export class FreshIds {
  /** An id with its head; `next` overwrites it. */
  readonly bytes = Buffer.alloc(HEAD_BYTES + 2 * RANDOM_BYTES);
  readonly textBytes = this.bytes.length;
  readonly #runtime: Pick<Runtime, 'randomBytes'>;
  #random: Uint8Array = new Uint8Array(0);
  #used = 0;

  constructor(runtime: Pick<Runtime, 'randomBytes'>) {
    this.#runtime = runtime;
    this.bytes[0] = STR8;
    this.bytes[1] = 2 * RANDOM_BYTES;
  }

  /** Writes another id and returns where in `bytes` it starts. */
  next(): number {
    if (this.#used + RANDOM_BYTES > this.#random.length) {
      this.#random = this.#runtime.randomBytes(RANDOM_BYTES * AT_ONCE);
      this.#used = 0;
    }
    for (let i = 0; i < RANDOM_BYTES; i++) {
      const byte = this.#random[this.#used++] as number;
      this.bytes[HEAD_BYTES + 2 * i] = HEX[byte >>> 4] as number;
      this.bytes[HEAD_BYTES + 2 * i + 1] = HEX[byte & 15] as number;
    }
    return 0;
  }

  text(): string {
    this.next();
    return this.bytes.toString('latin1', HEAD_BYTES);
  }
}
