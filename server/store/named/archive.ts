/** Takes what is archived out of the store of its event. One that is away ends it: what it has cannot be archived unseen. */
import { MAIN_STORE } from '../../../protocol/event.ts';
import type { Archive, Place } from '../archive.ts';
import { StoreUnavailable } from '../store.ts';

/** `archive` is null while the store is away. */
export type Archiving = { name: string; archive: () => Archive | null };

export function namedArchive(stores: readonly [Archiving, ...Archiving[]]): Archive {
  function at(name = MAIN_STORE): Archive {
    const archive = stores.find((store) => store.name === name)?.archive() ?? null;
    if (archive === null) throw new StoreUnavailable(`store ${name} does not answer`);
    return archive;
  }
  return {
    get removeMax() {
      return Math.min(...stores.map(({ archive }) => archive()?.removeMax ?? Number.POSITIVE_INFINITY));
    },
    periods: async (place) => at(place.store).periods(place),
    remove: async (series, claims) => at(series.store).remove(series, claims),
    clear: async (series) => at(series.store).clear(series),
    async retire({ dayMax, events }) {
      const found = stores.map(async ({ name }) => {
        const names = await at(name).retire({ dayMax, events: events.filter(isIn(name)) });
        return name === MAIN_STORE ? names : names.map((collection) => `${name}: ${collection}`);
      });
      return (await Promise.all(found)).flat();
    },
  };
}

function isIn(name: string): (place: Place) => boolean {
  return ({ store = MAIN_STORE }) => store === name;
}
