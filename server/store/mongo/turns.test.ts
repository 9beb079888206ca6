/** What the accounts' transactions do when they are disturbed. The races themselves are in the contract. */
import { type Db, MongoClient } from 'mongodb';
import { assert, rejection, suite } from '../../../protocol/testing/kit.ts';
import { realRuntime } from '../../lib/runtime.ts';
import { mongodReason, startReplicaSet, startStandalone } from '../../testing/mongod.ts';
import { type Store, StoreRefused, StoreUnavailable } from '../store.ts';
import { changed, createUsers, raced, revocationOf, roleOf, userOf } from '../testing/accounts-fixtures.ts';
import { openMongoStore } from './open.ts';
import { COLLECTION } from './schema.ts';
import { createTurns } from './turns.ts';

const test = suite('mongo turns');
const set = mongodReason === null ? await startReplicaSet({ members: 1 }) : null;
const onMongod = { skip: mongodReason };

async function withDatabase(use: (db: Db, uri: string) => Promise<void>): Promise<void> {
  const uri = set?.freshUri() ?? '';
  const client = new MongoClient(uri);
  try {
    await use(client.db(), uri);
  } finally {
    await client.close();
  }
}

async function withStore(uri: string, use: (store: Store) => Promise<void>): Promise<void> {
  const store = await openMongoStore({ uri, runtime: realRuntime, allowStandalone: true });
  try {
    await use(store);
  } finally {
    await store.close();
  }
}

test(
  'turns of several servers follow each other, and a turn that fails leaves nothing',
  () =>
    withDatabase(async (db) => {
      const conditions = { runtime: realRuntime, abilities: { transactions: true } };
      const servers = await Promise.all([1, 2, 3, 4].map(() => createTurns(db, 'roles', conditions)));
      const log = await db.createCollection<{ _id: number; before: number }>('log');
      const takes = servers.flatMap((turns) =>
        Array.from({ length: 8 }, (_, index) =>
          turns.take(1, async ({ session, count }) => {
            const options = session === undefined ? {} : { session };
            await log.insertOne({ _id: count, before: await log.countDocuments({}, options) }, options);
            if (index % 4 === 3) throw new Error('on purpose');
          }),
        ),
      );
      const settled = await Promise.allSettled(takes);
      assert.is(settled.filter(({ status }) => status === 'fulfilled').length, 24);
      const expected = Array.from({ length: 24 }, (_, index) => ({ _id: index + 1, before: index }));
      assert.equal(await log.find({}, { sort: { _id: 1 } }).toArray(), expected);
    }),
  onMongod,
);

test(
  'without its counter a turn is refused, because it would not exclude any other',
  () =>
    withDatabase((db, uri) =>
      withStore(uri, async (store) => {
        await createUsers(store, [userOf()]);
        await db.collection<{ _id: string }>(COLLECTION.meta).deleteMany({ _id: { $in: ['roles', 'revocations'] } });
        const promote = userOf({ roles: ['ADMIN'], revision: 2 });
        assert.instance(await rejection(store.accounts.users.replace(promote)), StoreUnavailable);
        assert.instance(await rejection(store.accounts.revocations.add([revocationOf()])), StoreUnavailable);
        assert.equal(await store.accounts.users.byId(['anna']), [userOf()]);
        await changed(store, userOf(), { passwordHash: 'needs no turn' });
      }),
    ),
  onMongod,
);

test(
  'two users of one name stop the start',
  () =>
    withDatabase(async (db, uri) => {
      await db.collection(COLLECTION.users).insertMany([{ usernameKey: 'anna' }, { usernameKey: 'anna' }]);
      assert.instance(await rejection(openMongoStore({ uri, runtime: realRuntime })), StoreRefused);
    }),
  onMongod,
);

test(
  'a standalone has no transactions, and one server on it still takes its turns',
  async () => {
    const standalone = await startStandalone();
    try {
      await withStore(standalone.uri('alone'), async (store) => {
        await store.accounts.roles.create(roleOf());
        const users = [0, 1, 2, 3].map((number) => userOf({ userId: `u${number}`, roles: ['ADMIN'] }));
        await createUsers(store, users);
        const answers = await raced(4, [store, store], ({ accounts }, index) =>
          accounts.users.replace(userOf({ userId: `u${index}`, roles: ['CARE'], revision: 2 })),
        );
        assert.equal(answers.sort(), ['DONE', 'DONE', 'DONE', 'LAST_ADMIN']);
        assert.is(await store.accounts.roles.remove('CARE'), 'IN_USE');
        await raced(9, [store, store], ({ accounts }) => accounts.revocations.add([revocationOf()]));
        assert.is((await store.accounts.revocations.since(null)).mark, '9');
      });
    } finally {
      await standalone.stop();
    }
  },
  onMongod,
);

test('the replica set is stopped', async () => set?.stop());
