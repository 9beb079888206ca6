/**
 * Opens the journal for a new boot of this node: takes the owner record, seals what every earlier boot left, and only then
 * hands out a place to append. Several nodes may try at the same time; the record lets one of them through, and one that is
 * overtaken in the middle finds its epoch gone before it has appended anything.
 */
import type { Db } from 'mongodb';
import type { Runtime } from '../../../protocol/runtime.ts';
import type { Log } from '../../lib/log.ts';
import type { JournalHome } from '../journal.ts';
import { StoreRefused, StoreUnavailable } from '../store.ts';
import type { Address } from './address.ts';
import { createMongoBoots } from './boots.ts';
import { answerOf, createPool, type Pool, type Timeouts } from './connection.ts';
import { IN_FLIGHT_MAX, type JournalPools, MongoJournal } from './journal.ts';
import { openJournalCollection } from './journal-format.ts';
import { Opening } from './journal-opening.ts';
import { type Owner, OwnerRecords } from './journal-owner.ts';
import type { OwnerRecord } from './journal-schema.ts';

/** A block in flight each, and one for a seal. */
const APPEND_CONNECTIONS = IN_FLIGHT_MAX + 1;
const READ_CONNECTIONS = 7;
const LEASE_CONNECTIONS = 2;
/** Half of what 32 bits can name. */
export const JOURNAL_BYTES_MAX = 16 * 1024 ** 3;

export type JournalHomeOptions = {
  /** Of the store: to look who the owner is. */
  house: Db;
  address: Address;
  timeouts: Timeouts;
  nodeId: string;
  /** Where this node's clients find it; asked for at each renewal. */
  advertised: () => string;
  runtime: Runtime;
  log: Log;
  bytesMax: number;
};

export class MongoJournalHome implements JournalHome {
  readonly #options: JournalHomeOptions;
  readonly #owners: OwnerRecords;
  readonly #journals = new Set<MongoJournal>();

  constructor(options: JournalHomeOptions) {
    this.#options = options;
    this.#owners = new OwnerRecords(options.house, options.timeouts);
  }

  /** Who writes the journal and lives; null when nobody does, and `open` would succeed. Rejects with StoreUnavailable. */
  owner(): Promise<Owner | null> {
    return this.#owners.living();
  }

  async open(boot: string): Promise<MongoJournal | { elsewhere: string }> {
    const { nodeId, house, runtime } = this.#options;
    if (nodeId === '') throw new StoreRefused('a journal needs the name of its node');
    const owner = await this.owner();
    // Cheap, for it is asked again and again; what counts is the record when it is taken.
    if (owner !== null && owner.node !== nodeId) return { elsewhere: owner.address };
    const pools = this.#createPools();
    try {
      await Promise.all(Object.values(pools).map((pool) => connected(pool)));
      await createMongoBoots(house, runtime).note(`${nodeId}.${boot}`);
      const opened = await this.#take(pools, boot);
      if (opened instanceof MongoJournal) this.#journals.add(opened);
      else await closed(pools);
      return opened;
    } catch (error) {
      await closed(pools);
      throw error;
    }
  }

  /** Closes what was opened and is not closed yet. */
  async close(): Promise<void> {
    await Promise.all([...this.#journals].map((journal) => journal.close()));
  }

  #createPools(): JournalPools {
    const { address, timeouts, nodeId } = this.#options;
    const create = (options: { connectionsMax: number; retryWrites: boolean }) =>
      createPool(address, { timeouts, nodeId, ...options });
    return {
      appends: create({ connectionsMax: APPEND_CONNECTIONS, retryWrites: false }),
      reads: create({ connectionsMax: READ_CONNECTIONS, retryWrites: true }),
      lease: create({ connectionsMax: LEASE_CONNECTIONS, retryWrites: true }),
    };
  }

  async #take(pools: JournalPools, boot: string): Promise<MongoJournal | { elsewhere: string }> {
    const { nodeId, advertised, timeouts } = this.#options;
    const collectionUuid = await answerOf(openJournalCollection(pools.lease.db));
    const records = new OwnerRecords(pools.lease.db, timeouts);
    const record = await records.take({ node: nodeId, boot, address: advertised() });
    if (record === null) return elsewhere(await records.read());
    const opening = new Opening({ ...this.#options, pools, records, record, collectionUuid });
    return (await opening.run(nodeId, boot)) ?? elsewhere(await records.read());
  }
}

function elsewhere(record: OwnerRecord | null): { elsewhere: string } {
  if (record === null) throw new StoreUnavailable('the owner record is gone');
  return { elsewhere: record.address };
}

async function connected(pool: Pool): Promise<void> {
  try {
    await pool.connect();
  } catch (error) {
    throw new StoreUnavailable(`the journal cannot be reached: ${String(error)}`, { cause: error });
  }
}

async function closed(pools: JournalPools): Promise<void> {
  await Promise.all(Object.values(pools).map((pool) => pool.close()));
}
