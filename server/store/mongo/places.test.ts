/** Claims in collections of their own: where they go, that every read finds them, and that one is refused without the others. */
import { MongoClient } from 'mongodb';
import { assert, rejection, suite } from '../../../protocol/testing/kit.ts';
import { realRuntime } from '../../lib/runtime.ts';
import { mongodReason, startReplicaSet } from '../../testing/mongod.ts';
import { type ClaimDraft, type Store, StoreUnavailable } from '../store.ts';
import { createDraft, inserted, many, newestFirst, recordOf, requestTaken, rivalOf } from '../testing/fixtures.ts';
import { openMongoStore } from './open.ts';
import { collectionOf, mayHold } from './places.ts';
import { GUARD_INDEXES, LIST_INDEX, REQUEST_INDEX, VOID_USER } from './schema.ts';

const test = suite('mongo places');
const set = mongodReason === null ? await startReplicaSet({ members: 1 }) : null;
const onMongod = { skip: mongodReason };

type Context = { store: Store; other: Store; client: MongoClient };

async function withStores(use: (context: Context) => Promise<void>): Promise<void> {
  const uri = set?.freshUri() ?? '';
  const client = new MongoClient(uri);
  const open = () => openMongoStore({ uri, runtime: realRuntime });
  const [store, other] = await Promise.all([open(), open()]);
  try {
    await use({ store, other, client });
  } finally {
    await Promise.all([store.close(), other.close(), client.close()]);
  }
}

/** As the store tells it back. */
function claimOf({ place: _, ...draft }: ClaimDraft) {
  return draft;
}

async function requestsOf({ claims }: Store): Promise<string[]> {
  const requests: string[] = [];
  for (let after: string | undefined; ; ) {
    const { items, next } = await claims.requests({ limit: 1, ...(after === undefined ? {} : { after }) });
    requests.push(...items.map(({ requestId }) => requestId));
    if (next === null) return requests;
    after = next;
  }
}

const draftOf = createDraft();
const byEvent = (fields: Parameters<typeof draftOf>[0] = {}) =>
  draftOf({ eventKey: 'alone', place: { splitBy: 'event' }, ...fields });
const byDay = (fields: Parameters<typeof draftOf>[0] = {}) =>
  draftOf({ eventKey: 'days', period: '20260518', place: { splitBy: 'day' }, ...fields });

test('where a claim lies', () => {
  const claim = { eventKey: 'a.b:c', period: '20260518' };
  assert.is(collectionOf(claim), 'user_events');
  assert.is(collectionOf(claim, 'event'), 'user_events_event_a.b:c');
  assert.is(collectionOf(claim, 'day'), 'user_events_day_20260518');
  assert.throws(() => collectionOf({ ...claim, period: '2026W20' }, 'day'));
  for (const splitBy of ['none', 'event', 'day'] as const) {
    assert.ok(mayHold(collectionOf(claim, splitBy), claim.eventKey, claim.period));
    assert.ok(mayHold(collectionOf(claim, splitBy), claim.eventKey));
  }
  assert.not.ok(mayHold('user_events_day_20260518', 'a.b:c', '20260519'));
  assert.not.ok(mayHold('user_events_event_other', 'a.b:c'));
});

test(
  'one batch for three collections, each made with its indexes, and read by a server that did not make them',
  () =>
    withStores(async ({ store, other, client }) => {
      const drafts = [draftOf(), byEvent(), byDay(), draftOf(), byDay({ period: '20260519' }), byEvent()];
      const claims = drafts.map(claimOf);
      assert.not.ok(store.claims.isSpread);
      assert.equal(
        await store.claims.insert(drafts),
        claims.map((claim) => inserted(claim)),
      );
      assert.ok(store.claims.isSpread);
      for (const draft of drafts) {
        const collection = client.db().collection<{ _id: string }>(collectionOf(draft, draft.place?.splitBy));
        assert.is((await collection.findOne({ _id: draft.claimKey }))?._id, draft.claimKey);
        const indexes = (await collection.listIndexes().toArray()).map(({ name }) => name);
        for (const { name } of [...GUARD_INDEXES, LIST_INDEX]) assert.ok(indexes.includes(name), name);
      }
      const records = claims.map((claim) => recordOf(claim));
      assert.equal(await other.claims.byKey(claims.map(({ claimKey }) => claimKey)), records);
      assert.equal(await other.claims.byRequest(claims), records);
      assert.equal(await other.claims.list({}, { limit: 4 }), records.toSorted(newestFirst).slice(0, 4));
      const days = records.filter(({ eventKey }) => eventKey === 'days').sort(newestFirst);
      assert.equal(await other.claims.list({ eventKey: 'days' }, { limit: 9 }), days);
      assert.equal(await other.claims.usersOf('days', '20260519', { limit: 9 }), [claims[4]?.userId]);
      assert.ok(await other.claims.hasAny('alone'));
      assert.not.ok(await other.claims.hasAny('days', '20260520'));
      const requests = await requestsOf(other);
      assert.equal(requests.sort(), claims.map(({ requestId }) => requestId).sort());
    }),
  onMongod,
);

test(
  'stock of a split event: slots without gaps, by two servers at once',
  () =>
    withStores(async ({ store, other }) => {
      const half = () => many(20, () => byEvent({ eventKey: 'sale', period: '-' }));
      const sales = await Promise.all([store.claims.insertStock(half(), 30), other.claims.insertStock(half(), 30)]);
      const slots = sales.flat().flatMap((outcome) => (outcome.kind === 'inserted' ? [outcome.claim.slot ?? 0] : []));
      assert.equal(
        slots.sort((a, b) => a - b),
        Array.from({ length: 30 }, (_, i) => i + 1),
      );
      assert.is(await store.claims.highestSlot('sale'), 30);
    }),
  onMongod,
);

test(
  'a claim behind the reset shuts out the late attempt at the one before, and is found by it',
  () =>
    withStores(async ({ store, other, client }) => {
      const late = byDay({ userId: 'anna', requestId: 'r1' });
      const place = { splitBy: 'day', periodBefore: '20260518' } as const;
      const next = byDay({ userId: 'anna', requestId: 'r1', period: '20260519', place });
      assert.equal(await store.claims.insert([next]), [inserted(claimOf(next))]);
      assert.equal(await other.claims.insert([late]), [{ kind: 'withheld' }]);
      assert.equal(await other.claims.byKey([late.claimKey]), [null]);
      assert.equal(await other.claims.byRequest([late]), [recordOf(claimOf(next))]);
      assert.equal(await other.claims.usersOf('days', '20260518', { limit: 1 }), []);
      assert.not.ok(await other.claims.hasAny('days', '20260518'));
      assert.equal((await other.claims.list({}, { limit: 9 })).length, 1);
      assert.equal(await requestsOf(other), ['r1']);
      const day = client.db().collection('user_events_day_20260518');
      assert.is(await day.countDocuments({ userId: VOID_USER, void: true }), 1);
      assert.equal(await store.claims.insert([next]), [inserted(claimOf(next))], 'sent again it is still the claim');

      const first = byDay({ userId: 'bert', requestId: 'r2' });
      const repeat = byDay({ userId: 'bert', requestId: 'r2', period: '20260519', place });
      const another = byDay({ userId: 'bert', requestId: 'r3', period: '20260519', place });
      await store.claims.insert([first]);
      assert.equal(await other.claims.insert([repeat]), [requestTaken(claimOf(first))]);
      assert.equal(await other.claims.insert([another]), [inserted(claimOf(another))]);
    }),
  onMongod,
);

test(
  'without its index of request ids a collection keeps no other event from being looked up',
  () =>
    withStores(async ({ store, client }) => {
      const day = byDay({ userId: 'anna', requestId: 'r1' });
      const common = draftOf({ userId: 'anna', requestId: 'r2' });
      const alone = byEvent({ userId: 'anna', requestId: 'r3' });
      await store.claims.insert([day, common, alone]);
      for (const draft of [day, alone]) {
        await client.db().collection(collectionOf(draft, draft.place?.splitBy)).dropIndex(REQUEST_INDEX.name);
      }
      const found = await store.claims.byRequest([day, common, { ...day, requestId: 'unused' }, alone]);
      assert.equal(found, [recordOf(claimOf(day)), recordOf(claimOf(common)), null, null], 'of a day by its key');
      assert.equal(store.guardsMissing().sort(), [collectionOf(day, 'day'), collectionOf(alone, 'event')]);
      assert.ok(store.isUnguarded?.({ eventKey: 'alone', splitBy: 'event' }, '-'));
      assert.ok(store.isUnguarded?.({ eventKey: 'days', splitBy: 'day' }, day.period));
      assert.not.ok(store.isUnguarded?.({ eventKey: 'days', splitBy: 'day' }, '20260519'));
      assert.not.ok(store.isUnguarded?.({ eventKey: common.eventKey }, '-'));
      const anywhere = store.claims.byRequest([{ userId: 'anna', requestId: 'r2' }]);
      assert.instance(await rejection(anywhere), StoreUnavailable, 'who asks for all of them is told no less');
    }),
  onMongod,
);

test(
  'after a restore, with the records removed, the next start takes the collections as they are',
  async () => {
    const uri = set?.freshUri() ?? '';
    const before = await openMongoStore({ uri, runtime: realRuntime });
    const drafts = [byEvent(), byDay()];
    await before.claims.insert(drafts);
    await before.close();
    const client = new MongoClient(uri);
    await client
      .db()
      .collection<{ _id: string }>('meta')
      .deleteMany({ _id: { $regex: '^claims' } });
    await client.close();
    const after = await openMongoStore({ uri, runtime: realRuntime });
    const found = await after.claims.byKey(drafts.map(({ claimKey }) => claimKey));
    const kinds = (await after.claims.insert(drafts.map((draft) => rivalOf(draft, 'rival')))).map(({ kind }) => kind);
    await after.close();
    assert.equal(
      found,
      drafts.map((draft) => recordOf(claimOf(draft))),
    );
    assert.equal(kinds, ['taken', 'taken']);
  },
  onMongod,
);

test('the replica set is stopped', async () => set?.stop());
