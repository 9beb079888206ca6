/**
 * Any JSON value as one that a body may hold. What MessagePack as spoken here cannot carry (a fraction, an integer
 * beyond 2^53 - 1, a string that is too long) becomes an empty byte string, which no shape of JSON values accepts: the
 * server then names the field and its rule, as it does for every other bad value, and after it has asked who may write.
 */
import { type Value, wide } from './codec.ts';
import { LIMITS } from './limits.ts';

const UNSENDABLE: Value = new Uint8Array(0);
const KEY_LENGTH_MAX = 63;

export function sendable(value: unknown, depth = 1): Value {
  if (typeof value === 'number') return Number.isSafeInteger(value) ? wide(value) : UNSENDABLE;
  if (typeof value === 'string') return isSendableText(value) ? value : UNSENDABLE;
  if (typeof value === 'boolean' || value === null) return value;
  if (typeof value !== 'object' || depth >= LIMITS.bodyDepthMax) return UNSENDABLE;
  if (Array.isArray(value)) return value.map((inner) => sendable(inner, depth + 1));
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [nameOf(key), sendable(inner, depth + 1)]));
}

/** Four bytes are the most that a UTF-16 unit or pair takes. */
function isSendableText(value: string): boolean {
  return value.length * 4 <= LIMITS.stringBytesMax && !/^\ufeff|\p{Surrogate}/u.test(value);
}

/** No field has such a name; the fault names what is left of it. */
function nameOf(key: string): string {
  return key.length <= KEY_LENGTH_MAX && key !== '__proto__' && isSendableText(key)
    ? key
    : `${key.slice(0, 20).replace(/\W/g, '_')}…`;
}
