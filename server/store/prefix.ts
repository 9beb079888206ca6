/** Where the strings with a prefix end, in the order of UTF-8 bytes, which is that of code points. Pure. */

const LAST = 0x10_ffff;
/** The last code point before those that only UTF-16 has, and the first after them. */
const [BEFORE_SURROGATES, AFTER_SURROGATES] = [0xd7ff, 0xe000];

/** The first string behind all that begin with `prefix`; null when nothing is behind them. */
export function prefixEndOf(prefix: string): string | null {
  const points = Array.from(prefix, (character) => character.codePointAt(0) ?? LAST);
  while (points.at(-1) === LAST) points.pop();
  const last = points.pop();
  if (last === undefined) return null;
  return String.fromCodePoint(...points, last === BEFORE_SURROGATES ? AFTER_SURROGATES : last + 1);
}

/** For `sort`: the order that LMDB and MongoDB keep, which is not that of JavaScript beyond the 16-bit characters. */
export function byBytes(left: string, right: string): number {
  return Buffer.compare(Buffer.from(left), Buffer.from(right));
}
