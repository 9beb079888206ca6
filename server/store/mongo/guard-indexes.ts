/** What makes the indexes of a collection of claims its guards. Pure. */
import { GUARD_INDEXES, type IndexSpec } from './schema.ts';

/** Why claims that are put there do not stay; null when they do. */
export function whatExpires(indexes: readonly Record<string, unknown>[]): string | null {
  const expiring = indexes.find((index) => index.expireAfterSeconds !== undefined);
  return expiring === undefined ? null : `index ${expiring.name} expires claims, which opens their keys again`;
}

/** What is wrong with the indexes of a collection of claims as guards; null when nothing is. */
export function whatIndexesLack(
  indexes: readonly Record<string, unknown>[],
  wanted: readonly IndexSpec[] = GUARD_INDEXES,
): string | null {
  const expiring = whatExpires(indexes);
  if (expiring !== null) return expiring;
  const lacking = wanted.find((spec) => !indexes.some((index) => guards(index, spec)));
  return lacking === undefined ? null : `unique index ${lacking.name} ${JSON.stringify(lacking.key)} was dropped`;
}

/** The name does not matter; an index under construction has its specification elsewhere and so does not count yet. */
function guards(index: Record<string, unknown>, spec: IndexSpec): boolean {
  const isSame = (field: 'key' | 'partialFilterExpression') =>
    JSON.stringify(index[field]) === JSON.stringify(spec[field]);
  const isWhole = index.sparse !== true && index.collation === undefined;
  return isSame('key') && isSame('partialFilterExpression') && index.unique === true && isWhole;
}
