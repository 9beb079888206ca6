/** `hasAny` and `highestSlot` of a period, and the two scans that fill a node's memory. */
import { assert } from '../../../protocol/testing/kit.ts';
import { chanceOf } from '../../../protocol/testing/random.ts';
import type { Store } from '../store.ts';
import { insertAll, many, NOON, type Test } from './fixtures.ts';

async function usersOf(store: Store, eventKey: string, period: string, limit: number): Promise<string[]> {
  const all: string[] = [];
  for (let page = await store.claims.usersOf(eventKey, period, { limit }); ; ) {
    assert.ok(page.length <= limit);
    all.push(...page);
    if (page.length < limit) return all;
    page = await store.claims.usersOf(eventKey, period, { limit, after: page.at(-1) as string });
  }
}

async function requestsOf(store: Store, limit: number): Promise<string[]> {
  const all: string[] = [];
  for (let page = await store.claims.requests({ limit }); ; ) {
    assert.ok(page.items.length <= limit);
    all.push(...page.items.map(({ userId, requestId }) => `${userId} ${requestId}`));
    if (page.next === null) return all;
    page = await store.claims.requests({ limit, after: page.next });
  }
}

export function claimScans(test: Test): void {
  test('hasAny and highestSlot look at exactly the period named', async ({ store, draft }) => {
    await insertAll(store, [draft({ period: '20260518' }), draft({ eventKey: 'summer.2', period: '20260519' })]);
    assert.is(await store.claims.hasAny('summer', '20260518'), true);
    for (const period of ['20260519', '2026051', '202605180', '-']) {
      assert.is(await store.claims.hasAny('summer', period), false, period);
    }
    assert.is(await store.claims.hasAny('summer.2', '20260518'), false);
    await store.claims.insertStock(
      many(2, () => draft({ period: '202605' })),
      9,
    );
    await store.claims.insertStock([draft({ period: '202606' })], 9);
    assert.is(await store.claims.highestSlot('summer', '202605'), 2);
    assert.is(await store.claims.highestSlot('summer', '202606'), 1);
    assert.is(await store.claims.highestSlot('summer', '20260'), 0);
    assert.is(await store.claims.highestSlot('summer'), 2);
    assert.is(await store.claims.hasAny('summer', '202606'), true);
  });

  test('the users of a period are each given once, whatever lies around it', async ({ store, draft }) => {
    const chance = chanceOf(20_261_122);
    const drafts = many(500, (index) =>
      draft({
        eventKey: chance.pick(['summer', 'summer', 'summer.2', 'Summer']),
        period: chance.pick(['20260518', '20260519', '2026051']),
        userId: `u${chance.pick(['.', '-', '', 'X'])}${index}`,
        // The periods overlap in time, and many claims are of one moment.
        grantedAt: NOON + chance.integer(40),
      }),
    );
    await insertAll(store, drafts);
    const wanted = (eventKey: string, period: string) =>
      drafts.filter((each) => each.eventKey === eventKey && each.period === period).map(({ userId }) => userId);
    for (const limit of [1, 7, 1_000]) {
      const found = await usersOf(store, 'summer', '20260519', limit);
      assert.equal(found.sort(), wanted('summer', '20260519').sort());
    }
    assert.equal((await usersOf(store, 'Summer', '2026051', 10)).sort(), wanted('Summer', '2026051').sort());
    assert.equal(await usersOf(store, 'summer', '202605', 10), []);
    assert.equal(await usersOf(store, 'winter', '-', 10), []);
  });

  test('users who come while the pages are read take nobody’s place', async ({ store, draft }) => {
    const drafts = many(30, () => draft());
    await insertAll(store, drafts);
    const found: string[] = [];
    for (let after: string | undefined; ; after = found.at(-1)) {
      const page = await store.claims.usersOf('summer', '-', { limit: 4, ...(after === undefined ? {} : { after }) });
      found.push(...page);
      if (page.length < 4 || found.length > 100) break;
      await insertAll(store, [draft({ userId: `a${found.length}`, grantedAt: NOON - 1 })]);
    }
    assert.is(new Set(found).size, found.length);
    assert.equal(
      drafts.filter(({ userId }) => !found.includes(userId)),
      [],
    );
  });

  test('the request ids of all claims are each given once', async ({ store, draft }) => {
    assert.equal(await store.claims.requests({ limit: 3 }), { items: [], next: null });
    const drafts = many(60, (index) =>
      draft({
        eventKey: `event${index % 7}`,
        userId: `u${index % 5 === 0 ? '' : index % 5}`,
        period: `p${index}`,
        requestId: `c/r${index}/`,
      }),
    );
    await insertAll(store, drafts);
    const wanted = drafts.map(({ userId, requestId }) => `${userId} ${requestId}`).sort();
    for (const limit of [1, 7, 60, 1_000]) assert.equal((await requestsOf(store, limit)).sort(), wanted);
  });
}
