/**
 * Which numbers have been seen: one bit each, in chunks that are made when they are needed, so that numbers close
 * together cost next to nothing and a stray one costs a chunk.
 */
const CHUNK_NUMBERS = 65_536;

export class NumberSet {
  readonly #chunks = new Map<number, Uint8Array>();

  get bytes(): number {
    return this.#chunks.size * (CHUNK_NUMBERS / 8);
  }

  /** False when it was there. */
  add(number: number): boolean {
    const chunk = this.#chunkOf(number);
    const [at, bit] = placeOf(number);
    const before = chunk[at] ?? 0;
    chunk[at] = before | bit;
    return (before & bit) === 0;
  }

  has(number: number): boolean {
    const [at, bit] = placeOf(number);
    return ((this.#chunks.get(Math.floor(number / CHUNK_NUMBERS))?.[at] ?? 0) & bit) !== 0;
  }

  /** Ascending. */
  *[Symbol.iterator](): Generator<number> {
    for (const index of [...this.#chunks.keys()].sort((a, b) => a - b)) {
      const chunk = this.#chunks.get(index) ?? new Uint8Array(0);
      for (const [at, byte] of chunk.entries()) {
        for (let bit = 0; bit < 8; bit++) if (byte & (1 << bit)) yield index * CHUNK_NUMBERS + at * 8 + bit;
      }
    }
  }

  #chunkOf(number: number): Uint8Array {
    const index = Math.floor(number / CHUNK_NUMBERS);
    const chunk = this.#chunks.get(index) ?? new Uint8Array(CHUNK_NUMBERS / 8);
    this.#chunks.set(index, chunk);
    return chunk;
  }
}

function placeOf(number: number): [at: number, bit: number] {
  const within = number % CHUNK_NUMBERS;
  return [within >> 3, 1 << (within & 7)];
}
