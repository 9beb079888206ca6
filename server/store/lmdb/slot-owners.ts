/**
 * Whose claim a slot of stock is. No table says so, because nobody asks but after a broken promise: then the claims of
 * that event and period are read.
 */
import type { ClaimRecord } from '../store.ts';
import type { Tables } from './environment.ts';
import { slotRow } from './layout.ts';
import { claimAt } from './rows.ts';
import { usersOf } from './scans.ts';

export class SlotOwners {
  readonly #tables: Tables;
  /** Claims that are about to be put. */
  readonly #noted = new Map<string, ClaimRecord>();
  /** Users by slot, for each event and period that was asked for. */
  readonly #stored = new Map<string, Map<number, string>>();

  constructor(tables: Tables) {
    this.#tables = tables;
  }

  /** The claim that has the slot of this one. */
  of(claim: ClaimRecord): ClaimRecord | null {
    const noted = this.#noted.get(slotKey(claim));
    if (noted !== undefined) return noted;
    const userId = this.#usersOf(claim).get(claim.slot ?? 0);
    return userId === undefined ? null : claimAt(this.#tables, { ...claim, userId });
  }

  note(claim: ClaimRecord): void {
    this.#noted.set(slotKey(claim), claim);
  }

  #usersOf({ eventKey, period }: ClaimRecord): Map<number, string> {
    const row = slotRow({ eventKey, period });
    const known = this.#stored.get(row);
    if (known !== undefined) return known;
    const users = new Map<number, string>();
    for (const userId of usersOf(this.#tables, { eventKey, period }, { limit: Number.POSITIVE_INFINITY })) {
      const slot = claimAt(this.#tables, { eventKey, period, userId })?.slot ?? null;
      if (slot !== null) users.set(slot, userId);
    }
    this.#stored.set(row, users);
    return users;
  }
}

function slotKey(claim: ClaimRecord): string {
  return `${slotRow(claim)}/${claim.slot}`;
}
