/** A store URI into the store behind it. A driver is loaded only where it is used: a command line answers sooner without. */
import type { Runtime } from '../../protocol/runtime.ts';
import type { Log } from '../lib/log.ts';
import type { Store } from '../store/store.ts';
import type { StoreUri } from './setting-values.ts';

export type StoreOptions = {
  nodeId: string;
  allowStandalone: boolean;
  runtime: Runtime;
  log: Log;
  advertised: () => string;
};

/** Rejects with StoreRefused when the store can never serve, with StoreUnavailable when it does not answer now. */
export async function openStore(uri: StoreUri, options: StoreOptions): Promise<Store> {
  if (uri.kind === 'mongo') {
    const { openMongoStore } = await import('../store/mongo/open.ts');
    return openMongoStore({ uri: uri.uri, ...options });
  }
  const { openLmdbStore } = await import('../store/lmdb/open.ts');
  const { nodeId, runtime, log } = options;
  const onFailure = (cause: unknown) => log.warn({ cause: String(cause) }, 'the store failed');
  return openLmdbStore({ directory: uri.directory, nodeId, runtime, onFailure });
}
