/**
 * A byte to tell event keys apart by without looking at all of one: the same for the same key, mostly another for another.
 * What is kept by hint is compared before it is used, or does no harm where it is wrong.
 */
export const HINTS = 256;
/** Spreads what differs in a few bits only: 2^32 divided by the golden ratio. */
const MULTIPLIER = 0x9e37_79b1;

/** The key as a MessagePack string lies between these bytes. */
export function hintOf(bytes: Uint8Array, start: number, end: number): number {
  const first = bytes[start + 1] as number;
  const middle = bytes[(start + end) >>> 1] as number;
  const last = ((bytes[end - 2] as number) << 8) | (bytes[end - 1] as number);
  const mixed = last ^ (middle << 16) ^ ((first ^ (end - start)) << 24);
  return Math.imul(mixed, MULTIPLIER) >>> 24;
}
