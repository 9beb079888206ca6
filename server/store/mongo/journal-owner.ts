/**
 * The owner record: who may append to the journal of this store, until when, and what the journal consists of. Times are
 * compared on MongoDB's clock alone. Every change of owner raises the epoch, and an owner changes the record only as long
 * as it bears its epoch. That keeps the record right; a late block of an earlier owner is kept out by the seal alone.
 */
import type { Collection, Db, Document } from 'mongodb';
import { answerOf } from './connection.ts';
import { type BootRecord, OWNER_ID, type OwnerRecord } from './journal-schema.ts';
import { COLLECTION } from './schema.ts';

export type Owner = { node: string; boot: string; address: string };

export class OwnerRecords {
  readonly #records: Collection<OwnerRecord>;
  readonly #leaseMs: number;

  constructor(db: Db, { leaseMs }: { leaseMs: number }) {
    this.#records = db.collection<OwnerRecord>(COLLECTION.nodes);
    this.#leaseMs = leaseMs;
  }

  /** Rejects, as all that follows, with StoreUnavailable. */
  read(): Promise<OwnerRecord | null> {
    return answerOf(this.#records.findOne({ _id: OWNER_ID }));
  }

  /** Who owns the journal and has renewed its lease in time; null when nobody has. */
  async living(): Promise<Owner | null> {
    const isLiving = { $expr: { $gt: ['$expiresAt', '$$NOW'] } };
    const projection = { _id: 0, node: 1, boot: 1, address: 1 };
    const found = await answerOf(this.#records.findOne({ _id: OWNER_ID, ...isLiving }, { projection }));
    return found === null || found.node === null || found.boot === null
      ? null
      : { node: found.node, boot: found.boot, address: found.address };
  }

  /**
   * Makes `me` the owner where there is none, where its lease has run out, or where it is this same node: two processes of
   * one node cannot be, so that one is dead. Null when another lives. The record is that of the new epoch.
   */
  async take(me: Owner): Promise<OwnerRecord | null> {
    const mayTake = { $or: [{ node: me.node }, { $expr: { $lte: ['$expiresAt', '$$NOW'] } }] };
    const taken = { node: literal(me.node), boot: literal(me.boot), epoch: { $add: ['$epoch', 1] } };
    return this.#update(mayTake, { ...taken, address: literal(me.address) });
  }

  /** Renews the lease of the owner of `epoch`. False when another has taken over or the record is gone. */
  async renew(epoch: number, { address, boots }: { address: string; boots: readonly BootRecord[] }): Promise<boolean> {
    const changes = { address: literal(address), boots: literal(boots) };
    return (await this.#update({ epoch }, changes)) !== null;
  }

  /** Others need not wait for the lease to run out. */
  async release(epoch: number): Promise<void> {
    await answerOf(this.#records.updateOne({ _id: OWNER_ID, epoch }, [{ $set: { expiresAt: '$$NOW' } }]));
  }

  #update(condition: Document, changes: Document): Promise<OwnerRecord | null> {
    const lease = { renewedAt: '$$NOW', expiresAt: { $add: ['$$NOW', this.#leaseMs] } };
    return answerOf(
      this.#records.findOneAndUpdate({ _id: OWNER_ID, ...condition }, [{ $set: { ...changes, ...lease } }], {
        returnDocument: 'after',
      }),
    );
  }
}

/** In a pipeline a string may be the name of a field. */
function literal(value: unknown): Document {
  return { $literal: value };
}
