/**
 * The decision of one insert, inside its transaction: the claims that are there refuse a draft. Must run inside a write
 * transaction, which LMDB gives to one writer at a time; that, and a look into the index for each draft, is what makes a
 * claim key and a request id unique here.
 */
import type { ClaimDraft, ClaimRecord, InsertOutcome } from '../store.ts';
import type { Tables } from './environment.ts';
import type { IndexEntry } from './index-entry.ts';
import { slotRow, storedOf, timeRow } from './layout.ts';
import { PeriodChanges } from './periods.ts';
import { noteDirectCommit, UserClaims } from './rows.ts';

export function insertAll(tables: Tables, drafts: readonly ClaimDraft[]): InsertOutcome[] {
  const insertion = new Insertion(tables);
  const outcomes = drafts.map((draft) => insertion.insert(draft, () => null));
  insertion.end();
  return outcomes;
}

/** The highest slot is written once a call, in the transaction that writes its claims: it cannot disagree with them. */
export function insertAllStock(tables: Tables, drafts: readonly ClaimDraft[], stock: number): InsertOutcome[] {
  const [first] = drafts;
  if (first === undefined) return [];
  const insertion = new Insertion(tables);
  const highestBefore = tables.slots.get(slotRow(first)) ?? 0;
  let highest = highestBefore;
  const outcomes = drafts.map((draft): InsertOutcome => {
    if (slotRow(draft) !== slotRow(first)) throw new Error('drafts with stock are of one event and period');
    return insertion.insert(draft, () => (highest < stock ? ++highest : 'soldOut'));
  });
  if (highest > highestBefore) tables.slots.putSync(slotRow(first), highest);
  insertion.end();
  return outcomes;
}

/** The drafts of one call have no key and no request id in common, so their entries can wait for its end. */
class Insertion {
  readonly #tables: Tables;
  readonly #periods: PeriodChanges;
  readonly #entries: IndexEntry[] = [];

  constructor(tables: Tables) {
    this.#tables = tables;
    this.#periods = new PeriodChanges(tables);
  }

  /** Asks for a slot when nothing else refuses the draft. */
  insert(draft: ClaimDraft, takeSlot: () => number | null | 'soldOut'): InsertOutcome {
    const user = new UserClaims(this.#tables, draft.userId);
    const refusal = this.#refusalOf(draft, user);
    if (refusal !== null) return refusal;
    const slot = takeSlot();
    if (slot === 'soldOut') return { kind: 'soldOut' };
    const { place: _, ...fields } = draft;
    const claim: ClaimRecord = { ...fields, slot };
    this.#entries.push(user.entryOf(claim, this.#periods.add(claim), true));
    this.#tables.claims.putSync(timeRow(claim), storedOf(claim));
    return { kind: 'inserted', claim };
  }

  end(): void {
    if (this.#entries.length === 0) return;
    this.#periods.put();
    for (const [hash, row] of this.#tables.index.freshWith(this.#entries)) this.#tables.fresh.putSync(hash, row);
    noteDirectCommit(this.#tables);
  }

  #refusalOf(draft: ClaimDraft, user: UserClaims): InsertOutcome | null {
    const series = this.#periods.seriesOf(draft);
    const claim = series === null ? null : user.of(series);
    if (claim !== null) return { kind: claim.attempt === draft.attempt ? 'inserted' : 'taken', claim };
    const earlier = user.ofRequest(draft.requestId);
    return earlier === null ? null : { kind: 'requestTaken', claim: earlier };
  }
}
