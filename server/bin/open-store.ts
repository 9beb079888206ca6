/** A store URI into the store behind it. A driver is loaded only where it is used: a command line answers sooner without. */
import type { Runtime } from '../../protocol/runtime.ts';
import type { Log } from '../lib/log.ts';
import type { Store } from '../store/store.ts';
import type { MongoUri, StoreUri } from './setting-values.ts';

export type StoreOptions = {
  nodeId: string;
  allowStandalone: boolean;
  runtime: Runtime;
  log: Log;
  advertised: () => string;
  journalBytesMax?: number;
};

/** The main store, and the named ones beside it that keep claims only. Rejects as `openStore`; a named one that is away may come later. */
export async function openStores(
  { main: uri, named }: { main: StoreUri; named: readonly MongoUri[] },
  options: StoreOptions,
): Promise<Store> {
  const main = await openStore(uri, options);
  if (named.length === 0) return main;
  try {
    const { openMongoClaims } = await import('../store/mongo/open-claims.ts');
    const { keepsEvent } = await import('../store/mongo/places.ts');
    const { eventKeysOf, openNamedStores } = await import('../store/named/named.ts');
    const branches = named.map(({ name, uri }) => ({
      name,
      open: () =>
        openMongoClaims({
          ...{ ...options, uri, name, clusterId: main.clusterId, events: main.events },
          eventKeysOf: (collection) => eventKeysOf(main.events, name, (event) => keepsEvent(collection, event)),
        }),
    }));
    return await openNamedStores(main, branches, options);
  } catch (error) {
    await main.close();
    throw error;
  }
}

/** Rejects with StoreRefused when the store can never serve, with StoreUnavailable when it does not answer now. */
export async function openStore(uri: StoreUri, options: StoreOptions): Promise<Store> {
  if (uri.kind === 'mongo') {
    const { openMongoStore } = await import('../store/mongo/open.ts');
    return openMongoStore({ uri: uri.uri, ...options });
  }
  const { openLmdbStore } = await import('../store/lmdb/open.ts');
  const { nodeId, runtime, log, journalBytesMax } = options;
  const onFailure = (cause: unknown) => log.warn({ cause: String(cause) }, 'the store failed');
  const size = journalBytesMax === undefined ? {} : { journalBytesMax };
  return openLmdbStore({ directory: uri.directory, nodeId, runtime, onFailure, ...size });
}
