/**
 * Walks the bytes of one body and throws unless they are exactly one value of claimd's part of MessagePack: nil,
 * boolean, integer within ±(2^53 − 1), UTF-8 string, bytes, array, map with unique string keys. Extensions, floats,
 * 0xC1, deep nesting, long strings, too many values and trailing bytes are refused.
 *
 * It runs before msgpackr decodes, because a msgpackr decoder accepts records, dates, expressions, errors and sets from
 * a peer whatever its options say. After this walk none of those can be there.
 */
import { LIMITS } from './limits.ts';

/** A body that is not claimd's part of MessagePack. */
export class BodyRefused extends Error {
  readonly rule: string;
  constructor(rule: string) {
    super(rule);
    this.name = 'BodyRefused';
    this.rule = rule;
  }
}

const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const NO_BYTES = new Uint8Array(0);

let bytes: Uint8Array = NO_BYTES;
let position = 0;
let valuesLeft = 0;

/** Throws BodyRefused. Synchronous and not re-entrant, so its cursor may live in the module. */
export function scanBody(body: Uint8Array): void {
  bytes = body;
  position = 0;
  valuesLeft = LIMITS.bodyValuesMax;
  try {
    scanValue(0);
    if (position !== bytes.length) throw new BodyRefused('no bytes after the value');
  } finally {
    bytes = NO_BYTES;
  }
}

function scanValue(depth: number): void {
  if (--valuesLeft < 0) throw new BodyRefused(`at most ${LIMITS.bodyValuesMax} values`);
  const head = take();
  if (head <= 0x7f || head >= 0xe0) return;
  if (head <= 0x8f) return scanMap(head & 0x0f, depth);
  if (head <= 0x9f) return scanArray(head & 0x0f, depth);
  if (head <= 0xbf) return scanString(head & 0x1f);
  switch (head) {
    case 0xc0:
    case 0xc2:
    case 0xc3:
      return;
    case 0xc4:
      return skip(takeUint(1));
    case 0xc5:
      return skip(takeUint(2));
    case 0xc6:
      return skip(takeUint(4));
    case 0xcc:
    case 0xd0:
      return skip(1);
    case 0xcd:
    case 0xd1:
      return skip(2);
    case 0xce:
    case 0xd2:
      return skip(4);
    case 0xcf:
      return scanUint64();
    case 0xd3:
      return scanInt64();
    case 0xd9:
      return scanString(takeUint(1));
    case 0xda:
      return scanString(takeUint(2));
    case 0xdb:
      return scanString(takeUint(4));
    case 0xdc:
      return scanArray(takeUint(2), depth);
    case 0xdd:
      return scanArray(takeUint(4), depth);
    case 0xde:
      return scanMap(takeUint(2), depth);
    case 0xdf:
      return scanMap(takeUint(4), depth);
    case 0xca:
    case 0xcb:
      throw new BodyRefused('no floats');
    case 0xc1:
      throw new BodyRefused('no 0xc1');
    default:
      throw new BodyRefused('no extension types');
  }
}

function scanArray(length: number, depth: number): void {
  descend(length, depth);
  for (let i = 0; i < length; i++) scanValue(depth + 1);
}

function scanMap(length: number, depth: number): void {
  descend(length * 2, depth);
  const keys = new Set<string>();
  for (let i = 0; i < length; i++) {
    keys.add(takeKey());
    scanValue(depth + 1);
  }
  if (keys.size !== length) throw new BodyRefused('each map key once');
}

function descend(values: number, depth: number): void {
  if (depth >= LIMITS.bodyDepthMax) throw new BodyRefused(`at most ${LIMITS.bodyDepthMax} levels`);
  if (values > bytes.length - position) throw new BodyRefused('whole values');
}

function takeKey(): string {
  valuesLeft--;
  const head = take();
  const length = head >= 0xa0 && head <= 0xbf ? head & 0x1f : head === 0xd9 ? takeUint(1) : -1;
  if (length < 0) throw new BodyRefused('map keys are strings of at most 255 bytes');
  const start = position;
  scanString(length);
  const key = strictUtf8.decode(bytes.subarray(start, position));
  // msgpackr renames this key on decoding, which could make two keys one.
  if (key === '__proto__') throw new BodyRefused('no key __proto__');
  return key;
}

function scanString(length: number): void {
  if (length > LIMITS.stringBytesMax) throw new BodyRefused(`strings of at most ${LIMITS.stringBytesMax} bytes`);
  const start = position;
  skip(length);
  for (let i = start; i < position; i++) {
    if ((bytes[i] as number) >= 0x80) return checkUtf8(start);
  }
}

function checkUtf8(start: number): void {
  // msgpackr drops a byte order mark on some platforms and keeps it on others: what was sent would not be what is read.
  if (bytes[start] === 0xef && bytes[start + 1] === 0xbb && bytes[start + 2] === 0xbf) {
    throw new BodyRefused('no byte order mark');
  }
  try {
    strictUtf8.decode(bytes.subarray(start, position));
  } catch {
    throw new BodyRefused('strings are UTF-8');
  }
}

function scanUint64(): void {
  if (takeUint(4) > 0x1fffff) throw new BodyRefused('integers within 2^53 - 1');
  skip(4);
}

function scanInt64(): void {
  const high = takeUint(4) | 0;
  const low = takeUint(4);
  const isTooLow = high < -0x200000 || (high === -0x200000 && low === 0);
  if (high > 0x1fffff || isTooLow) throw new BodyRefused('integers within 2^53 - 1');
}

function take(): number {
  if (position >= bytes.length) throw new BodyRefused('whole values');
  return bytes[position++] as number;
}

function takeUint(width: 1 | 2 | 4): number {
  const start = position;
  skip(width);
  let value = 0;
  for (let i = start; i < position; i++) value = value * 256 + (bytes[i] as number);
  return value;
}

function skip(count: number): void {
  if (count > bytes.length - position) throw new BodyRefused('whole values');
  position += count;
}
