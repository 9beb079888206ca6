/**
 * What a batch of claims of the journal adds to the tables: decided by reading, written as one. The claims have been
 * granted already, so nothing is decided about them here: what stands in the way of one is a broken promise, which is
 * recorded and never overwritten. Doing it again changes nothing. Must run while nobody else writes.
 */
import type { Conflict } from '../journal.ts';
import type { ClaimRecord } from '../store.ts';
import type { Tables } from './environment.ts';
import type { IndexEntry } from './index-entry.ts';
import { slotRow, storedOf, timeRow } from './layout.ts';
import { PeriodChanges } from './periods.ts';
import { UserClaims } from './rows.ts';
import { SlotOwners } from './slot-owners.ts';

export class Projection {
  /** How many it was given: those that met another claim are dealt with as well. */
  readonly claims: number;
  readonly conflicts: Conflict[] = [];
  readonly #tables: Tables;
  readonly #at: number;
  /** By claim key, in the order of the journal. */
  readonly #fresh = new Map<string, ClaimRecord>();
  readonly #entries: IndexEntry[] = [];
  /** Of the claims that are about to be put, `userId requestId`. */
  readonly #requests = new Set<string>();
  /** The highest slots, by event and period. */
  readonly #slots = new Map<string, number>();
  readonly #owners: SlotOwners;
  readonly #periods: PeriodChanges;

  /** `at` is now, in milliseconds since 1970, for the record of a conflict. */
  constructor(tables: Tables, claims: readonly ClaimRecord[], at: number) {
    this.#tables = tables;
    this.#at = at;
    this.#owners = new SlotOwners(tables);
    this.#periods = new PeriodChanges(tables);
    this.claims = claims.length;
    for (const claim of claims) this.#add(claim);
  }

  /** Puts it all. Must be called in a batch, so that it is one transaction. */
  put(): void {
    const { claims, fresh, index, slots, conflicts } = this.#tables;
    // In the order of the table: neighbours share a page, which is then looked for and copied once.
    const rows = Array.from(this.#fresh.values(), (claim): Row => [timeRow(claim), claim]);
    for (const [row, claim] of rows.sort(byRow)) claims.put(row, storedOf(claim));
    for (const [hash, row] of index.freshWith(this.#entries)) fresh.put(hash, row);
    for (const [row, slot] of this.#slots) slots.put(row, slot);
    this.#periods.put();
    for (const conflict of this.conflicts) conflicts.put(rowOf(conflict), conflict);
  }

  #add(claim: ClaimRecord): void {
    const isRising = claim.slot === null || this.#isRising(slotRow(claim), claim.slot);
    const user = new UserClaims(this.#tables, claim.userId);
    const stored = this.#standing(claim, user) ?? (isRising ? null : this.#owners.of(claim));
    if (stored === null) this.#put(claim, user);
    else if (stored.attempt !== claim.attempt) this.conflicts.push({ journaled: claim, stored, at: this.#at });
  }

  /** The claim that has the key of this one. */
  #standing(claim: ClaimRecord, user: UserClaims): ClaimRecord | null {
    const fresh = this.#fresh.get(claim.claimKey);
    if (fresh !== undefined) return fresh;
    const series = this.#periods.seriesOf(claim);
    return series === null ? null : user.of(series);
  }

  #put(claim: ClaimRecord, user: UserClaims): void {
    this.#fresh.set(claim.claimKey, claim);
    // An earlier claim of this request id keeps it: this one was granted all the same, and its key finds it.
    const request = `${claim.userId} ${claim.requestId}`;
    const isFirst = !this.#requests.has(request) && user.ofRequest(claim.requestId) === null;
    this.#requests.add(request);
    this.#entries.push(user.entryOf(claim, this.#periods.add(claim), isFirst));
    if (claim.slot !== null) this.#owners.note(claim);
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

type Row = [key: string, claim: ClaimRecord];

function byRow([left]: Row, [right]: Row): number {
  return left < right ? -1 : 1;
}

function rowOf({ journaled }: Conflict): string {
  return `${journaled.claimKey} ${journaled.attempt}`;
}
