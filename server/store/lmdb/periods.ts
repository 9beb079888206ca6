/**
 * Which periods of an event have claims, when those were granted, and the number of each such series: with that a period is
 * found in `claims`, which is in the order of time, without reading the others, and an index entry names it in four bytes.
 * Must be kept by whoever puts a claim, in the same transaction.
 */
import type { Tables } from './environment.ts';
import { rowsUnder, slotRow } from './layout.ts';

/** Of a series; the earliest and the latest time, each inclusive. */
export type PeriodRow = [series: number, earliest: number, latest: number];

type PeriodOf = { eventKey: string; period: string };

const LAST_SERIES = 'lastSeries';

export function periodRowOf({ periods }: Tables, of: PeriodOf): PeriodRow | null {
  return periods.get(slotRow(of)) ?? null;
}

export function hasClaims({ claims, periods }: Tables, eventKey: string, period: string | undefined): boolean {
  if (period !== undefined) return periods.doesExist(slotRow({ eventKey, period }));
  return claims.getKeysCount({ ...rowsUnder(`${eventKey}/`), limit: 1 }) > 0;
}

/** The event and the period of a series; null where it was archived. */
export function periodOfSeries({ series }: Tables, number: number): PeriodOf | null {
  const row = series.get(number);
  if (row === undefined) return null;
  const [eventKey = '', period = ''] = row.split('/');
  return { eventKey, period };
}

/** In a transaction in which no claim of it is left. */
export function removeSeries(tables: Tables, of: PeriodOf): void {
  const row = periodRowOf(tables, of);
  if (row !== null) tables.series.removeSync(row[0]);
  tables.periods.removeSync(slotRow(of));
}

/** What the claims of one transaction change here. */
export class PeriodChanges {
  readonly #tables: Tables;
  readonly #known = new Map<string, PeriodRow | null>();
  readonly #changed = new Map<string, PeriodRow>();
  /** Series that have their first claim, by number. */
  readonly #made = new Map<number, string>();
  #lastSeries: number | null = null;

  constructor(tables: Tables) {
    this.#tables = tables;
  }

  /** The number of the series, null while it has no claim. */
  seriesOf(of: PeriodOf): number | null {
    return this.#rowOf(slotRow(of))?.[0] ?? null;
  }

  /** Takes a claim in; returns the number of its series. */
  add(claim: PeriodOf & { grantedAt: number }): number {
    const { grantedAt } = claim;
    const name = slotRow(claim);
    const known = this.#rowOf(name);
    if (known !== null && known[1] <= grantedAt && grantedAt <= known[2]) return known[0];
    const [series, earliest, latest] = known ?? [this.#make(name), grantedAt, grantedAt];
    const row: PeriodRow = [series, Math.min(earliest, grantedAt), Math.max(latest, grantedAt)];
    this.#known.set(name, row);
    this.#changed.set(name, row);
    return series;
  }

  /** In a batch or a transaction. */
  put(): void {
    const { periods, series, meta } = this.#tables;
    for (const [name, row] of this.#changed) periods.put(name, row);
    for (const [number, name] of this.#made) {
      series.put(number, name);
      meta.put(LAST_SERIES, number);
    }
  }

  #rowOf(name: string): PeriodRow | null {
    const known = this.#known.get(name);
    if (known !== undefined) return known;
    const row = this.#tables.periods.get(name) ?? null;
    this.#known.set(name, row);
    return row;
  }

  #make(name: string): number {
    this.#lastSeries = (this.#lastSeries ?? Number(this.#tables.meta.get(LAST_SERIES) ?? 0)) + 1;
    this.#made.set(this.#lastSeries, name);
    return this.#lastSeries;
  }
}
