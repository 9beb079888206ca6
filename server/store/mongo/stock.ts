/**
 * The insert for an event with stock. Slots come from an ordered command that starts at the highest durable slot + 1, so slot
 * n is only ever written after n − 1; the unique slot index decides between servers, and who loses reads the highest slot
 * again. Nothing is reserved, so a crash leaves no gap.
 */
import type { ClaimDraft, InsertOutcome, MayWrite } from '../store.ts';
import type { ClaimReads } from './claim-reads.ts';
import type { Fate } from './classify.ts';
import type { ClaimInserter } from './inserter.ts';
import { ownersOf } from './owners.ts';
import { packedClaims } from './packed-claims.ts';
import { claimOfDraft } from './schema.ts';

/** Each lost race means that others have sold; a caller that loses this often is told to come again. */
const RACES_LOST_MAX = 100;

/** `mayWrite` is asked right before each command: what was decided may have grown old while the highest slot was read. */
type Terms = { stock: number; mayWrite: MayWrite };

export async function insertStock(
  reads: ClaimReads,
  inserter: ClaimInserter,
  drafts: readonly ClaimDraft[],
  terms: Terms,
): Promise<InsertOutcome[]> {
  const sale = new Sale(reads, inserter, drafts);
  try {
    await sale.run(terms);
  } catch {
    // A read failed between two commands: the drafts that are left were never sent, or were refused. It may have failed for
    // want of the index that it names.
    inserter.suspectGuard();
    sale.settleRest({ kind: 'unavailable' });
  }
  return sale.outcomes;
}

/** One call: outcomes fill up from the front, and what is behind them has not been decided yet. */
class Sale {
  readonly outcomes: InsertOutcome[] = [];
  readonly #reads: ClaimReads;
  readonly #inserter: ClaimInserter;
  readonly #drafts: readonly ClaimDraft[];
  #racesLost = 0;

  constructor(reads: ClaimReads, inserter: ClaimInserter, drafts: readonly ClaimDraft[]) {
    this.#reads = reads;
    this.#inserter = inserter;
    this.#drafts = drafts;
  }

  async run({ stock, mayWrite }: Terms): Promise<void> {
    for (let rest = this.#rest(); rest[0] !== undefined; rest = this.#rest()) {
      if (!this.#inserter.guardsSlots) return this.settleRest({ kind: 'guardMissing' });
      const { eventKey, period } = rest[0];
      const highest = await this.#reads.highestSlotOf(eventKey, period);
      if (highest >= stock) await this.#settleSoldOut(rest);
      else await this.#sell(rest.slice(0, stock - highest), { firstSlot: highest + 1, mayWrite });
    }
  }

  settleRest(outcome: InsertOutcome): void {
    while (this.outcomes.length < this.#drafts.length) this.outcomes.push(outcome);
  }

  #rest(): readonly ClaimDraft[] {
    return this.#drafts.slice(this.outcomes.length);
  }

  /**
   * A draft may have got its slot by an earlier attempt. It is looked for after slot `stock` was found, when every slot is
   * taken durably and so no attempt can land any more.
   */
  async #settleSoldOut(rest: readonly ClaimDraft[]): Promise<void> {
    const owners = await ownersOf(this.#reads, rest);
    this.outcomes.push(...owners.map((owner) => owner ?? ({ kind: 'soldOut' } as const)));
  }

  async #sell(
    drafts: readonly ClaimDraft[],
    { firstSlot, mayWrite }: { firstSlot: number; mayWrite: MayWrite },
  ): Promise<void> {
    const fates = await this.#inserter.insert(packedClaims(drafts, firstSlot), 'ordered', mayWrite);
    for (const [index, draft] of drafts.entries()) {
      const fate = fates[index] ?? 'unknown';
      if (fate === 'inserted') {
        this.outcomes.push({ kind: 'inserted', claim: claimOfDraft(draft, firstSlot + index) });
      } else if (fate === 'unknown') {
        this.outcomes.push({ kind: 'unknown' });
      } else {
        return this.#settleStop(draft, fate);
      }
    }
    // The rest was not sent, and asking on after an unknown would only pile up more of them.
    if (fates.includes('unknown')) this.settleRest({ kind: 'unavailable' });
  }

  /** The ordered command went no further than this draft. */
  async #settleStop(draft: ClaimDraft, fate: Exclude<Fate, 'inserted' | 'unknown'>): Promise<void> {
    if (fate === 'guardMissing' || fate === 'withheld') return this.settleRest({ kind: fate });
    if (fate !== 'duplicate') return this.settleRest({ kind: 'unavailable' });
    const owner = await this.#ownerOf(draft);
    if (owner !== null) this.outcomes.push(owner);
    else if (++this.#racesLost === RACES_LOST_MAX) this.settleRest({ kind: 'unavailable' });
  }

  /** Null when it was the slot that was taken. What refused the draft may be an own attempt, so a failed read leaves doubt. */
  async #ownerOf(draft: ClaimDraft): Promise<InsertOutcome | null> {
    try {
      const [owner] = await ownersOf(this.#reads, [draft]);
      return owner ?? null;
    } catch {
      return { kind: 'unknown' };
    }
  }
}
