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
