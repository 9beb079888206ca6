/** Each mismatch is put into MongoDB by hand, and is found. */
import { type Db, MongoClient } from 'mongodb';
import { assert, suite } from '../../protocol/testing/kit.ts';
import { realRuntime } from '../lib/runtime.ts';
import { openMongoStore } from '../store/mongo/open.ts';
import { type ClaimDocument, COLLECTION } from '../store/mongo/schema.ts';
import { mongodReason, type ReplicaSet, startReplicaSet } from '../testing/mongod.ts';
import { type Running, startServer } from '../testing/servers.ts';
import { claimed, comparison } from './testing/comparison.ts';

const test = suite('reconcile, mongo');
let set: ReplicaSet | null = null;

async function withClaims(body: (world: { running: Running; asOf: number; db: Db }) => Promise<void>): Promise<void> {
  set ??= await startReplicaSet({ members: 1 });
  const uri = set.freshUri();
  const store = await openMongoStore({ uri, runtime: realRuntime, nodeId: 'n0' });
  // Blocks that are projected are soon deleted; here they are what is looked at.
  const journal = {
    open: async (boot: string) => Object.assign(await store.journal.open(boot), { release: () => {} }),
  };
  const running = await startServer({ ...store, journal });
  const driver = new MongoClient(uri);
  try {
    const asOf = await claimed(running.client);
    assert.equal(await comparison(running.client, asOf), []);
    const answer = await running.client.request('STORES', [null]);
    assert.is(answer.code, 'OK');
    await body({ running, asOf, db: driver.db() });
  } finally {
    await driver.close();
    await running.stop();
    await store.close();
  }
}

test(
  'entries, attempts, slots, request ids and conflicts',
  () =>
    withClaims(async ({ running, asOf, db }) => {
      const claims = db.collection<ClaimDocument>(COLLECTION.claims);
      const attemptOf = async (_id: string) => (await claims.findOne({ _id }))?.attempt ?? '';
      const scarce = await attemptOf('scarce/-/e');
      await claims.deleteOne({ _id: 'busy/-/a' });
      const beyond = `${scarce.slice(0, scarce.lastIndexOf('.'))}.900`;
      await claims.updateOne({ _id: 'plain/-/a' }, { $set: { attempt: beyond } });
      await claims.updateOne({ _id: 'plain/-/b' }, { $set: { attempt: await attemptOf('plain/-/c') } });
      await claims.updateOne({ _id: 'plain/-/d' }, { $set: { attempt: 'by hand' } });
      await claims.updateOne({ _id: 'stocked/-/a' }, { $set: { attempt: 'n0.0badb007.1' } });
      await claims.deleteOne({ _id: 'stocked/-/b' });
      await claims.updateOne({ _id: 'plain/-/e' }, { $set: { requestId: 'plain-e\0plain/-/e' } });
      const both = { journaled: await claims.findOne({ _id: 'busy/-/c' }), stored: await claims.findOne() };
      await db.collection(COLLECTION.conflicts).insertOne({ ...both, at: new Date() });
      const found = await comparison(running.client, asOf);
      assert.equal(
        found.filter((line) => !line.startsWith('conflict')),
        [
          'attemptInvalid plain/-/d',
          'attemptTwice plain/-/c',
          'claimWithoutEntry plain/-/a',
          'claimWithoutEntry stocked/-/a',
          'entryWithoutClaim busy/-/a',
          'requestTwice plain/-/e',
          'slotGap stocked/- 3',
        ],
      );
    }),
  { skip: mongodReason },
);

test(
  'claims in a collection that is not theirs, and doubles where a guard is gone',
  () =>
    withClaims(async ({ running, asOf, db }) => {
      const claims = db.collection<ClaimDocument>(COLLECTION.claims);
      const moved = await claims.findOneAndDelete({ _id: 'plain/-/a' });
      if (moved === null) throw new Error('no claim');
      await db.collection<ClaimDocument>('user_events_event_plain').insertOne(moved);
      await claims.dropIndex('slot');
      await claims.dropIndex('request');
      await claims.updateOne({ _id: 'stocked/-/b' }, { $set: { slot: 1 } });
      await claims.updateOne({ _id: 'busy/-/d' }, { $set: { requestId: 'plain-d' } });
      const found = await comparison(running.client, asOf);
      for (const line of [
        'requestTwice busy/-/d',
        'requestTwice plain/-/d',
        'slotGap stocked/- 3',
        'slotTwice stocked/- 1',
        'wrongCollection plain/-/a',
      ]) {
        assert.ok(found.includes(line), `${line} in ${found}`);
      }
      assert.ok(found.some((line) => line.startsWith('guardMissing')));
    }),
  { skip: mongodReason },
);

test('the mongod is stopped', async () => {
  await set?.stop();
});
