/** The same work for many items, few of them at once, so that they wait here and not where waiting is a failure. */

/**
 * Results in the order of the items, which are begun in that order, at most `lanesMax` at a time. Rejects as the first one
 * that fails; then nothing more is begun.
 */
export async function inLanes<T, R>(
  items: readonly T[],
  lanesMax: number,
  work: (item: T) => Promise<R>,
): Promise<R[]> {
  const results: R[] = [];
  let next = 0;
  const lane = async () => {
    while (next < items.length) {
      const at = next++;
      try {
        results[at] = await work(items[at] as T);
      } catch (error) {
        next = items.length;
        throw error;
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(lanesMax, items.length) }, lane));
  return results;
}
