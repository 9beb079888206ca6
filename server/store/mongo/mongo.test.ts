/** The store contract on a replica set of one member. */
import { suite } from '../../../protocol/testing/kit.ts';
import { realRuntime } from '../../lib/runtime.ts';
import { mongodReason, startReplicaSet } from '../../testing/mongod.ts';
import { contractSuite } from '../contract.ts';
import type { Store } from '../store.ts';
import { openMongoStore } from './open.ts';

const set = mongodReason === null ? await startReplicaSet({ members: 1 }) : null;

contractSuite(
  'mongo',
  async () => {
    const uri = set?.freshUri() ?? '';
    const handles: Store[] = [];
    const open = async () => {
      const store = await openMongoStore({ uri, runtime: realRuntime });
      handles.push(store);
      return store;
    };
    const close = async () => {
      await Promise.all(handles.splice(0).map((store) => store.close()));
    };
    return {
      store: await open(),
      second: open,
      reopen: async () => {
        await close();
        return open();
      },
      close,
    };
  },
  { skip: mongodReason },
);

suite('after all')('the replica set is stopped', async () => set?.stop());
