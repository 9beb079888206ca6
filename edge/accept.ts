/** Which media type a caller wants (RFC 9110 §12.5.1). */
import { Refusal } from './refusal.ts';

type Range = { type: string; quality: number };

function rangesOf(accept: string): Range[] {
  return accept.split(',').map((part) => {
    const [type = '', ...parameters] = part.split(';').map((piece) => piece.trim().toLowerCase());
    const quality = parameters.find((parameter) => parameter.startsWith('q='));
    return { type, quality: quality === undefined ? 1 : Number(quality.slice(2)) || 0 };
  });
}

/** The most specific range that covers a type decides about it; a type that none covers is not wanted. */
function qualityOf(type: string, ranges: readonly Range[]): number {
  const covering = [type, `${type.split('/')[0]}/*`, '*/*'];
  for (const wanted of covering) {
    const range = ranges.find((candidate) => candidate.type === wanted);
    if (range !== undefined) return range.quality;
  }
  return 0;
}

/** The offered type that is wanted most, the first one among equals. Throws a Refusal NOT_ACCEPTABLE. */
export function preferred<const T extends string>(accept: string | undefined, offered: readonly [T, ...T[]]): T {
  if (accept === undefined) return offered[0];
  const ranges = rangesOf(accept);
  let best: { type: T; quality: number } | null = null;
  for (const type of offered) {
    const quality = qualityOf(type, ranges);
    if (quality > (best?.quality ?? 0)) best = { type, quality };
  }
  if (best === null) throw new Refusal({ code: 'NOT_ACCEPTABLE', detail: `Offered: ${offered.join(', ')}.` });
  return best.type;
}
