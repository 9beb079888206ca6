/** Both stores by name, for tests that must hold on each. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { realRuntime } from '../lib/runtime.ts';
import { openLmdbStore } from '../store/lmdb/open.ts';
import { openMongoStore } from '../store/mongo/open.ts';
import type { Store } from '../store/store.ts';
import { mongodReason, type ReplicaSet, startReplicaSet } from './mongod.ts';

/** Every start of a journal fills a file, which takes a second where it is as large as in earnest. */
export const JOURNAL_SEGMENT_BYTES = 2_097_152;

/** `use` gets as many handles on one store as it asks for: what several servers would hold. */
export type StoreCase = {
  name: 'lmdb' | 'mongo';
  skip: string | null;
  withStores(count: number, use: UseStores): Promise<void>;
};
/** `advertise` tells the others where the server of a store is reached, for when it writes the journal. */
type UseStores = (stores: Store[], advertise: (index: number, address: string) => void) => Promise<void>;

let set: Promise<ReplicaSet> | null = null;

async function withLmdb(count: number, use: UseStores): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'claimd-test-'));
  // The embedded store has one process and one handle; several servers in this process may share it.
  // Its journal has one writer, though.
  const journal = count === 1 ? { nodeId: 'n0', journalSegmentBytes: JOURNAL_SEGMENT_BYTES } : {};
  const store = await openLmdbStore({ directory, runtime: realRuntime, ...journal });
  try {
    await use(
      Array.from({ length: count }, () => store),
      () => {},
    );
  } finally {
    await store.close();
    rmSync(directory, { recursive: true, force: true });
  }
}

async function withMongo(count: number, use: UseStores): Promise<void> {
  set ??= startReplicaSet({ members: 1 });
  const uri = (await set).freshUri();
  const stores: Store[] = [];
  const addresses: string[] = [];
  try {
    for (let i = 0; i < count; i++) {
      const advertised = () => addresses[i] ?? '';
      stores.push(await openMongoStore({ uri, nodeId: `n${i}`, runtime: realRuntime, advertised }));
    }
    await use(stores, (index, address) => {
      addresses[index] = address;
    });
  } finally {
    for (const store of stores) await store.close();
  }
}

/** To be called once after the last test that used a case. */
export async function stopStores(): Promise<void> {
  await (await set)?.stop();
  set = null;
}

export const STORE_CASES: readonly StoreCase[] = [
  { name: 'lmdb', skip: null, withStores: withLmdb },
  { name: 'mongo', skip: mongodReason, withStores: withMongo },
];
