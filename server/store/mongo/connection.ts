/**
 * The three clients of a store: one for claims, whose writes are never retried, one for accounts, so that a flood of
 * logins fills no pool but its own, and a small one for everything that must wait behind neither (events, guard checks,
 * the clock). The journal and its projection make pools of their own here. Invariant: majority, journaled, from the
 * primary, whatever the URI says; and no operation waits without a bound.
 */
import {
  type Db,
  type Document,
  MongoClient,
  MongoError,
  MongoServerSelectionError,
  ReadConcern,
  ReadPreference,
} from 'mongodb';
import type { Runtime } from '../../../protocol/runtime.ts';
import { StoreRefused, StoreUnavailable } from '../store.ts';
import type { Address } from './address.ts';

export type Timeouts = {
  /** To find a primary, and to get a connection from the pool. */
  selectionMs: number;
  /** Without a byte from the server; then an insert's outcome is unknown. */
  socketMs: number;
  /** For the majority to confirm a write; must be below `socketMs`. */
  majorityMs: number;
  /** To find the primary at the start, when there may be an election under way. */
  startMs: number;
  /** Without a renewal for so long the journal's owner counts as gone. */
  leaseMs: number;
  /** From one renewal to the next. */
  renewalMs: number;
};

export const TIMEOUTS: Timeouts = {
  selectionMs: 2_000,
  socketMs: 10_000,
  majorityMs: 5_000,
  startMs: 5_000,
  leaseMs: 5_000,
  renewalMs: 1_000,
};

/** Concurrent journaled writers share a flush: 2 to 4 batches in flight help, 50 do not. */
const CLAIM_CONNECTIONS = 8;
const ACCOUNT_CONNECTIONS = 8;
const HOUSE_CONNECTIONS = 4;
/** One lost connection makes the driver look for the primary anew; its default of 500 ms would hold up every claim so long. */
const RECHECK_MS = 50;
/** MongoDB 6.0 is the first that can bind an insert to the identity of a collection. */
const WIRE_VERSION_MIN = 17;

export type Connection = {
  claims: Db;
  accounts: Db;
  house: Db;
  /**
   * Must have resolved before the first operation: a client that an operation connects on the way, and cannot, is closed
   * by the driver for good.
   */
  connect(): Promise<void>;
  close(): Promise<void>;
};

export type PoolOptions = { timeouts: Timeouts; nodeId: string; connectionsMax: number; retryWrites: boolean };

/** A client with connections of its own. The same rule: `connect` first. */
export type Pool = { db: Db; connect(): Promise<void>; close(): Promise<void> };

/** Throws StoreRefused when the driver does not take the URI. Sends nothing yet. */
export function createPool(address: Address, { timeouts, nodeId, connectionsMax, retryWrites }: PoolOptions): Pool {
  const concerns = {
    readPreference: ReadPreference.primary,
    readConcern: new ReadConcern('majority'),
    writeConcern: { w: 'majority' as const, journal: true, wtimeoutMS: timeouts.majorityMs },
  };
  try {
    const client = new MongoClient(address.uri, {
      serverSelectionTimeoutMS: timeouts.selectionMs,
      connectTimeoutMS: timeouts.selectionMs,
      waitQueueTimeoutMS: timeouts.selectionMs,
      socketTimeoutMS: timeouts.socketMs,
      minHeartbeatFrequencyMS: RECHECK_MS,
      appName: `claimd ${nodeId}`.slice(0, 128),
      maxPoolSize: connectionsMax,
      retryWrites,
      ...concerns,
    });
    return {
      db: client.db(address.database, concerns),
      async connect() {
        await client.connect();
      },
      close: () => client.close(true),
    };
  } catch (error) {
    // Its text may repeat the URI, and with it a password.
    const reason = error instanceof Error && !error.message.includes('@') ? `: ${error.message}` : '';
    throw new StoreRefused(`the driver does not take the URI of ${address.label}${reason}`);
  }
}

/** Throws StoreRefused when the driver does not take the URI. Sends nothing yet. */
export function createConnection(
  address: Address,
  { timeouts, nodeId }: { timeouts: Timeouts; nodeId: string },
): Connection {
  const open = (options: { connectionsMax: number; retryWrites: boolean }) =>
    createPool(address, { timeouts, nodeId, ...options });
  const claims = open({ connectionsMax: CLAIM_CONNECTIONS, retryWrites: false });
  const accounts = open({ connectionsMax: ACCOUNT_CONNECTIONS, retryWrites: true });
  const house = open({ connectionsMax: HOUSE_CONNECTIONS, retryWrites: true });
  const pools = [claims, accounts, house];
  return {
    claims: claims.db,
    accounts: accounts.db,
    house: house.db,
    async connect() {
      await Promise.all(pools.map((pool) => pool.connect()));
    },
    async close() {
      await Promise.all(pools.map((pool) => pool.close()));
    },
  };
}

export type StartConditions = { address: Address; runtime: Runtime; timeouts: Timeouts; allowStandalone: boolean };

/** What the server can do beyond single writes. */
export type Abilities = { transactions: boolean };

/** Waits for a primary that can keep the promise. Throws StoreUnavailable after `startMs`, StoreRefused when it never can. */
export async function expectReplicaSet(connection: Connection, conditions: StartConditions): Promise<Abilities> {
  const { address, allowStandalone } = conditions;
  const hello = await firstHello(connection, conditions);
  if (hello.maxWireVersion < WIRE_VERSION_MIN) {
    throw new StoreRefused(`${address.label} is older than MongoDB 6.0`);
  }
  const isReplicated = typeof hello.setName === 'string' || hello.msg === 'isdbgrid';
  if (!isReplicated && !allowStandalone) {
    throw new StoreRefused(
      `${address.label} is a standalone mongod: claims need a replica set, of one member at least`,
    );
  }
  return { transactions: isReplicated };
}

async function firstHello(connection: Connection, { address, runtime, timeouts }: StartConditions): Promise<Document> {
  const deadlineMs = runtime.monotonicMs() + timeouts.startMs;
  for (;;) {
    try {
      await connection.connect();
      return await connection.house.command({ hello: 1 });
    } catch (error) {
      if (!(error instanceof MongoServerSelectionError)) throw error;
      if (error.reason?.type.startsWith('ReplicaSet') && error.reason.servers.size === 0) {
        throw new StoreRefused(`${address.label} is not a member of replica set ${error.reason.setName}`);
      }
      if (runtime.monotonicMs() > deadlineMs) {
        throw new StoreUnavailable(`no primary of ${address.label} answers: ${error.message}`, { cause: error });
      }
    }
  }
}

/** What a read or a small write resolves to; its failure as StoreUnavailable. */
export async function answerOf<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof MongoError) throw new StoreUnavailable(`${error.name}: ${error.message}`, { cause: error });
    throw error;
  }
}
