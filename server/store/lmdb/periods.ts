/**
 * Which periods of an event have claims, and when those were granted: with that a period is found in `byEvent`, which
 * is in the order of time, without reading the others. Must be kept by whoever puts a claim, in the same transaction.
 */
import type { ClaimRecord } from '../store.ts';
import type { Tables } from './environment.ts';
import { claimOfTimeRow, rowsUnder, slotRow } from './layout.ts';

/** The earliest and the latest time, each inclusive. */
export type Span = [earliest: number, latest: number];

/** In a transaction that has put these claims. */
export function notePeriods(tables: Tables, claims: Iterable<ClaimRecord>): void {
  for (const [row, span] of spansWith(tables, claims)) tables.periods.putSync(row, span);
}

/** The rows that these claims change. A batch is of few periods: one look-up for each. */
export function spansWith({ periods }: Tables, claims: Iterable<ClaimRecord>): Map<string, Span> {
  const spans = new Map<string, Span>();
  for (const claim of claims) widen(spans, slotRow(claim), claim.grantedAt);
  for (const [row, [earliest, latest]] of spans) {
    const known = periods.get(row);
    if (known === undefined) continue;
    if (known[0] <= earliest && known[1] >= latest) spans.delete(row);
    else spans.set(row, [Math.min(earliest, known[0]), Math.max(latest, known[1])]);
  }
  return spans;
}

/** What a store of format 1 does not have. A million claims take about a second, once. */
export function makePeriods(tables: Tables): void {
  const spans = new Map<string, Span>();
  for (const row of tables.byEvent.getKeys()) {
    const { grantedAt, claimKey } = claimOfTimeRow(row);
    widen(spans, claimKey.slice(0, claimKey.lastIndexOf('/')), grantedAt);
  }
  for (const [row, span] of spans) tables.periods.putSync(row, span);
}

export function spanOf({ periods }: Tables, of: { eventKey: string; period: string }): Span | null {
  return periods.get(slotRow(of)) ?? null;
}

export function hasClaims({ byEvent, periods }: Tables, eventKey: string, period: string | undefined): boolean {
  if (period !== undefined) return periods.doesExist(slotRow({ eventKey, period }));
  return byEvent.getKeysCount({ ...rowsUnder(`${eventKey}/`), limit: 1 }) > 0;
}

function widen(spans: Map<string, Span>, row: string, grantedAt: number): void {
  const span = spans.get(row);
  if (span === undefined) spans.set(row, [grantedAt, grantedAt]);
  else if (grantedAt < span[0]) span[0] = grantedAt;
  else if (grantedAt > span[1]) span[1] = grantedAt;
}
