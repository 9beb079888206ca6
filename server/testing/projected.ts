/** A store that says how far its projection has come, so that a test waits for just that. */
import type { Projector } from '../store/journal.ts';
import type { Store } from '../store/store.ts';

export type ProjectedStore = {
  store: Store;
  /** Resolves when so many claims of the journal have come into the store in all. */
  whenProjected(count: number): Promise<void>;
};

export function projectedStore(store: Store): ProjectedStore {
  const { projector: open } = store;
  if (open === undefined) throw new Error('the store has no journal');
  const waiting = new Set<{ count: number; resolve: () => void }>();
  let projected = 0;
  const tell = () => {
    for (const each of waiting) {
      if (each.count <= projected && waiting.delete(each)) each.resolve();
    }
  };
  const watched = (projector: Projector): Projector => ({
    mark: () => projector.mark(),
    tidy: () => projector.tidy(),
    close: () => projector.close(),
    async advance(until, claimsMax) {
      const advanced = await projector.advance(until, claimsMax);
      projected += advanced.claims;
      tell();
      return advanced;
    },
  });
  return {
    store: { ...store, projector: async () => watched(await open()) },
    whenProjected: (count) =>
      new Promise((resolve) => {
        waiting.add({ count, resolve });
        tell();
      }),
  };
}
