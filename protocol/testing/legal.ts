/**
 * Random legal bodies with their values, written by hand from the spec and without the codec: what this makes, the codec
 * must read as exactly this. Widths are drawn too, because a peer need not choose the shortest.
 */
import type { Chance } from './random.ts';

export type Legal = { value: unknown; bytes: number[] };

const ALPHABET = ['a', 'Z', '0', '-', '\0', '/', 'é', 'ß', '☀', '한', '🎁', '\u2028'];

export function legalBody(chance: Chance): Legal {
  return legalArray(chance, 1);
}

function legalValue(chance: Chance, depth: number): Legal {
  const isLeaf = depth > 8 || chance.fraction() < 0.6;
  if (!isLeaf) return chance.pick([legalArray, legalMap])(chance, depth);
  return chance.pick([legalConstant, legalInteger, legalText, legalBytes])(chance);
}

function legalArray(chance: Chance, depth: number): Legal {
  const items = Array.from({ length: chance.integer(6) }, () => legalValue(chance, depth + 1));
  const head = headOf(chance, items.length, { fix: 0x90, fixMax: 15, wide: [null, 0xdc, 0xdd] });
  return { value: items.map(({ value }) => value), bytes: [...head, ...items.flatMap(({ bytes }) => bytes)] };
}

function legalMap(chance: Chance, depth: number): Legal {
  const entries = new Map<string, { key: Legal; item: Legal }>();
  for (let i = chance.integer(5); i > 0; i--) {
    const key = legalText(chance, 40);
    entries.set(key.value as string, { key, item: legalValue(chance, depth + 1) });
  }
  const head = headOf(chance, entries.size, { fix: 0x80, fixMax: 15, wide: [null, 0xde, 0xdf] });
  const pairs = [...entries.values()];
  return {
    value: Object.fromEntries(pairs.map(({ key, item }) => [key.value as string, item.value])),
    bytes: [...head, ...pairs.flatMap(({ key, item }) => [...key.bytes, ...item.bytes])],
  };
}

function legalConstant(chance: Chance): Legal {
  return chance.pick<Legal>([
    { value: null, bytes: [0xc0] },
    { value: false, bytes: [0xc2] },
    { value: true, bytes: [0xc3] },
  ]);
}

const WIDTHS = [
  { head: 0xcc, bytes: 1, min: 0, max: 0xff },
  { head: 0xcd, bytes: 2, min: 0, max: 0xffff },
  { head: 0xce, bytes: 4, min: 0, max: 0xffffffff },
  { head: 0xcf, bytes: 8, min: 0, max: Number.MAX_SAFE_INTEGER },
  { head: 0xd0, bytes: 1, min: -0x80, max: 0x7f },
  { head: 0xd1, bytes: 2, min: -0x8000, max: 0x7fff },
  { head: 0xd2, bytes: 4, min: -0x80000000, max: 0x7fffffff },
  { head: 0xd3, bytes: 8, min: Number.MIN_SAFE_INTEGER, max: Number.MAX_SAFE_INTEGER },
] as const;

function legalInteger(chance: Chance): Legal {
  const magnitude = Math.floor(2 ** (chance.fraction() * 53)) - (chance.fraction() < 0.1 ? 1 : 0);
  const edges = WIDTHS.flatMap(({ min, max }) => [min, max]);
  const value = chance.fraction() < 0.2 ? chance.pick(edges) : chance.pick([magnitude, -magnitude]) || 0;
  if (value >= -32 && value <= 127 && chance.fraction() < 0.5) return { value, bytes: [value & 0xff] };
  const width = chance.pick(WIDTHS.filter(({ min, max }) => value >= min && value <= max));
  return { value, bytes: [width.head, ...bigEndian(BigInt(value), width.bytes)] };
}

/** Keys have at most 255 bytes and only two widths; four bytes a character is the most there is. */
function legalText(chance: Chance, keyLengthMax?: number): Legal {
  const lengthMax = keyLengthMax ?? (chance.fraction() < 0.05 ? 1_000 : 30);
  const value = Array.from({ length: chance.integer(lengthMax) }, () => chance.pick(ALPHABET)).join('');
  const utf8 = [...new TextEncoder().encode(value)];
  const wide = keyLengthMax === undefined ? [0xd9, 0xda, 0xdb] : [0xd9];
  return { value, bytes: [...headOf(chance, utf8.length, { fix: 0xa0, fixMax: 31, wide }), ...utf8] };
}

function legalBytes(chance: Chance): Legal {
  const value = chance.bytes(chance.integer(chance.fraction() < 0.05 ? 400 : 20));
  return {
    value,
    bytes: [...headOf(chance, value.length, { fix: 0, fixMax: -1, wide: [0xc4, 0xc5, 0xc6] }), ...value],
  };
}

type Heads = { fix: number; fixMax: number; wide: readonly (number | null)[] };

/** The head of something counted: `wide` has the heads for counts of one, two and four bytes. */
function headOf(chance: Chance, count: number, { fix, fixMax, wide }: Heads): number[] {
  if (count <= fixMax && chance.fraction() < 0.7) return [fix + count];
  const fitting = wide.flatMap((head, i) => {
    const bytes = 2 ** i;
    return head !== null && count < 256 ** bytes ? [[head, ...bigEndian(BigInt(count), bytes)]] : [];
  });
  return chance.pick(fitting);
}

function bigEndian(value: bigint, bytes: number): number[] {
  return Array.from({ length: bytes }, (_, i) => Number((value >> BigInt(8 * (bytes - 1 - i))) & 0xffn));
}
