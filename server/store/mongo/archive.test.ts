/** Collections that were given up because all of them has been archived: nobody misses them, and one can begin anew. */
import { MongoClient } from 'mongodb';
import { assert, suite } from '../../../protocol/testing/kit.ts';
import { realRuntime } from '../../lib/runtime.ts';
import { mongodReason, startReplicaSet } from '../../testing/mongod.ts';
import type { ClaimRecord, Store } from '../store.ts';
import { createDraft, eventOf, many } from '../testing/fixtures.ts';
import { openMongoStore } from './open.ts';

const test = suite('mongo archive');
const set = mongodReason === null ? await startReplicaSet({ members: 1 }) : null;
const draft = createDraft();
const DAY = '20260518';
const NAME = `user_events_day_${DAY}`;
const series = { eventKey: 'daily', period: DAY, splitBy: 'day' } as const;

async function put(store: Store): Promise<ClaimRecord[]> {
  const drafts = many(5, () => draft({ eventKey: 'daily', period: DAY, place: { splitBy: 'day' } }));
  return (await store.claims.insert(drafts)).map((outcome) => {
    if (outcome.kind !== 'inserted') throw new Error(outcome.kind);
    return outcome.claim;
  });
}

const retire = (store: Store) => store.archive.retire({ dayMax: DAY, events: [] });
const namesIn = async (store: Store) => (await store.statuses())[0]?.collections.map(({ name }) => name);

test(
  'an empty day is given up and may be dropped: no server misses it, none reads it, and it can be made again',
  async () => {
    const uri = set?.freshUri() ?? '';
    const client = new MongoClient(uri);
    const open = () => openMongoStore({ uri, runtime: realRuntime });
    const [store, other] = await Promise.all([open(), open()]);
    try {
      await store.events.create(eventOf({ eventKey: 'daily', period: 'daily', splitBy: 'day' }));
      const claims = await put(store);
      assert.is((await other.claims.byKey(claims.map(({ claimKey }) => claimKey))).length, 5);
      assert.equal(await retire(store), [], 'it has claims');
      assert.is(await store.archive.remove(series, claims), 5);
      assert.equal(await store.archive.retire({ dayMax: '20260517', events: [] }), [], 'it is too young');
      assert.ok((await namesIn(store))?.includes(NAME), 'and watched');
      assert.equal(await retire(store), [NAME]);
      assert.equal(await retire(other), [NAME], 'and it is named until it is gone');
      for (const each of [store, other]) {
        // A read looks at what is recorded now.
        assert.equal(await each.claims.ofUser('anna', { limit: 1 }), []);
        assert.not(each.claims.isSpread);
        assert.not((await namesIn(each))?.includes(NAME));
      }
      await client.db().dropCollection(NAME);
      assert.equal(await retire(store), []);
      const third = await open();
      try {
        assert.equal(third.guardsMissing(), [], 'where a server starts');
        const again = await put(third);
        assert.equal(await other.claims.byKey([again[0]?.claimKey ?? '']), again.slice(0, 1));
        assert.equal(await retire(store), []);
        const indexes = await client.db().collection(NAME).indexes();
        assert.ok(
          indexes.some(({ name }) => name === 'request'),
          'with its guards',
        );
      } finally {
        await third.close();
      }
      for (const each of [store, other]) assert.equal(each.guardsMissing(), []);
    } finally {
      await Promise.all([store.close(), other.close(), client.close()]);
    }
  },
  { skip: mongodReason },
);

test('the mongod is stopped', async () => {
  await set?.stop();
});
