/**
 * Waits until no insert of claims is on its way any more that was sent before the call: for changes of an event after which
 * it could do harm. Who sent it may be another server, which may be frozen or gone; so it is the primary that is asked.
 *
 * - What has reached the primary's sockets is read by a thread of its connection as soon as the process runs. One that was
 *   frozen, and has just woken, may still have it to read: so it must answer several times in a row promptly.
 * - What has been read and waits, for a lock or the majority, is an operation under way, which `$currentOp` names. A user
 *   sees the operations of its own name without a privilege; so all servers have to use one.
 *
 * What is left: a packet that the network still holds when this begins, so that it reaches the primary only after it. That
 * takes a server that is cut off from the primary while the primary is not cut off from the caller, and a connection that
 * survives it: at most the ten seconds after which a server gives its connection up, and the retransmission of what its
 * kernel still holds then. A fence inside mongod would close it (a validator, put there by `collMod`), but takes a privilege
 * that the role readWrite does not have, and a lock on the collection for each change.
 */
import { type Db, MongoServerError } from 'mongodb';
import type { Runtime } from '../../../protocol/runtime.ts';
import { StoreUnavailable } from '../store.ts';
import { answerOf } from './connection.ts';
import { COLLECTION } from './schema.ts';

const PROMPT_MS = 200;
const PROMPT_ANSWERS = 3;
const PAUSE_MS = 50;
/** The event is held back meanwhile: better to be asked again than to hold it for long. */
const WAIT_MS_MAX = 3_000;
const UNAUTHORIZED = 13;
/** Operations have no majority. */
const OF_NOW = { readConcern: { level: 'local' } } as const;

type Parts = { db: Db; runtime: Runtime };

/** Rejects with StoreUnavailable when the store answers too slowly to tell, or has something to do for too long. */
export async function untilArrived({ db, runtime }: Parts): Promise<void> {
  const endsAt = runtime.monotonicMs() + WAIT_MS_MAX;
  const pause = () => {
    if (runtime.monotonicMs() > endsAt)
      throw new StoreUnavailable('it cannot be told what is still on its way to the store');
    return new Promise<void>((resolve) => runtime.after(PAUSE_MS, resolve));
  };
  for (let prompt = 0; prompt < PROMPT_ANSWERS; await pause()) {
    const askedAt = runtime.monotonicMs();
    await answerOf(db.command({ ping: 1 }));
    prompt = runtime.monotonicMs() - askedAt < PROMPT_MS ? prompt + 1 : 0;
  }
  // By now everything that was sent before the call has been read, so what began later is not meant.
  const readAt = runtime.monotonicMs();
  while (await isUnderWay(db, runtime.monotonicMs() - readAt)) await pause();
}

/** Whether an insert of claims has been running for longer than `ms`. */
async function isUnderWay(db: Db, ms: number): Promise<boolean> {
  const prefix = `${db.databaseName}.${COLLECTION.claims}`.replace(/[^\w]/g, '\\$&');
  const older = { op: 'insert', ns: { $regex: `^${prefix}` }, microsecs_running: { $gte: ms * 1_000 } };
  const pipeline = [{ $currentOp: {} }, { $match: older }, { $limit: 1 }, { $project: { ns: 1 } }];
  try {
    return (await answerOf(db.client.db('admin').aggregate(pipeline, OF_NOW).toArray())).length > 0;
  } catch (error) {
    // Some hosted deployments keep it from everybody; then the pings have to do.
    const cause = error instanceof Error ? error.cause : null;
    if (cause instanceof MongoServerError && cause.code === UNAUTHORIZED) return false;
    throw error;
  }
}
