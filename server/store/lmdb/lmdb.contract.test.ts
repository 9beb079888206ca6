/** The store contract on the embedded store, each test in a folder of its own. */
import { realRuntime } from '../../lib/runtime.ts';
import { contractSuite } from '../contract.ts';
import { openLmdbStore } from './open.ts';
import { temporaryFolder } from './testing/folder.ts';

contractSuite('lmdb', async () => {
  const folder = temporaryFolder();
  let store = await openLmdbStore({ directory: folder.path, runtime: realRuntime });
  return {
    store,
    async reopen() {
      await store.close();
      store = await openLmdbStore({ directory: folder.path, runtime: realRuntime });
      return store;
    },
    async close() {
      await store.close();
      folder.remove();
    },
  };
});
