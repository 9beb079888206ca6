/**
 * The projection itself, wherever it runs: reads valid blocks from the mark on, inserts their claims, records every conflict
 * with both claims, and only then moves the mark. Each step may be done again after a crash and changes nothing.
 */
import type { Collection, Db } from 'mongodb';
import type { SplitBy } from '../../../protocol/event.ts';
import type { Runtime } from '../../../protocol/runtime.ts';
import { inLanes } from '../../lib/in-lanes.ts';
import { placeAfter } from '../block/layout.ts';
import { type Block, claimsOf, seriesIn } from '../block/reader.ts';
import type { Conflict } from '../journal.ts';
import { type ClaimRecord, StoreUnavailable } from '../store.ts';
import { ClaimReads } from './claim-reads.ts';
import { answerOf } from './connection.ts';
import { rangesOf } from './journal-chain.ts';
import { type BlockRange, JournalReads } from './journal-reads.ts';
import { OWNER_ID, type OwnerRecord } from './journal-schema.ts';
import { collectionOf } from './places.ts';
import { type Clash, type Projected, projectClaims } from './projection-claims.ts';
import { type ClaimDocument, COLLECTION, claimOfDocument, documentOfClaim, type EventDocument } from './schema.ts';

/** mongod commits up to 500 inserts of a command as one. */
const INSERT_CLAIMS = 500;
/** Journaled writers share a flush; making the documents takes turns with waiting for them. */
const INSERTS_AT_ONCE_MAX = 3;

/** In `meta`. */
const MARK_ID = 'projected';
type MarkDocument = { _id: typeof MARK_ID; offset: number };

type ConflictDocument = { _id: string; journaled: ClaimDocument; stored: ClaimDocument; at: Date };

/** `keeping`: by name the identities of the collections that what was granted may be put into. */
export type Advance = { until: number; claimsMax: number; keeping: Record<string, string> };
export type Advanced = { mark: number; claims: number; conflicts: Conflict[]; requestIdsAside: number };

export type ProjectionOptions = { db: Db; majorityMs: number; runtime: Runtime };

/** Claims belong into a collection that is not there, or does not keep them; nothing of them is inserted. */
export class PlaceMissing extends Error {
  readonly collection: string;

  constructor(collection: string) {
    super(`${collection} is not there to take its claims`);
    this.collection = collection;
  }
}

export class Projection {
  readonly #options: ProjectionOptions;
  readonly #events: Collection<EventDocument>;
  /** What an event that has claims is split by never changes. */
  readonly #splits = new Map<string, SplitBy>();
  readonly #marks: Collection<MarkDocument>;
  readonly #conflicts: Collection<ConflictDocument>;
  readonly #owners: Collection<OwnerRecord>;

  constructor(options: ProjectionOptions) {
    const { db } = options;
    this.#options = options;
    this.#events = db.collection<EventDocument>(COLLECTION.events);
    this.#marks = db.collection<MarkDocument>(COLLECTION.meta);
    this.#conflicts = db.collection<ConflictDocument>(COLLECTION.conflicts);
    this.#owners = db.collection<OwnerRecord>(COLLECTION.nodes);
  }

  /** Rejects, as `advance`, with StoreUnavailable. */
  async mark(): Promise<number> {
    return (await answerOf(this.#marks.findOne({ _id: MARK_ID })))?.offset ?? 0;
  }

  /** As `Projector.advance` promises. Rejects with StoreRefused when the journal is damaged there, and with PlaceMissing. */
  async advance({ until, claimsMax, keeping }: Advance): Promise<Advanced> {
    const from = await this.mark();
    const batch = new Batch();
    let end = from;
    if (from < until) end = await this.#read(batch, { from, until, claimsMax });
    const projected = await inLanes(batch.inserts(), INSERTS_AT_ONCE_MAX, (insert) => this.#insert(insert, keeping));
    const clashes = projected.flatMap((each) => each.clashes);
    const conflicts = await Promise.all(clashes.map((clash) => this.#recordConflict(clash)));
    if (end > from) await this.#moveMark(end);
    const requestIdsAside = projected.reduce((sum, each) => sum + each.requestIdsAside, 0);
    return { mark: Math.max(from, end), claims: batch.claims, conflicts, requestIdsAside };
  }

  async #insert({ collection, claims }: Insert, keeping: Advance['keeping']): Promise<Projected> {
    const uuid = keeping[collection];
    if (uuid === undefined) throw new PlaceMissing(collection);
    const reads = new ClaimReads(this.#options.db, collection);
    return projectClaims(claims, { ...this.#options, collection, uuid, reads });
  }

  /** The byte up to which all is in the batch. */
  async #read(batch: Batch, { from, until, claimsMax }: { from: number; until: number; claimsMax: number }) {
    const { db, runtime } = this.#options;
    const reads = new JournalReads({ db, runtime, ranges: () => this.#ranges(until) });
    let end = from;
    for await (const block of reads.blocks(from)) {
      if (block.offset + block.bytes.length > until) return end;
      // What comes now is not next: the mark may pass no block that is not in the batch.
      if (!(await this.#follows(end, block.offset)))
        throw new StoreUnavailable(`blocks behind ${end} are not seen yet`);
      await this.#learnSplits(block);
      batch.add(block, ({ eventKey }) => this.#splits.get(eventKey) ?? 'none');
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

  async #learnSplits(block: Block): Promise<void> {
    const keys = Array.from(seriesIn(block).values(), ({ eventKey }) => eventKey);
    const unknown = [...new Set(keys)].filter((eventKey) => !this.#splits.has(eventKey));
    if (unknown.length === 0) return;
    const found = await answerOf(this.#events.find({ _id: { $in: unknown } }).toArray());
    const splits = new Map(found.map(({ _id, splitBy }) => [_id, splitBy]));
    for (const eventKey of unknown) this.#splits.set(eventKey, splits.get(eventKey) ?? 'none');
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

/** The claims of blocks, by the collection that they go into. */
class Batch {
  claims = 0;
  readonly #waiting = new Map<string, ClaimRecord[]>();

  add(block: Block, splitOf: (claim: ClaimRecord) => SplitBy): void {
    for (const { record } of claimsOf(block)) {
      this.claims++;
      const collection = collectionOf(record, splitOf(record));
      const waiting = this.#waiting.get(collection);
      if (waiting === undefined) this.#waiting.set(collection, [record]);
      else waiting.push(record);
    }
  }

  /**
   * By user, as the indexes are: neighbours meet the same page of one, which is then read, changed and written once. A
   * user's claims stay in the order of the journal.
   */
  inserts(): Insert[] {
    const inserts: Insert[] = [];
    for (const [collection, claims] of this.#waiting) {
      claims.sort(byUser);
      for (let at = 0; at < claims.length; at += INSERT_CLAIMS) {
        inserts.push({ collection, claims: claims.slice(at, at + INSERT_CLAIMS) });
      }
    }
    return inserts;
  }
}

type Insert = { collection: string; claims: readonly ClaimRecord[] };

function byUser(left: ClaimRecord, right: ClaimRecord): number {
  if (left.userId === right.userId) return 0;
  return left.userId < right.userId ? -1 : 1;
}

function documentOf(claim: ClaimRecord): ClaimDocument {
  return documentOfClaim(claim, claim.slot);
}
