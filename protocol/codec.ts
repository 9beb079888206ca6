/** MessagePack bodies in and out; the only file that imports msgpackr. */
import { Packr, RESERVE_START_SPACE } from 'msgpackr';
import { type Kind, PREFIX_BYTES, writePrefix } from './frame.ts';
import { scanBody } from './scan.ts';

const packr = new Packr({
  useRecords: false,
  variableMapSize: true,
  int64AsType: 'number',
  encodeUndefinedAsNil: true,
});

/** A value that a body may hold. */
export type Value =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | readonly Value[]
  | { readonly [key: string]: Value };

/**
 * A whole frame: prefix and body in one buffer. Integers of 2^32 and more must be passed through `wide`.
 * The caller owns the bytes.
 */
export function encodeFrame(kind: Kind, op: number, number: number, body: readonly Value[]): Uint8Array {
  const frame = packr.pack(body, RESERVE_START_SPACE + PREFIX_BYTES);
  // The reserved room is uninitialised memory: writePrefix writes all of it.
  writePrefix(frame, kind, op, number);
  return frame;
}

/** A body alone, to be put into frames by `frameAround`. */
export function encodeBody(body: readonly Value[]): Uint8Array {
  return packr.pack(body);
}

const SLAB_BYTES = 65_536;
let slab = new Uint8Array(0);
let slabAt = 0;

/** A piece of a larger buffer: small buffers of one's own cost more than all else in a reply. */
function pieceOf(length: number): Uint8Array {
  if (length > SLAB_BYTES / 8) return new Uint8Array(length);
  if (slabAt + length > slab.length) {
    slab = new Uint8Array(SLAB_BYTES);
    slabAt = 0;
  }
  const piece = slab.subarray(slabAt, slabAt + length);
  slabAt += length;
  return piece;
}

/** A frame with a copy of an encoded body. */
export function frameAround(kind: Kind, op: number, number: number, body: Uint8Array): Uint8Array {
  const frame = pieceOf(PREFIX_BYTES + body.length);
  frame.set(body, PREFIX_BYTES);
  writePrefix(frame, kind, op, number);
  return frame;
}

/** The body's value, an array where the peer is honest. Throws BodyRefused. Strings are copies; `Uint8Array` values alias the input. */
export function decodeBody(body: Uint8Array): unknown {
  scanBody(body);
  return packr.unpack(body);
}

/** Integers of 2^32 and more leave msgpackr as floats unless they are bigints. Times always go through here. */
export function wide(value: number): number | bigint {
  return value > 0xffffffff || value < -0x80000000 ? BigInt(value) : value;
}

/** `wide` for everything inside a general value. */
export function widen(value: unknown): Value {
  if (typeof value === 'number') return wide(value);
  if (Array.isArray(value)) return value.map(widen);
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return value as Value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, widen(inner)]));
}
