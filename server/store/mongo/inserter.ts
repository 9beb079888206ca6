/**
 * One insert command and the fate of each document. It is the command `insert` itself rather than the driver's insertMany,
 * for two reasons: the reply comes as the server sent it, and `collectionUUID` binds the write to the collection whose
 * guards were checked, so that one dropped a moment ago cannot come back empty. One attempt a call, never a retry.
 */
import { type Db, type Document, MongoError, type UUID } from 'mongodb';
import { DocumentSequence } from 'mongodb/lib/cmap/commands.js';
import type { Log } from '../../lib/log.ts';
import type { MayWrite } from '../store.ts';
import { type Fate, fateOfError, fatesOfReply, type InsertReply, type Order, Withheld } from './classify.ts';
import type { Guard } from './guard.ts';
import type { Packed } from './packed-claims.ts';

export type InsertTarget = { collection: string; majorityMs: number; collectionUuid?: UUID; mayWrite?: MayWrite };
/** As objects, or as bytes already. */
export type Documents = readonly Document[] | Packed;
export type Inserted = {
  fates: Fate[];
  /** What the server or the driver complained of; undefined when all went well. */
  complaint: unknown;
};

/**
 * A comment of the command that is its last look at the clock. Making a few hundred documents into bytes takes
 * milliseconds, in which the process may be frozen; the driver asks `toBSON` of this field after it has made them and
 * before it writes to the socket. Throwing there leaves the connection as it was, with nothing sent.
 */
function lastLook(mayWrite: MayWrite): { toBSON(): string } {
  return {
    toBSON() {
      if (!mayWrite()) throw new Withheld();
      return 'claims';
    },
  };
}

/** Never rejects. */
export async function insertOnce(
  db: Db,
  { collection, majorityMs, collectionUuid, mayWrite }: InsertTarget,
  documents: Documents,
  order: Order,
): Promise<Inserted> {
  const count = countOf(documents);
  try {
    const reply = (await db.command({
      insert: collection,
      documents: 'bytes' in documents ? sectionOf(documents) : documents,
      ordered: order === 'ordered',
      writeConcern: { w: 'majority', j: true, wtimeout: majorityMs },
      ...(collectionUuid === undefined ? {} : { collectionUUID: collectionUuid }),
      ...(mayWrite === undefined ? {} : { comment: lastLook(mayWrite) }),
    })) as Document & InsertReply;
    return { fates: fatesOfReply(reply, count, order), complaint: reply.writeErrors };
  } catch (error) {
    return { fates: Array<Fate>(count).fill(fateOfError(error)), complaint: error };
  }
}

function countOf(documents: Documents): number {
  return 'bytes' in documents ? documents.count : documents.length;
}

function sectionOf({ bytes }: Packed): DocumentSequence {
  const section = new DocumentSequence('documents');
  section.push({}, bytes);
  return section;
}

export type InserterOptions = { db: Db; guard: Guard; majorityMs: number; log: Log };

/** Inserts into one collection of claims, as long as its guards are there. */
export class ClaimInserter {
  readonly #collection: string;
  readonly #db: Db;
  readonly #guard: Guard;
  readonly #majorityMs: number;
  readonly #log: Log;

  constructor(collection: string, { db, guard, majorityMs, log }: InserterOptions) {
    this.#collection = collection;
    this.#db = db;
    this.#guard = guard;
    this.#majorityMs = majorityMs;
    this.#log = log;
  }

  /** Whether what decides about slots between servers was there when it was last looked for. */
  get guardsSlots(): boolean {
    return this.#guard.guardsSlots(this.#collection);
  }

  /** Something behaves as if an index were gone: look now. */
  suspectGuard(): void {
    this.#guard.suspect(this.#collection);
  }

  /** Never rejects; one fate per document, in order. */
  async insert(documents: Documents, order: Order, mayWrite: MayWrite): Promise<Fate[]> {
    const collectionUuid = this.#guard.uuidOf(this.#collection);
    if (collectionUuid === null) return Array<Fate>(countOf(documents)).fill('guardMissing');
    const target = { collection: this.#collection, majorityMs: this.#majorityMs, collectionUuid, mayWrite };
    const { fates, complaint } = await insertOnce(this.#db, target, documents, order);
    if (fates.includes('guardMissing')) this.suspectGuard();
    this.#logDoubts(fates, complaint);
    return fates;
  }

  /** Such lines are rare, and an operator's only trace of why. */
  #logDoubts(fates: readonly Fate[], complaint: unknown): void {
    const doubtful = fates.filter((fate) => fate === 'unknown' || fate === 'unavailable').length;
    if (doubtful === 0) return;
    const reason = complaint instanceof MongoError ? `${complaint.name}: ${complaint.message}` : complaint;
    this.#log.warn({ documents: fates.length, doubtful, reason }, 'an insert of claims is doubtful');
  }
}
