/** Journals of several nodes on one database, without the rest of a store, which takes a while to make. */
import type { Db } from 'mongodb';
import type { Runtime } from '../../../../protocol/runtime.ts';
import type { Log } from '../../../lib/log.ts';
import { realRuntime } from '../../../lib/runtime.ts';
import { addressOf } from '../address.ts';
import { createPool, TIMEOUTS, type Timeouts } from '../connection.ts';
import type { MongoJournal } from '../journal.ts';
import { JOURNAL_BYTES_MAX, MongoJournalHome } from '../journal-home.ts';

export const silent: Log = { debug() {}, info() {}, warn() {}, error() {} };

export type HomeOptions = { runtime?: Runtime; timeouts?: Partial<Timeouts>; bytesMax?: number };

export class Homes {
  readonly db: Db;
  readonly #uri: string;
  readonly #closers: (() => Promise<void>)[] = [];

  /** Resolves when the database can be reached. */
  static async open(uri: string): Promise<Homes> {
    const options = { timeouts: TIMEOUTS, nodeId: 'test', connectionsMax: 8, retryWrites: true };
    const pool = createPool(addressOf(uri), options);
    await pool.connect();
    return new Homes(uri, pool.db, () => pool.close());
  }

  private constructor(uri: string, db: Db, close: () => Promise<void>) {
    this.#uri = uri;
    this.db = db;
    this.#closers.push(close);
  }

  home(nodeId: string, { runtime = realRuntime, timeouts = {}, bytesMax = JOURNAL_BYTES_MAX }: HomeOptions = {}) {
    const home = new MongoJournalHome({
      ...{ house: this.db, address: addressOf(this.#uri), timeouts: { ...TIMEOUTS, ...timeouts }, nodeId, runtime },
      ...{ advertised: () => `${nodeId}.example:7100`, log: silent, bytesMax },
    });
    this.#closers.unshift(() => home.close());
    return home;
  }

  /** Closes all journals and then the database. */
  async close(): Promise<void> {
    for (const close of this.#closers) await close();
  }
}

export async function opened(home: MongoJournalHome, boot: string): Promise<MongoJournal> {
  const journal = await home.open(boot);
  if ('elsewhere' in journal) throw new Error(`the journal is at ${journal.elsewhere}`);
  return journal;
}

/** Opens as soon as the owner's lease has run out. */
export async function openedLater(home: MongoJournalHome, boot: string): Promise<MongoJournal> {
  for (;;) {
    const journal = await home.open(boot);
    if (!('elsewhere' in journal)) return journal;
  }
}
