/** What holds for the store as a whole: its identity, its clock, its guards, and that everything outlives its handles. */
import { assert } from '../../../protocol/testing/kit.ts';
import type { ClaimDraft } from '../store.ts';
import { eventOf, inserted, many, recordOf, rivalOf, type Test, taken } from './fixtures.ts';

export function storeContract(test: Test): void {
  test('a store has a label, a cluster id, a clock and all its guards', async ({ store, other }) => {
    assert.ok(store.label.length > 0);
    assert.match(store.clusterId, /^[\x21-\x7e]{8,64}$/);
    assert.is(other.clusterId, store.clusterId);
    const [before, after] = [await store.timeMs(), await store.timeMs()];
    assert.ok(Number.isSafeInteger(before) && before > 1_700_000_000_000);
    assert.ok(after - before < 60_000);
    assert.equal(store.guardsMissing(), []);
  });

  test('closing twice is closing once', async ({ store, reopen }) => {
    if (reopen === null) return;
    await Promise.all([store.close(), store.close()]);
    await store.close();
    await (await reopen()).timeMs();
  });

  test('everything answered is there after the store is opened again', async ({ store, draft, reopen }) => {
    if (reopen === null) return;
    const drafts = many(50, () => draft());
    const sold = many(3, () => draft({ eventKey: 'sale' }));
    await store.claims.insert(drafts);
    await store.claims.insertStock(sold, 4);
    await store.events.create(eventOf());
    await store.qualifications.add('summer', ['anna']);

    const again = await reopen();
    assert.is(again.clusterId, store.clusterId);
    const first = drafts[0] as ClaimDraft;
    assert.equal(await again.claims.insert([rivalOf(first, 'rival')]), [taken(first)]);
    assert.equal(await again.claims.insert([first]), [inserted(first)]);
    assert.equal(
      await again.claims.byRequest(drafts),
      drafts.map((each) => recordOf(each)),
    );
    const late = draft({ eventKey: 'sale' });
    assert.equal(await again.claims.insertStock([late, draft({ eventKey: 'sale' })], 4), [
      inserted(late, 4),
      { kind: 'soldOut' },
    ]);
    assert.equal(await again.events.get(['summer']), [eventOf()]);
    assert.equal(await again.qualifications.has([{ eventKey: 'summer', userId: 'anna' }]), [true]);
    assert.is((await again.claims.list({}, { limit: 100 })).length, 54);
  });
}
