/** What only MongoDB can do to the log of changes: remove what is old, and have no transactions. The rest is in the contract. */
import { MongoClient } from 'mongodb';
import { assert, suite } from '../../../protocol/testing/kit.ts';
import { realRuntime } from '../../lib/runtime.ts';
import { mongodReason, startReplicaSet, startStandalone } from '../../testing/mongod.ts';
import { openMongoStore } from './open.ts';
import { COLLECTION } from './schema.ts';

const test = suite('mongo qualifications');
const set = mongodReason === null ? await startReplicaSet({ members: 1 }) : null;
const onMongod = { skip: mongodReason };

test(
  'changes of which one was removed are not told at all',
  async () => {
    const uri = set?.freshUri() ?? '';
    const client = new MongoClient(uri);
    const store = await openMongoStore({ uri, runtime: realRuntime });
    try {
      const { qualifications } = store;
      for (const userId of ['anna', 'ben', 'cleo']) await qualifications.add('vip', [userId]);
      const log = client.db().collection<{ _id: number }>(COLLECTION.qualificationLog);
      const [expiry] = await log.indexes().then((indexes) => indexes.filter(({ name }) => name === 'expiry'));
      assert.is(expiry?.expireAfterSeconds, 3_600);
      assert.is((await qualifications.changes(0))?.changes.length, 3);
      await log.deleteOne({ _id: 2 });
      assert.is(await qualifications.changes(0), null);
      assert.is(await qualifications.changes(1), null);
      assert.is((await qualifications.changes(2))?.changes.length, 1);
      await log.deleteMany({});
      assert.is(await qualifications.changes(2), null);
      assert.equal(await qualifications.changes(3), { changes: [], mark: 3, isLast: true });
      await qualifications.add('vip', ['dora']);
      const told = await qualifications.changes(3);
      assert.equal(told?.changes, [{ number: 4, kind: 'added', eventKey: 'vip', userIds: ['dora'] }]);
    } finally {
      await Promise.all([store.close(), client.close()]);
    }
  },
  onMongod,
);

test(
  'many changes are told in pages, in order',
  async () => {
    const store = await openMongoStore({ uri: set?.freshUri() ?? '', runtime: realRuntime });
    try {
      const { qualifications } = store;
      const users = Array.from({ length: 45 }, (_, n) => `user${n}`);
      for (const userId of users) await qualifications.add('vip', [userId]);
      const told: string[] = [];
      let pages = 0;
      for (let [mark, isLast] = [0, false]; !isLast; pages++) {
        const page = await qualifications.changes(mark);
        if (page === null) throw new Error('nothing was removed');
        told.push(...page.changes.flatMap(({ userIds }) => userIds));
        ({ mark, isLast } = page);
      }
      assert.equal(told, users);
      assert.is(pages, 3);
    } finally {
      await store.close();
    }
  },
  onMongod,
);

test(
  'a standalone, which has no transactions, keeps lists and their log as well',
  async () => {
    const standalone = await startStandalone();
    const store = await openMongoStore({
      uri: standalone.uri('alone'),
      runtime: realRuntime,
      allowStandalone: true,
    });
    try {
      const { qualifications } = store;
      assert.equal(await qualifications.add('vip', ['anna', 'ben', 'anna']), { added: 2, existing: 1 });
      assert.equal(await qualifications.remove('vip', ['ben', 'cleo']), { removed: 1, absent: 1 });
      const told = await qualifications.changes(0);
      assert.equal(
        told?.changes.map(({ kind, userIds }) => [kind, ...userIds]),
        [
          ['added', 'anna', 'ben'],
          ['removed', 'ben'],
        ],
      );
    } finally {
      await store.close();
      await standalone.stop();
    }
  },
  onMongod,
);

test('the replica set is stopped', async () => set?.stop());
