/**
 * Opens a MongoDB database that keeps nothing but claims: those of the events that name it as their store. Everything else of
 * the cluster is in its main store. The database is bound to that cluster and to its name there, so that stores that were
 * exchanged by mistake are refused: each would grant again what the other has.
 */
import type { Db } from 'mongodb';
import type { BranchStore } from '../named/branch.ts';
import { type EventStore, StoreRefused } from '../store.ts';
import { addressOf } from './address.ts';
import { MongoArchive } from './archive.ts';
import { ClaimPlaces } from './claim-places.ts';
import { createClaimStore } from './claims.ts';
import { createConnection, expectReplicaSet, TIMEOUTS } from './connection.ts';
import { CODE, ignoring, openCollections, openFormat } from './format.ts';
import { Guard } from './guard.ts';
import { type MongoOptions, silent, startError, statusesOf, timeMs } from './open.ts';
import { COLLECTION } from './schema.ts';
import { MongoSurvey } from './survey.ts';

export type MongoClaimsOptions = Omit<MongoOptions, 'advertised' | 'journalBytesMax'> & {
  /** The name of the store in the cluster whose main store has this id. */
  name: string;
  clusterId: string;
  /** The events that have their claims in a collection of this store. */
  eventKeysOf: (collection: string) => Promise<string[]>;
  /** Of the cluster, to know where each claim belongs. */
  events: Pick<EventStore, 'get'>;
};

/** In `meta`. */
type BranchRecord = { _id: 'branch'; name: string; clusterId: string };

/** Rejects with StoreRefused or StoreUnavailable, whose messages hold no credentials. */
export async function openMongoClaims(options: MongoClaimsOptions): Promise<BranchStore> {
  const address = addressOf(options.uri);
  const timeouts = { ...TIMEOUTS, ...options.timeouts };
  const connection = createConnection(address, { timeouts, nodeId: options.nodeId ?? '' });
  try {
    const { runtime, name, log = silent, allowStandalone = false, eventKeysOf, events } = options;
    const { label } = address;
    const { claims, house } = connection;
    await expectReplicaSet(connection, { address, runtime, timeouts, allowStandalone });
    const ownId = await openFormat(house, { runtime, label });
    await bind(house, { ...options, ownId, label });
    await openCollections(house, label);
    const guard = new Guard({ db: house, runtime, log, eventKeysOf });
    await guard.start();
    const places = new ClaimPlaces({ db: claims, house, guard, majorityMs: timeouts.majorityMs, label, log });
    return {
      label,
      claims: createClaimStore(places, { db: house, runtime }),
      timeMs: () => timeMs(house),
      guardsMissing: () => guard.eventsMissing,
      isUnguarded: (event, period) => guard.refuses(event, period),
      statuses: () => statusesOf(house, guard, name),
      survey: new MongoSurvey({ db: house, name, events }),
      archive: new MongoArchive({ db: house, places }),
      close: async () => {
        await Promise.all([guard.close(), connection.close()]);
      },
    };
  } catch (error) {
    await connection.close();
    throw startError(error, address.label);
  }
}

type Binding = { name: string; clusterId: string; ownId: string; label: string };

async function bind(db: Db, { name, clusterId, ownId, label }: Binding): Promise<void> {
  if (ownId === clusterId) throw new StoreRefused(`store ${name} is the main store itself: ${label}`);
  const meta = db.collection<BranchRecord>(COLLECTION.meta);
  await ignoring(CODE.duplicateKey, meta.insertOne({ _id: 'branch', name, clusterId }));
  const found = await meta.findOne({ _id: 'branch' });
  if (found?.name === name && found.clusterId === clusterId) return;
  throw new StoreRefused(
    `${label} is the store ${found?.name} of another main store or name, and not ${name} of this one`,
  );
}
