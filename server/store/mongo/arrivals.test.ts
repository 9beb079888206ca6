/** Inserts that hang in a real mongod, by a lock or by a freeze of the whole process, are waited for. */
import { MongoClient } from 'mongodb';
import { assert, rejection, suite } from '../../../protocol/testing/kit.ts';
import { realRuntime } from '../../lib/runtime.ts';
import { mongodReason, startReplicaSet } from '../../testing/mongod.ts';
import type { Store } from '../store.ts';
import { createDraft } from '../testing/fixtures.ts';
import { openMongoStore } from './open.ts';

const test = suite('mongo arrivals');
const skip = mongodReason;
const set = skip === null ? await startReplicaSet({ members: 1 }) : null;

/** Two servers' stores on one database, and a client that may do as an operator. */
async function withStores(use: (sender: Store, asker: Store, operator: MongoClient) => Promise<void>): Promise<void> {
  if (set === null) throw new Error('no replica set');
  const uri = set.freshUri();
  const open = () => openMongoStore({ uri, runtime: realRuntime });
  const stores: [Store, Store] = [await open(), await open()];
  const operator = new MongoClient(uri);
  try {
    await use(...stores, operator);
  } finally {
    await Promise.all([...stores.map((store) => store.close()), operator.close()]);
  }
}

async function claimsThere({ claims }: Store, claimKey: string): Promise<number> {
  const [claim] = await claims.byKey([claimKey]);
  return claim ? 1 : 0;
}

test(
  'one that waits for a lock: as long as it waits it cannot be told, and behind it all is there',
  () =>
    withStores(async (sender, asker, operator) => {
      await asker.claims.settled();
      const draft = createDraft()();
      const admin = operator.db('admin');
      await admin.command({ fsync: 1, lock: true });
      let isAnswered = false;
      const insert = sender.claims.insert([draft]).then((outcomes) => {
        isAnswered = true;
        return outcomes;
      });
      try {
        assert.is((await rejection(asker.claims.settled())).name, 'StoreUnavailable');
        assert.not(isAnswered);
      } finally {
        await admin.command({ fsyncUnlock: 1 });
      }
      await asker.claims.settled();
      assert.is(await claimsThere(asker, draft.claimKey), 1);
      assert.is((await insert)[0]?.kind, 'inserted');
    }),
  { skip, deadlineMs: 30_000 },
);

test(
  'one that a frozen primary has not read yet is there once it answers again',
  () =>
    withStores(async (sender, asker) => {
      const primary = await set?.primary();
      for (let round = 0; round < 5; round++) {
        const draft = createDraft()({ userId: `u${round}`, requestId: `r${round}` });
        await primary?.kill('SIGSTOP');
        const insert = sender.claims.insert([draft]);
        const told = asker.claims.settled();
        // What was written reaches the socket of the other process in this turn of the event loop or the next.
        await new Promise((resolve) => setImmediate(resolve));
        await primary?.kill('SIGCONT');
        await told;
        assert.is(await claimsThere(asker, draft.claimKey), 1, `round ${round}`);
        await insert;
      }
    }),
  { skip, deadlineMs: 30_000 },
);

test('the mongod of these tests ends', async () => {
  await set?.stop();
});
