/** Random request ids (UUID version 4). Random bytes are drawn in bulk: asking for 16 at a time costs a microsecond. */
import type { Runtime } from '../protocol/runtime.ts';

const UUID_BYTES = 16;
const DRAW_BYTES = 256 * UUID_BYTES;
const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

export class RequestIds {
  readonly #runtime: Runtime;
  #bytes: Uint8Array = new Uint8Array(0);
  #offset = 0;

  constructor(runtime: Runtime) {
    this.#runtime = runtime;
  }

  next(): string {
    if (this.#offset >= this.#bytes.length) {
      this.#bytes = this.#runtime.randomBytes(DRAW_BYTES);
      this.#offset = 0;
    }
    const start = this.#offset;
    this.#offset += UUID_BYTES;
    const bytes = this.#bytes;
    bytes[start + 6] = ((bytes[start + 6] as number) & 0x0f) | 0x40;
    bytes[start + 8] = ((bytes[start + 8] as number) & 0x3f) | 0x80;
    let id = '';
    for (let i = 0; i < UUID_BYTES; i++) {
      if (i === 4 || i === 6 || i === 8 || i === 10) id += '-';
      id += HEX[bytes[start + i] as number];
    }
    return id;
  }
}
