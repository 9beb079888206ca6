/**
 * Names for the load: fixed-length user and request ids that can be written into a prebuilt request. Ids are numbered, and
 * a number is scattered over all 32 bits, so that keys arrive in no order that would favour a sorted store. Invariant:
 * two numbers below 2^32 never make the same id under one tag.
 */
import { randomBytes } from 'node:crypto';

export const USER_ID_LENGTH = 16;
export const REQUEST_ID_LENGTH = 36;
/** Where the eight scattered digits stand in each id. */
export const USER_DIGITS_AT = 1;
export const REQUEST_DIGITS_AT = 0;
const TAG_LENGTH = 7;

const digitPairs = Uint8Array.from({ length: 512 }, (_, at) => {
  const digit = at % 2 === 0 ? at >> 5 : (at >> 1) & 15;
  return '0123456789abcdef'.charCodeAt(digit);
});

/** A tag that no other run has: all ids under it are fresh. */
export function newTag(): string {
  return randomBytes(8).readBigUInt64BE().toString(36).padStart(TAG_LENGTH, '0').slice(-TAG_LENGTH);
}

/** The 32-bit finalizer of MurmurHash3 (Austin Appleby, public domain), which is a bijection. */
export function scattered(index: number): number {
  let mixed = index >>> 0;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}

/** Eight hexadecimal digits. */
export function writeDigits(into: Uint8Array, at: number, value: number): void {
  for (let byte = 0; byte < 4; byte++) {
    const pair = ((value >>> (24 - byte * 8)) & 255) * 2;
    into[at + byte * 2] = digitPairs[pair] as number;
    into[at + byte * 2 + 1] = digitPairs[pair + 1] as number;
  }
}

export function userIdOf(index: number, tag: string): string {
  return `u${digitsOf(index)}${tag}`;
}

/** As long as a UUID, because that is what callers send. */
export function requestIdOf(index: number, tag: string): string {
  return `${digitsOf(index)}-0000-4000-8000-${tag.padStart(12, '0')}`;
}

function digitsOf(index: number): string {
  return scattered(index).toString(16).padStart(8, '0');
}
