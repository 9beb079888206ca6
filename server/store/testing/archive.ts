/** Claims that are kept elsewhere by now: found by period, removed exactly, and nothing of the others with them. */
import { assert } from '../../../protocol/testing/kit.ts';
import type { Series } from '../archive.ts';
import type { ClaimDraft, ClaimRecord, Store } from '../store.ts';
import { many, NOON, recordOf, rivalOf, type Test } from './fixtures.ts';

const DAY_MS = 86_400_000;
const RESET = NOON - (NOON % DAY_MS);
const [DAY, NEXT] = ['20261121', '20261122'] as const;

async function put(store: Store, drafts: readonly ClaimDraft[]): Promise<ClaimRecord[]> {
  const outcomes = await store.claims.insert(drafts);
  return outcomes.map((outcome) => {
    if (outcome.kind !== 'inserted') throw new Error(outcome.kind);
    return outcome.claim;
  });
}

async function keysOf(store: Store, eventKey: string): Promise<string[]> {
  return (await store.claims.list({ eventKey }, { limit: 200 })).map(({ claimKey }) => claimKey).sort();
}

export function archiveContract(test: Test): void {
  for (const splitBy of ['none', 'event', 'day'] as const) {
    test(`split by ${splitBy}: the claims of a period go, and all that led to them`, async ({
      store,
      other,
      draft,
    }) => {
      const place = { splitBy };
      const [old, live] = [
        { eventKey: 'daily', period: DAY, place },
        { eventKey: 'daily', period: NEXT, place },
      ];
      const gone = await put(
        store,
        many(20, () => draft(old)),
      );
      const kept = await put(
        store,
        many(3, () => draft(live)),
      );
      await put(store, [
        draft({ eventKey: 'daily2', period: DAY, place }),
        draft({ eventKey: 'dail', period: DAY, place }),
      ]);
      const series: Series = { ...old, splitBy };
      assert.equal((await other.archive.periods(series)).sort(), [DAY, NEXT]);
      assert.is(await store.archive.remove(series, gone.slice(0, 15)), 15);
      await store.archive.clear(series);
      assert.equal((await store.archive.periods(series)).sort(), [DAY, NEXT], 'some are left');
      assert.is(await store.archive.remove(series, gone), 5);
      assert.is(await store.archive.remove(series, []), 0);
      await store.archive.clear(series);
      await store.archive.clear(series);
      assert.equal(await other.archive.periods(series), [NEXT]);
      assert.equal(await keysOf(other, 'daily'), kept.map(({ claimKey }) => claimKey).sort());
      assert.is((await keysOf(store, 'daily2')).length, 1);
      assert.is((await keysOf(store, 'dail')).length, 1);
      assert.not(await store.claims.hasAny('daily', DAY));
      assert.equal(await store.claims.byRequest(gone.slice(0, 1)), [null]);
      assert.equal(await store.claims.ofUser(gone[0]?.userId ?? '', { limit: 5 }), []);
    });
  }

  test('a claim that is another than the one given stays', async ({ store, draft }) => {
    const [first, second] = [draft({ eventKey: 'gifts' }), draft({ eventKey: 'gifts' })];
    await put(store, [first, second]);
    const series = { eventKey: 'gifts', period: '-' };
    const rival = recordOf(rivalOf(first, 'rival'));
    const delivered = {
      ...recordOf(second),
      delivery: { state: 'FULFILLED', attempts: 1, fulfilledAt: NOON },
    } as const;
    assert.is(await store.archive.remove(series, [rival, delivered]), 0);
    assert.is((await keysOf(store, 'gifts')).length, 2);
  });

  test('keys that were made void for a late attempt are no claims, and go with the period', async ({
    store,
    draft,
  }) => {
    const place = { splitBy: 'day', periodBefore: DAY } as const;
    const drafts = many(5, () => draft({ eventKey: 'daily', period: NEXT, grantedAt: RESET, place }));
    await put(store, drafts);
    const series: Series = { eventKey: 'daily', period: DAY, splitBy: 'day' };
    const before = await store.archive.periods(series);
    assert.equal(await store.claims.usersOf('daily', DAY, { limit: 10 }), []);
    await store.archive.clear(series);
    assert.equal(await store.archive.periods(series), [NEXT]);
    assert.ok(before.includes(NEXT));
    assert.is((await keysOf(store, 'daily')).length, 5);
  });
}
