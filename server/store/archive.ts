/**
 * What a store does for whoever has put claims into files: it finds the periods, and removes the claims of one. It does not ask
 * whether that is right: nothing may be granted any more in what it is told to remove. Types only.
 */
import type { ClaimPlace, ClaimRecord } from './store.ts';

/** The claims of an event lie where its place says. */
export type Place = { eventKey: string } & Pick<ClaimPlace, 'splitBy' | 'store'>;
/** One period of an event: what is archived together. */
export type Series = Place & { period: string };

/** All reject with StoreUnavailable; then what they were asked to do may be done, and doing it again is harmless. */
export type Archive = {
  /** The periods of which anything is there, claims or what takes the place of one. In no order. */
  periods(place: Place): Promise<string[]>;
  /**
   * Removes these claims, each only where the record that is there is the very one given. At most `removeMax` of one series.
   * Resolves, once that is durable, to how many were removed.
   */
  remove(series: Series, claims: readonly ClaimRecord[]): Promise<number>;
  /** Few enough that claims are not held up. */
  readonly removeMax: number;
  /** Removes what else is kept of a series, once no claim of it is there; else nothing. */
  clear(series: Series): Promise<void>;
  /**
   * Gives up collections in which nothing is left: from now on they are neither read nor watched, and may be dropped. Those of
   * single days up to `dayMax` (yyyymmdd), and those of the events given. Resolves to the names of all that were given up and are
   * still there, whenever that was.
   */
  retire(given: { dayMax: string; events: readonly Place[] }): Promise<string[]>;
};
