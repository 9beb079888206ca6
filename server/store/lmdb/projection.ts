/**
 * What a batch of claims of the journal adds to the tables: decided by reading, written as one. The claims have been
 * granted already, so nothing is decided about them here: what stands in the way of one is a broken promise, which is
 * recorded and never overwritten. Doing it again changes nothing. Must run while nobody else writes.
 */
import type { Conflict } from '../journal.ts';
import type { ClaimRecord } from '../store.ts';
import { NOTHING, type Tables } from './environment.ts';
import { claimRow, requestRow, slotRow, storedOf, timeRow } from './layout.ts';
import { spansWith } from './periods.ts';
import { claimAt } from './rows.ts';
import { SlotOwners } from './slot-owners.ts';

export class Projection {
  /** How many it was given: those that met another claim are dealt with as well. */
  readonly claims: number;
  readonly conflicts: Conflict[] = [];
  readonly #tables: Tables;
  readonly #at: number;
  /** By the row of the claim, in the order of the journal. */
  readonly #fresh = new Map<string, ClaimRecord>();
  /** The first claim of each request, by the row of the request. */
  readonly #requests = new Map<string, ClaimRecord>();
  /** The highest slots, by event and period. */
  readonly #slots = new Map<string, number>();
  readonly #owners: SlotOwners;

  /** `at` is now, in milliseconds since 1970, for the record of a conflict. */
  constructor(tables: Tables, claims: readonly ClaimRecord[], at: number) {
    this.#tables = tables;
    this.#at = at;
    this.#owners = new SlotOwners(tables);
    this.claims = claims.length;
    for (const claim of claims) this.#add(claim);
  }

  /** Puts it all. Must be called in a batch, so that it is one transaction. */
  put(): void {
    const { users, byEvent, slots, periods, conflicts } = this.#tables;
    // In the order of the table: neighbours share a page, which is then looked for and copied once.
    for (const [row, claim] of [...this.#fresh].sort(byRow)) {
      users.put(row, storedOf(claim));
      const request = requestRow(claim);
      // An earlier claim of this request id keeps it: this one was granted all the same, and its key finds it.
      if (this.#requests.get(request) === claim && !users.doesExist(request)) users.put(request, slotRow(claim));
    }
    // The order of the journal is that of time, and so almost that of this table.
    for (const claim of this.#fresh.values()) byEvent.put(timeRow(claim), NOTHING);
    for (const [row, slot] of this.#slots) slots.put(row, slot);
    for (const [row, span] of spansWith(this.#tables, this.#fresh.values())) periods.put(row, span);
    for (const conflict of this.conflicts) conflicts.put(rowOf(conflict), conflict);
  }

  #add(claim: ClaimRecord): void {
    const row = claimRow(claim);
    const isRising = claim.slot === null || this.#isRising(slotRow(claim), claim.slot);
    const stored = this.#fresh.get(row) ?? claimAt(this.#tables, claim) ?? (isRising ? null : this.#owners.of(claim));
    if (stored === null) {
      this.#fresh.set(row, claim);
      const request = requestRow(claim);
      if (!this.#requests.has(request)) this.#requests.set(request, claim);
      if (claim.slot !== null) this.#owners.note(claim);
    } else if (stored.attempt !== claim.attempt) {
      this.conflicts.push({ journaled: claim, stored, at: this.#at });
    }
  }

  /**
   * The slots of an event and period are journaled in rising order. One that does not rise was projected before, or has
   * an owner. The highest is kept even where its claim meets another: that unit has been promised.
   */
  #isRising(row: string, slot: number): boolean {
    if (slot <= (this.#slots.get(row) ?? this.#tables.slots.get(row) ?? 0)) return false;
    this.#slots.set(row, slot);
    return true;
  }
}

function byRow([left]: [string, unknown], [right]: [string, unknown]): number {
  return left < right ? -1 : 1;
}

function rowOf({ journaled }: Conflict): string {
  return `${journaled.claimKey} ${journaled.attempt}`;
}
