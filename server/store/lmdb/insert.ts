/**
 * The decision of one insert, inside its transaction: the rows that are there refuse a draft, and those it puts are
 * seen by the next. Must run inside a write transaction, which LMDB gives to one writer at a time.
 */
import type { ClaimParts } from '../../../protocol/key.ts';
import type { ClaimDraft, ClaimRecord, InsertOutcome } from '../store.ts';
import { NOTHING, type Tables } from './environment.ts';
import { claimRow, recordOf, requestRow, slotRow, storedOf, timeRow } from './layout.ts';
import { notePeriods } from './periods.ts';
import { claimAt, claimOfRequest, noteDirectCommit } from './rows.ts';

export function insertAll(tables: Tables, drafts: readonly ClaimDraft[]): InsertOutcome[] {
  const outcomes = drafts.map((draft) => refusalOf(tables, draft) ?? put(tables, { ...draft, slot: null }));
  note(tables, outcomes);
  return outcomes;
}

/** The highest slot is written once a call, in the transaction that writes its claims: it cannot disagree with them. */
export function insertAllStock(tables: Tables, drafts: readonly ClaimDraft[], stock: number): InsertOutcome[] {
  const [first] = drafts;
  if (first === undefined) return [];
  const highestBefore = tables.slots.get(slotRow(first)) ?? 0;
  let highest = highestBefore;
  const outcomes = drafts.map((draft): InsertOutcome => {
    if (slotRow(draft) !== slotRow(first)) throw new Error('drafts with stock are of one event and period');
    const refusal = refusalOf(tables, draft);
    if (refusal !== null) return refusal;
    if (highest >= stock) return { kind: 'soldOut' };
    highest++;
    return put(tables, { ...draft, slot: highest });
  });
  if (highest > highestBefore) tables.slots.putSync(slotRow(first), highest);
  note(tables, outcomes);
  return outcomes;
}

function note(tables: Tables, outcomes: readonly InsertOutcome[]): void {
  const inserted = outcomes.flatMap((outcome): ClaimRecord[] => (outcome.kind === 'inserted' ? [outcome.claim] : []));
  if (inserted.length === 0) return;
  notePeriods(tables, inserted);
  noteDirectCommit(tables);
}

function refusalOf(tables: Tables, draft: ClaimDraft): InsertOutcome | null {
  const claim = claimAt(tables, draft);
  if (claim !== null) return { kind: claim.attempt === draft.attempt ? 'inserted' : 'taken', claim };
  const earlier = claimOfRequest(tables, draft);
  return earlier === null ? null : { kind: 'requestTaken', claim: earlier };
}

function put({ users, byEvent }: Tables, claim: ClaimRecord): InsertOutcome {
  const parts: ClaimParts = claim;
  const stored = storedOf(claim);
  users.putSync(claimRow(parts), stored);
  users.putSync(requestRow(claim), slotRow(parts));
  byEvent.putSync(timeRow(claim), NOTHING);
  return { kind: 'inserted', claim: recordOf(parts, stored) };
}
