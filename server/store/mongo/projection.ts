/**
 * The projection itself, wherever it runs: reads valid blocks from the mark on, inserts their claims, records every conflict
 * with both claims, and only then moves the mark. Each step may be done again after a crash and changes nothing.
 */
import { type Collection, type Db, UUID } from 'mongodb';
import type { Runtime } from '../../../protocol/runtime.ts';
import { placeAfter } from '../block/layout.ts';
import { type Block, claimsOf } from '../block/reader.ts';
import type { Conflict } from '../journal.ts';
import { type ClaimRecord, StoreUnavailable } from '../store.ts';
import { ClaimReads } from './claim-reads.ts';
import { answerOf } from './connection.ts';
import { rangesOf } from './journal-chain.ts';
import { type BlockRange, JournalReads } from './journal-reads.ts';
import { OWNER_ID, type OwnerRecord } from './journal-schema.ts';
import { type Clash, type Projected, projectClaims } from './projection-claims.ts';
import { type ClaimDocument, COLLECTION, claimOfDocument, documentOfClaim } from './schema.ts';

/** mongod commits up to 500 inserts of a command as one. */
const INSERT_CLAIMS = 500;
/** Journaled writers share a flush; making the documents takes turns with waiting for them. */
const INSERTS_AT_ONCE_MAX = 3;

/** In `meta`. */
const MARK_ID = 'projected';
type MarkDocument = { _id: typeof MARK_ID; offset: number };

type ConflictDocument = { _id: string; journaled: ClaimDocument; stored: ClaimDocument; at: Date };

export type Advance = { until: number; claimsMax: number; collectionUuid: string };
export type Advanced = { mark: number; claims: number; conflicts: Conflict[]; requestIdsAside: number };

export type ProjectionOptions = { db: Db; majorityMs: number; runtime: Runtime };

export class Projection {
  readonly #options: ProjectionOptions;
  readonly #claims: ClaimReads;
  readonly #marks: Collection<MarkDocument>;
  readonly #conflicts: Collection<ConflictDocument>;
  readonly #owners: Collection<OwnerRecord>;

  constructor(options: ProjectionOptions) {
    const { db } = options;
    this.#options = options;
    this.#claims = new ClaimReads(db);
    this.#marks = db.collection<MarkDocument>(COLLECTION.meta);
    this.#conflicts = db.collection<ConflictDocument>(COLLECTION.conflicts);
    this.#owners = db.collection<OwnerRecord>(COLLECTION.nodes);
  }

  /** Rejects, as `advance`, with StoreUnavailable. */
  async mark(): Promise<number> {
    return (await answerOf(this.#marks.findOne({ _id: MARK_ID })))?.offset ?? 0;
  }

  /** As `Projector.advance` promises. Rejects with StoreRefused when the journal is damaged there. */
  async advance({ until, claimsMax, collectionUuid }: Advance): Promise<Advanced> {
    const from = await this.mark();
    const batch = new Batch((claims) => projectClaims(claims, new UUID(collectionUuid), this.#claimOptions()));
    let end = from;
    if (from < until) end = await this.#project(batch, { from, until, claimsMax });
    const { clashes, requestIdsAside } = await batch.finish();
    const conflicts = await Promise.all(clashes.map((clash) => this.#recordConflict(clash)));
    if (end > from) await this.#moveMark(end);
    return { mark: Math.max(from, end), claims: batch.claims, conflicts, requestIdsAside };
  }

  /** The byte up to which all is in the batch. */
  async #project(batch: Batch, { from, until, claimsMax }: { from: number; until: number; claimsMax: number }) {
    const { db, runtime } = this.#options;
    const reads = new JournalReads({ db, runtime, ranges: () => this.#ranges(until) });
    let end = from;
    for await (const block of reads.blocks(from)) {
      if (block.offset + block.bytes.length > until) return end;
      // What comes now is not next: the mark may pass no block that is not in the batch.
      if (!(await this.#follows(end, block.offset)))
        throw new StoreUnavailable(`blocks behind ${end} are not seen yet`);
      await batch.add(block);
      end = block.offset + block.bytes.length;
      if (batch.claims >= claimsMax) return end;
    }
    return (await this.#follows(end, until)) ? until : end;
  }

  /** Whether no block lies between `end` and `next`. */
  async #follows(end: number, next: number): Promise<boolean> {
    if (next <= placeAfter(end)) return true;
    return (await this.#ranges(next)).every((range) => range.endsAt <= Math.max(end, range.startsAt));
  }

  async #ranges(until: number): Promise<BlockRange[]> {
    const record = await answerOf(this.#owners.findOne({ _id: OWNER_ID }));
    if (record === null) throw new StoreUnavailable('the owner record of the journal is gone');
    return rangesOf(record.boots, until);
  }

  #claimOptions() {
    return { ...this.#options, reads: this.#claims };
  }

  /** The first record of it stands, whatever is done again. */
  async #recordConflict({ journaled, stored }: Clash): Promise<Conflict> {
    const at = new Date(this.#options.runtime.wallMs());
    const made = { journaled: documentOf(journaled), stored: documentOf(stored), at };
    const found = await answerOf(
      this.#conflicts.findOneAndUpdate(
        { _id: journaled.attempt },
        { $setOnInsert: made },
        { upsert: true, returnDocument: 'after' },
      ),
    );
    if (found === null) throw new StoreUnavailable('a conflict could not be recorded');
    const claims = { journaled: claimOfDocument(found.journaled), stored: claimOfDocument(found.stored) };
    return { ...claims, at: found.at.getTime() };
  }

  /** Never back: an owner that was fenced may still be projecting what is valid of its own. */
  async #moveMark(offset: number): Promise<void> {
    await answerOf(this.#marks.updateOne({ _id: MARK_ID }, { $max: { offset } }, { upsert: true }));
  }
}

/** Cuts the claims of blocks into inserts, a few of which are on their way at once. */
class Batch {
  claims = 0;
  readonly #insert: (claims: readonly ClaimRecord[]) => Promise<Projected>;
  readonly #inserts: Promise<Projected>[] = [];
  #waiting: ClaimRecord[] = [];

  constructor(insert: (claims: readonly ClaimRecord[]) => Promise<Projected>) {
    this.#insert = insert;
  }

  async add(block: Block): Promise<void> {
    for (const { record } of claimsOf(block)) {
      this.claims++;
      this.#waiting.push(record);
      if (this.#waiting.length === INSERT_CLAIMS) await this.#send();
    }
  }

  async finish(): Promise<Projected> {
    if (this.#waiting.length > 0) await this.#send();
    const all = await Promise.all(this.#inserts);
    return {
      clashes: all.flatMap(({ clashes }) => clashes),
      requestIdsAside: all.reduce((sum, { requestIdsAside }) => sum + requestIdsAside, 0),
    };
  }

  async #send(): Promise<void> {
    // The oldest of those on their way must be there first.
    await this.#inserts.at(-INSERTS_AT_ONCE_MAX);
    const insert = this.#insert(this.#waiting);
    // It is awaited later; until then its failure is nobody's.
    insert.catch(() => {});
    this.#inserts.push(insert);
    this.#waiting = [];
  }
}

function documentOf(claim: ClaimRecord): ClaimDocument {
  return documentOfClaim(claim, claim.slot);
}
