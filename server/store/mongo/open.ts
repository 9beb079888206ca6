/**
 * Opens a MongoDB database as a store. A start that cannot work ends in bounded time with one line: StoreRefused when the
 * setting is wrong for good, StoreUnavailable when the database does not answer now.
 */
import { type Db, MongoError, MongoServerError } from 'mongodb';
import { MAIN_STORE } from '../../../protocol/event.ts';
import type { Runtime } from '../../../protocol/runtime.ts';
import type { Log } from '../../lib/log.ts';
import type { Projector } from '../journal.ts';
import { type Store, StoreRefused, StoreUnavailable } from '../store.ts';
import type { StoreStatus } from '../survey.ts';
import { openAccounts } from './accounts.ts';
import { type Address, addressOf } from './address.ts';
import { MongoArchive } from './archive.ts';
import { createMongoBoots } from './boots.ts';
import { ClaimPlaces } from './claim-places.ts';
import { createClaimStore } from './claims.ts';
import {
  answerOf,
  type Connection,
  createConnection,
  expectReplicaSet,
  TIMEOUTS,
  type Timeouts,
} from './connection.ts';
import { MongoEvents } from './events.ts';
import { openCollections, openFormat } from './format.ts';
import { Guard } from './guard.ts';
import { JOURNAL_BYTES_MAX, MongoJournalHome } from './journal-home.ts';
import { MongoProjector } from './projector.ts';
import { openQualifications } from './qualifications.ts';
import { collectionsOf, MongoSurvey } from './survey.ts';

export type MongoOptions = {
  /** `mongodb://host:port,…/database?…`; it must name a database. */
  uri: string;
  runtime: Runtime;
  /** Shown to MongoDB's operators as the name of the client. */
  nodeId?: string;
  /** A standalone has no majority, and may lose acknowledged claims when it is killed. */
  allowStandalone?: boolean;
  log?: Log;
  timeouts?: Partial<Timeouts>;
  /** Where this node's clients find it, for those of others when it owns the journal; asked for again and again. */
  advertised?: () => string;
  /** Of the log: above it the journal is full until blocks are projected and released. */
  journalBytesMax?: number;
};

/** What only this store has: who owns its journal. */
export type MongoStore = Omit<Store, 'journal' | 'projector'> & {
  readonly journal: MongoJournalHome;
  readonly projector: () => Promise<MongoProjector>;
};

const CODE = { unauthorized: 13, authenticationFailed: 18 } as const;
export const silent: Log = { debug() {}, info() {}, warn() {}, error() {} };

type Start = Required<Omit<MongoOptions, 'uri' | 'timeouts'>> & { address: Address; timeouts: Timeouts };

/** Rejects with StoreRefused or StoreUnavailable, whose messages hold no credentials. */
export async function openMongoStore(options: MongoOptions): Promise<MongoStore> {
  const start: Start = {
    nodeId: '',
    allowStandalone: false,
    log: silent,
    advertised: () => '',
    journalBytesMax: JOURNAL_BYTES_MAX,
    ...options,
    address: addressOf(options.uri),
    timeouts: { ...TIMEOUTS, ...options.timeouts },
  };
  const connection = createConnection(start.address, start);
  try {
    return await open(connection, start);
  } catch (error) {
    await connection.close();
    throw startError(error, start.address.label);
  }
}

async function open(connection: Connection, start: Start): Promise<MongoStore> {
  const { claims, house } = connection;
  const { runtime, log, address, timeouts, nodeId } = start;
  const { label } = address;
  const { majorityMs } = timeouts;
  const abilities = await expectReplicaSet(connection, start);
  const clusterId = await openFormat(house, { runtime, label });
  const [accounts, qualifications] = await Promise.all([
    openAccounts(connection.accounts, { runtime, label, abilities }),
    openQualifications(connection, { runtime, abilities }),
    openCollections(house, label),
  ]);
  const guard = new Guard({ db: house, runtime, log });
  await guard.start();
  const places = new ClaimPlaces({ db: claims, house, guard, majorityMs, label, log });
  const journal = new MongoJournalHome({ ...start, house, bytesMax: start.journalBytesMax });
  const projectors: Projector[] = [];
  let closing: Promise<void> | null = null;
  return {
    label,
    clusterId,
    claims: createClaimStore(places, { db: house, runtime }),
    events: new MongoEvents(house),
    qualifications,
    accounts,
    journal,
    async projector() {
      const projector = new MongoProjector({ settings: { address, timeouts, nodeId }, places, log });
      projectors.push(projector);
      return projector;
    },
    timeMs: () => timeMs(house),
    guardsMissing: () => guard.eventsMissing,
    isUnguarded: (event, period) => guard.refuses(event, period),
    statuses: () => statusesOf(house, guard, MAIN_STORE),
    survey: new MongoSurvey({ db: house, name: MAIN_STORE, events: new MongoEvents(house) }),
    boots: createMongoBoots(house, runtime),
    archive: new MongoArchive({ db: house, places }),
    close() {
      // Together: a check that waits for a dead server ends when its connection does.
      const journals = [journal, ...projectors].map((each) => each.close());
      closing ??= Promise.all([guard.close(), connection.close(), ...journals]).then(() => {});
      return closing;
    },
  };
}

export async function statusesOf(db: Db, guard: Guard, store: string): Promise<StoreStatus[]> {
  return collectionsOf(db, (name) => guard.uuidOf(name) !== null).then(
    (found) => [{ store, reachable: true, collections: found.filter(({ name }) => !guard.isRetired(name)) }],
    () => [{ store, reachable: false, collections: [] }],
  );
}

export async function timeMs(db: Db): Promise<number> {
  const { localTime } = await answerOf(db.command({ hello: 1 }));
  if (localTime instanceof Date) return localTime.getTime();
  throw new StoreUnavailable('the server did not tell its time');
}

export function startError(error: unknown, label: string): unknown {
  if (error instanceof MongoServerError && error.code === CODE.authenticationFailed) {
    return new StoreRefused(`${label} refuses the credentials of the URI`);
  }
  if (error instanceof MongoServerError && error.code === CODE.unauthorized) {
    return new StoreRefused(`${label} does not give the user of the URI the role readWrite`);
  }
  // A name that does not resolve is an error of Node's own.
  const isUnavailable = error instanceof MongoError || (error instanceof Error && 'syscall' in error);
  return isUnavailable ? new StoreUnavailable(`${label} cannot be opened: ${error.message}`, { cause: error }) : error;
}
