/** Reads by key, by request and by event. */
import { assert } from '../../../protocol/testing/kit.ts';
import { insertAll, many, recordOf, type Test } from './fixtures.ts';

export function claimReads(test: Test): void {
  test('byKey and byRequest answer in the order asked, null where there is nothing', async ({ store, draft }) => {
    const [first, second] = [draft(), draft()];
    await insertAll(store, [first, second]);
    assert.equal(await store.claims.byKey([]), []);
    assert.equal(await store.claims.byKey([second.claimKey, 'summer/-/nobody', first.claimKey, second.claimKey]), [
      recordOf(second),
      null,
      recordOf(first),
      recordOf(second),
    ]);
    assert.equal(await store.claims.byRequest([]), []);
    const strangers = { userId: first.userId, requestId: second.requestId };
    assert.equal(await store.claims.byRequest([second, strangers, first]), [recordOf(second), null, recordOf(first)]);
  });

  test('many questions in one call are all answered', async ({ store, draft }) => {
    const drafts = many(600, () => draft());
    await insertAll(
      store,
      drafts.filter((_, index) => index % 2 === 0),
    );
    const expected = drafts.map((each, index) => (index % 2 === 0 ? recordOf(each) : null));
    assert.equal(await store.claims.byKey(drafts.map(({ claimKey }) => claimKey)), expected);
    assert.equal(await store.claims.byRequest(drafts), expected);
  });

  test('hasAny and highestSlot look at exactly the event named', async ({ store, draft }) => {
    await insertAll(store, [draft({ eventKey: 'summer.2' }), draft({ eventKey: 'summer-' }), draft({ eventKey: 's' })]);
    assert.is(await store.claims.hasAny('summer'), false);
    assert.is(await store.claims.hasAny('summer.2'), true);
    assert.is(await store.claims.hasAny('Summer.2'), false);
    assert.is(await store.claims.highestSlot('summer.2'), 0);
  });

  test('what has been answered is read at once, by whoever asks', async ({ store, other, draft }) => {
    for (const each of many(10, () => draft())) {
      await store.claims.insert([each]);
      assert.equal(await other.claims.byKey([each.claimKey]), [recordOf(each)]);
      assert.equal(await other.claims.ofUser(each.userId, { limit: 1 }), [recordOf(each)]);
    }
  });
}
