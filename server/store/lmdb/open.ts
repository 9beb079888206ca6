/**
 * Opens the embedded store of a data folder, making it when there is none. The files are in `DIRECTORY/store`; the
 * folder itself also holds keys and the lock, which are not this module's. Who opens it has locked the folder: LMDB
 * would let a second process in.
 */
import { closeSync, fsyncSync, mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';
import type { Runtime } from '../../../protocol/runtime.ts';
import { type Store, StoreRefused } from '../store.ts';
import { createLmdbAccounts } from './accounts.ts';
import { LmdbClaims } from './claims.ts';
import { dataFileOf } from './data-file.ts';
import { dataFileIn, openEnvironment, openRoot } from './environment.ts';
import { LmdbEvents } from './events.ts';
import { identify } from './identity.ts';
import { LmdbQualifications } from './qualifications.ts';
import { Transactions } from './transactions.ts';
import { verifyFolder } from './verify.ts';

export type LmdbOptions = {
  /** The data folder; made when it is not there. */
  directory: string;
  runtime: Pick<Runtime, 'wallMs' | 'randomBytes'>;
  /** Told why a commit failed, for the log; its callers are answered all the same. */
  onFailure?: (cause: unknown) => void;
};

type Opened = { transactions: Transactions; clusterId: string };

/** Rejects with StoreRefused when the folder cannot be used, is damaged, or holds data of a newer version. */
export async function openLmdbStore(options: LmdbOptions): Promise<Store> {
  const { directory, runtime } = options;
  const { transactions, clusterId } = await openFolder(options).catch((cause: unknown) => {
    if (cause instanceof StoreRefused) throw cause;
    throw new StoreRefused(`the data folder ${directory} cannot be used: ${lineOf(cause)}`, { cause });
  });
  return {
    label: `lmdb:${directory}`,
    clusterId,
    claims: new LmdbClaims(transactions),
    events: new LmdbEvents(transactions),
    qualifications: new LmdbQualifications(transactions),
    accounts: createLmdbAccounts(transactions),
    timeMs: () => transactions.read(() => Math.floor(runtime.wallMs())),
    // A table cannot lose the uniqueness of its keys: it is made of it.
    guardsMissing: () => [],
    close: () => transactions.close(),
  };
}

async function openFolder(options: LmdbOptions): Promise<Opened> {
  const folder = join(options.directory, 'store');
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  if (dataFileOf(dataFileIn(folder)) === 'short') await verifyFolder(folder);
  const root = openRoot(folder);
  const { clusterId } = await identify(root, options).finally(() => root.close());
  // A synced file is lost all the same while its folder does not durably name it.
  for (const each of [folder, options.directory]) syncFolder(each);
  const transactions = new Transactions(folder, openEnvironment(folder), options.onFailure ?? (() => {}));
  return { transactions, clusterId };
}

function syncFolder(path: string): void {
  // Windows opens no folders and needs no such sync.
  if (process.platform === 'win32') return;
  const descriptor = openSync(path, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

function lineOf(cause: unknown): string {
  return (cause instanceof Error ? cause.message : String(cause)).split('\n')[0] ?? '';
}
