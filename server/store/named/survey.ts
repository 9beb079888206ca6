/** Several stores read one after the other, as one. One that is away ends the reading: what it has cannot be judged unseen. */
import { StoreUnavailable } from '../store.ts';
import type { Survey } from '../survey.ts';

/** `survey` is null while the store is away. */
export type Surveyed = { name: string; survey: () => Survey | null };
type Page = { limit: number; after: string | null };

/** The first is the main store, which alone has conflicts. A cursor is the name of a store and what that store said. */
export function namedSurvey(stores: readonly [Surveyed, ...Surveyed[]]): Survey {
  function at({ after }: Page): { place: number; survey: Survey; after: string | null } {
    const colon = after?.indexOf(':') ?? -1;
    const place = after === null ? 0 : stores.findIndex(({ name }) => name === after.slice(0, colon));
    const store = stores[place];
    const survey = store?.survey() ?? null;
    if (survey === null) throw new StoreUnavailable(`store ${store?.name ?? 'of this place'} does not answer`);
    return { place, survey, after: after === null || after.length === colon + 1 ? null : after.slice(colon + 1) };
  }

  /** Behind the last page of one store the next one begins. */
  function behind(place: number, next: string | null): string | null {
    if (next !== null) return `${stores[place]?.name}:${next}`;
    const follower = stores[place + 1];
    return follower === undefined ? null : `${follower.name}:`;
  }

  return {
    async claims(page) {
      const { place, survey, after } = at(page);
      const { next, ...found } = await survey.claims({ ...page, after });
      return { ...found, next: behind(place, next) };
    },
    async slots(eventKey, page) {
      const { place, survey, after } = at(page);
      const { next, ...found } = await survey.slots(eventKey, { ...page, after });
      return { ...found, next: behind(place, next) };
    },
    async conflicts(page) {
      const main = stores[0].survey();
      if (main === null) throw new StoreUnavailable('the main store does not answer');
      return main.conflicts(page);
    },
  };
}
