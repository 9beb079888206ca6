/** That no claim is granted without the indexes that guard it, whatever an operator does to the collection. */
import { MongoClient } from 'mongodb';
import { assert, rejection, suite } from '../../../protocol/testing/kit.ts';
import { realRuntime } from '../../lib/runtime.ts';
import { mongodReason, startReplicaSet } from '../../testing/mongod.ts';
import { type Store, StoreRefused } from '../store.ts';
import { createDraft, eventOf, rivalOf } from '../testing/fixtures.ts';
import { whatExpires, whatIndexesLack } from './guard-indexes.ts';
import { openMongoStore } from './open.ts';
import { COLLECTION, GUARD_INDEXES, LIST_INDEX, REQUEST_INDEX, SLOT_INDEX } from './schema.ts';

const test = suite('mongo guards');
const set = mongodReason === null ? await startReplicaSet({ members: 1 }) : null;
const onMongod = { skip: mongodReason };

/** A runtime whose timers run when the test says so, and whose clock can be put forward. */
function createManualRuntime() {
  const timers = new Map<() => void, number>();
  let aheadMs = 0;
  return {
    ...realRuntime,
    monotonicMs: () => realRuntime.monotonicMs() + aheadMs,
    after(ms: number, run: () => void) {
      timers.set(run, ms);
      return () => timers.delete(run);
    },
    /** Runs what is due within `ms`, again and again until `condition` holds. */
    async passUntil(ms: number, condition: () => boolean) {
      aheadMs += ms;
      while (!condition()) {
        for (const [run, dueMs] of timers) {
          if (dueMs <= ms && timers.delete(run)) run();
        }
        await new Promise((resolve) => setImmediate(resolve));
      }
    },
  };
}

type Context = { store: Store; uri: string; client: MongoClient; runtime: ReturnType<typeof createManualRuntime> };

async function withStore(use: (context: Context) => Promise<void>): Promise<void> {
  const uri = set?.freshUri() ?? '';
  const client = new MongoClient(uri);
  const runtime = createManualRuntime();
  const store = await openMongoStore({ uri, runtime });
  try {
    await use({ store, uri, client, runtime });
  } finally {
    await Promise.all([store.close(), client.close()]);
  }
}

async function kindsOf(store: Store, eventKey: string): Promise<string[]> {
  const draft = createDraft();
  const normal = await store.claims.insert([draft({ eventKey, userId: 'normal' })]);
  const stock = await store.claims.insertStock([draft({ eventKey: 'sale', userId: 'stock' })], 5);
  return [...normal, ...stock].map(({ kind }) => kind);
}

const refused = ['guardMissing', 'guardMissing'];
const granted = ['inserted', 'inserted'];

test(
  'a dropped collection refuses the very next insert and does not come back with it',
  () =>
    withStore(async ({ store, client, runtime }) => {
      await store.events.create(eventOf());
      await store.claims.insert([createDraft()()]);
      await client.db().collection(COLLECTION.claims).drop();
      assert.equal(await kindsOf(store, 'summer'), refused);
      assert.equal(await client.db().listCollections({ name: COLLECTION.claims }).toArray(), []);
      await runtime.passUntil(1_000, () => store.guardsMissing().length > 0);
      assert.equal(store.guardsMissing(), ['summer']);
    }),
  onMongod,
);

test(
  'a dropped collection is noticed within a second although nobody claims',
  () =>
    withStore(async ({ store, client, runtime }) => {
      await client.db().collection(COLLECTION.claims).drop();
      await runtime.passUntil(1_000, () => store.guardsMissing().length > 0);
      assert.equal(await kindsOf(store, 'summer'), refused);
    }),
  onMongod,
);

test(
  'a collection made anew under the name is refused until its record is removed, then the next start takes it',
  () =>
    withStore(async ({ store, uri, client, runtime }) => {
      const draft = createDraft()();
      await store.claims.insert([draft]);
      await client.db().collection(COLLECTION.claims).rename('kept');
      const other = await openMongoStore({ uri, runtime: realRuntime });
      assert.equal(await kindsOf(other, 'summer'), refused);
      await runtime.passUntil(0, () => other.guardsMissing().length > 0);
      await client.db().createCollection(COLLECTION.claims);
      assert.equal(await kindsOf(other, 'summer'), refused);
      await other.close();
      assert.is(await client.db().collection(COLLECTION.claims).countDocuments(), 0);

      await client.db().collection('kept').rename(COLLECTION.claims, { dropTarget: true });
      await client.db().collection<{ _id: string }>(COLLECTION.meta).deleteOne({ _id: 'claims' });
      await (await openMongoStore({ uri, runtime: realRuntime })).close();
      // The first store follows the record as well.
      await runtime.passUntil(1_000, () => store.guardsMissing().length === 0);
      assert.equal(await store.claims.insert([rivalOf(draft, 'rival')]), [
        { kind: 'taken', claim: { ...draft, slot: null } },
      ]);
    }),
  onMongod,
);

test(
  'a dropped unique index is noticed within a minute and its return within a second',
  () =>
    withStore(async ({ store, client, runtime }) => {
      for (const { name, key, ...options } of GUARD_INDEXES) {
        await client.db().collection(COLLECTION.claims).dropIndex(name);
        await runtime.passUntil(60_000, () => store.guardsMissing().length > 0);
        assert.equal(await kindsOf(store, 'summer'), refused);
        await client.db().collection(COLLECTION.claims).createIndex(key, options);
        await runtime.passUntil(1_000, () => store.guardsMissing().length === 0);
        assert.equal(await kindsOf(store, 'summer'), granted);
      }
    }),
  onMongod,
);

test(
  'an index dropped while no server ran is not made anew over claims that it did not guard',
  () =>
    withStore(async ({ store, uri, client }) => {
      await store.claims.insert([createDraft()()]);
      await client.db().collection(COLLECTION.claims).dropIndex(REQUEST_INDEX.name);
      const other = await openMongoStore({ uri, runtime: realRuntime });
      assert.equal(other.guardsMissing(), [COLLECTION.claims]);
      assert.equal(await kindsOf(other, 'summer'), refused);
      await other.close();
    }),
  onMongod,
);

test(
  'a collection of its own that loses a guard stops its event and no other, until the index is back',
  () =>
    withStore(async ({ store, client, runtime }) => {
      const draft = createDraft();
      const kinds = async () => {
        const split = draft({ eventKey: 'alone', place: { splitBy: 'event' } });
        const day = draft({ eventKey: 'days', period: '20260518', place: { splitBy: 'day' } });
        return (await store.claims.insert([split, day, draft()])).map(({ kind }) => kind);
      };
      const all = ['inserted', 'inserted', 'inserted'];
      await store.events.create(eventOf());
      await store.events.create(eventOf({ eventKey: 'alone', splitBy: 'event' }));
      await store.events.create(eventOf({ eventKey: 'days', splitBy: 'day' }));
      assert.equal(await kinds(), all);
      const { name, key, ...options } = REQUEST_INDEX;
      for (const [collection, eventKey, refusal] of [
        ['user_events_event_alone', 'alone', ['guardMissing', 'inserted', 'inserted']],
        ['user_events_day_20260518', 'days', ['inserted', 'guardMissing', 'inserted']],
        ['user_events', 'summer', ['inserted', 'inserted', 'guardMissing']],
      ] as const) {
        await client.db().collection(collection).dropIndex(name);
        await runtime.passUntil(60_000, () => store.guardsMissing().length > 0);
        assert.equal(store.guardsMissing(), [eventKey]);
        assert.equal(await kinds(), refusal);
        await client
          .db()
          .collection(collection)
          .createIndex(key, { name, ...options });
        await runtime.passUntil(1_000, () => store.guardsMissing().length === 0);
        assert.equal(await kinds(), all);
      }
      await client.db().collection('user_events_event_alone').drop();
      assert.equal(await kinds(), ['guardMissing', 'inserted', 'inserted'], 'and it does not come back empty');
    }),
  onMongod,
);

test(
  'claims that break a guard stop the first start',
  async () => {
    const uri = set?.freshUri() ?? '';
    const client = new MongoClient(uri);
    const twice = [1, 2].map((number) => ({ userId: 'anna', requestId: 'same', eventKey: `event${number}` }));
    await client.db().collection(COLLECTION.claims).insertMany(twice);
    await client.close();
    assert.instance(await rejection(openMongoStore({ uri, runtime: realRuntime })), StoreRefused);
  },
  onMongod,
);

test('what counts as a guard', () => {
  const right = [{ v: 2, name: '_id_', key: { _id: 1 } }, ...GUARD_INDEXES, LIST_INDEX];
  assert.is(whatIndexesLack(right), null);
  assert.is(whatIndexesLack(right.map((index) => ({ ...index, name: `other ${index.name}` }))), null);
  const sharded = right.filter((index) => index !== SLOT_INDEX);
  assert.type(whatIndexesLack(sharded), 'string');
  assert.is(whatIndexesLack(sharded, [REQUEST_INDEX]), null);
  // Whatever else is wrong, what is put there stays, unless something deletes it.
  assert.is(whatExpires([]), null);
  assert.type(whatExpires([...right, { name: 'ttl', key: { grantedAt: 1 }, expireAfterSeconds: 60 }]), 'string');
  const changes: Record<string, unknown>[] = [
    { unique: undefined },
    { sparse: true },
    { collation: { locale: 'en', strength: 2 } },
    { key: { requestId: 1, userId: 1 } },
    { partialFilterExpression: { slot: { $gt: 100 } } },
    { key: undefined, buildUUID: 'under construction' },
    { expireAfterSeconds: 60 },
  ];
  for (const change of changes) {
    for (const guard of GUARD_INDEXES) {
      const changed = right.map((index) => (index === guard ? { ...index, ...change } : index));
      assert.type(whatIndexesLack(changed), 'string', JSON.stringify(change));
    }
  }
});

test('the replica set is stopped', async () => set?.stop());
