/**
 * 64-bit hashes of user ids and request ids, for the index of claims and the filter of requests. Players choose their
 * ids, so the hash is keyed with chance drawn at start: HalfSipHash-1-3, which is made for hash tables on 32-bit words.
 * A multiplying mixer of the murmur kind is a quarter faster, but has collisions that hold under every seed, and a flood
 * of those would turn each look-up into a walk. Where hashes are kept for the next start, in a file that nobody else may
 * read, their seed lies with them; else another start has another seed.
 * Invariant: bytes and text that hold the same characters give the same hash.
 */
import type { Runtime } from '../../protocol/runtime.ts';

const TEXT_BYTES = 256;
/** The word that holds the length, then three rounds without a word. */
const CLOSING_STEPS = 4;

/** Two words of 32 random bits each. */
export type Seed = { readonly high: number; readonly low: number };

export function drawSeed(runtime: Pick<Runtime, 'randomBytes'>): Seed {
  return seedIn(Buffer.from(runtime.randomBytes(8)));
}

/** Of eight bytes. */
export function seedIn(bytes: Buffer): Seed {
  return { high: bytes.readUInt32BE(0), low: bytes.readUInt32BE(4) };
}

export function bytesOfSeed({ high, low }: Seed): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeInt32BE(high | 0, 0);
  bytes.writeInt32BE(low | 0, 4);
  return bytes;
}

/**
 * Hashes into its own two fields, since a pair returned from each call would be garbage for each claim. Each half is
 * 32 bits held as a signed integer, which V8 keeps in a field without boxing.
 */
export class KeyHash {
  /** What HalfSipHash-1-3 gives by its specification. */
  high = 0;
  /** The other two words of its final state folded, which saves the three more rounds of its 64-bit form. */
  low = 0;
  readonly #seedHigh: number;
  readonly #seedLow: number;
  #text = new Uint8Array(TEXT_BYTES);

  /** The seed is drawn once in a process and shared by all who compare hashes. */
  constructor(seed: Seed) {
    this.#seedHigh = seed.high | 0;
    this.#seedLow = seed.low | 0;
  }

  /** Sets `high` and `low` to the hash of `bytes[start, end)`. */
  ofBytes(bytes: Uint8Array, start: number, end: number): void {
    this.#hash(bytes, start, end, this.#seedHigh, this.#seedLow);
  }

  /** The same of a string whose characters are bytes. */
  ofText(text: string): void {
    this.ofBytes(this.#bytesOf(text), 0, text.length);
  }

  /**
   * Goes on from the hash that stands in `high` and `low`, using it as the seed: the user id, then the request id.
   * `ab` then `c` is another hash than `a` then `bc`, and the user id is read once for both of its uses.
   */
  thenBytes(bytes: Uint8Array, start: number, end: number): void {
    this.#hash(bytes, start, end, this.high, this.low);
  }

  /** The same of a string whose characters are bytes. */
  thenText(text: string): void {
    this.thenBytes(this.#bytesOf(text), 0, text.length);
  }

  /** Ids are short: a loop over a scratch array costs less than a call out of JavaScript. */
  #bytesOf(text: string): Uint8Array {
    if (text.length > this.#text.length) this.#text = new Uint8Array(text.length);
    for (let i = 0; i < text.length; i++) this.#text[i] = text.charCodeAt(i);
    return this.#text;
  }

  /** One loop for words, length and closing: the round stands here once, and is faster so than in two loops. */
  #hash(bytes: Uint8Array, start: number, end: number, seedHigh: number, seedLow: number): void {
    let v0 = seedLow;
    let v1 = seedHigh;
    let v2 = seedLow ^ 0x6c796765;
    let v3 = seedHigh ^ 0x74656462;
    const words = (end - start) >> 2;
    for (let step = 0, at = start; step < words + CLOSING_STEPS; step++, at += 4) {
      const word = step < words ? wordAt(bytes, at) : step === words ? lastWord(bytes, start, end) : 0;
      if (step === words + 1) v2 ^= 0xff;
      v3 ^= word;
      v0 = (v0 + v1) | 0;
      v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
      v0 = (v0 << 16) | (v0 >>> 16);
      v2 = (v2 + v3) | 0;
      v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
      v0 = (v0 + v3) | 0;
      v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
      v2 = (v2 + v1) | 0;
      v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
      v2 = (v2 << 16) | (v2 >>> 16);
      v0 ^= word;
    }
    this.high = v1 ^ v3;
    this.low = v0 ^ v2;
  }
}

/** Four bytes, the first one lowest. */
function wordAt(bytes: Uint8Array, at: number): number {
  const low = (bytes[at] as number) | ((bytes[at + 1] as number) << 8);
  return low | ((bytes[at + 2] as number) << 16) | ((bytes[at + 3] as number) << 24);
}

/** The zero to three bytes that fill no word, and the length in the uppermost byte. */
function lastWord(bytes: Uint8Array, start: number, end: number): number {
  const at = end - ((end - start) & 3);
  let word = (end - start) << 24;
  for (let i = at; i < end; i++) word |= (bytes[i] as number) << ((i - at) << 3);
  return word;
}
