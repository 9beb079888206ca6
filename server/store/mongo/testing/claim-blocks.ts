/** Journal blocks with claims of the test's choice, and what those claims are once they are projected. */
import { claimKeyOf } from '../../../../protocol/key.ts';
import { textBytes, writeText } from '../../block/claim-text.ts';
import { AT, BLOCK_BYTES_MAX, placeAfter } from '../../block/layout.ts';
import { bodyOfSeries } from '../../block/series.ts';
import { BlockWriter } from '../../block/writer.ts';
import type { Appended, Journal } from '../../journal.ts';
import type { ClaimRecord } from '../../store.ts';

export type BlockClaim = { userId: string; requestId: string; eventKey?: string; slot?: number };

const NOON = 1_795_348_800_000;
const REWARDS = [{ kind: 'currency', id: 'gold', amount: 100 }];

/** A writer of one boot's blocks. */
export class ClaimBlocks {
  /** All claims of blocks that were made, in order. */
  readonly records: ClaimRecord[] = [];
  readonly #journal: Journal;
  readonly #buffer = Buffer.alloc(BLOCK_BYTES_MAX);
  readonly #writer = new BlockWriter(this.#buffer);
  #sequence = 0;
  #previous = 0;
  #attempts = 0;
  #end: number;

  constructor(journal: Journal) {
    this.#journal = journal;
    this.#end = journal.startsAt;
  }

  /** Behind the last block that was made. */
  get end(): number {
    return this.#end;
  }

  append(claims: readonly BlockClaim[]): Promise<Appended> {
    return this.send(this.make(claims));
  }

  send(block: Buffer): Promise<Appended> {
    return new Promise((resolve) => this.#journal.append(block, resolve));
  }

  /** The next block, not appended yet. */
  make(claims: readonly BlockClaim[]): Buffer {
    const offset = placeAfter(this.#end);
    const { origin } = this.#journal;
    const head = { sequence: ++this.#sequence, firstAttempt: this.#attempts + 1, previous: this.#previous };
    this.#writer.begin(0, { origin, offset, ...head });
    const eventKeys = [...new Set(claims.map(({ eventKey = 'summer' }) => eventKey))];
    eventKeys.forEach((eventKey, id) => {
      this.#writer.addSeries(id, bodyOfSeries({ eventKey, period: '-', configVersion: 1, rewards: REWARDS }));
    });
    for (const claim of claims) this.#add(claim, eventKeys.indexOf(claim.eventKey ?? 'summer'));
    const block = Buffer.from(this.#writer.end(NOON));
    this.#previous = block.readUInt32BE(AT.crc);
    this.#end = offset + block.length;
    return block;
  }

  #add({ userId, requestId, eventKey = 'summer', slot = 0 }: BlockClaim, series: number): void {
    const text = Buffer.alloc(textBytes(userId.length) + textBytes(requestId.length));
    const userEnd = writeText(text, 0, userId);
    const end = writeText(text, userEnd, requestId);
    const grantedAt = NOON + ++this.#attempts;
    this.#writer.addClaim(series, slot, grantedAt, text, 0, userEnd, text, userEnd, end);
    this.records.push({
      claimKey: claimKeyOf(eventKey, '-', userId),
      ...{ eventKey, period: '-', userId, requestId, grantedAt, configVersion: 1, rewards: REWARDS },
      slot: slot === 0 ? null : slot,
      delivery: { state: 'PENDING', attempts: 0, fulfilledAt: null },
      attempt: `${this.#journal.origin}.${this.#attempts}`,
    });
  }
}

/** Claims of users that nobody else has. */
export function usersOf(name: string, count: number): BlockClaim[] {
  return Array.from({ length: count }, (_, index) => ({ userId: `${name}${index}`, requestId: `r${index}` }));
}

export async function blocksOf(journal: Journal, from = journal.oldest): Promise<Buffer[]> {
  const found: Buffer[] = [];
  for await (const block of journal.blocks(from)) found.push(block);
  return found;
}
