/** `ofUser` and `list`: newest first, keyset pages that neither skip nor repeat. */
import { assert } from '../../../protocol/testing/kit.ts';
import { chanceOf } from '../../../protocol/testing/random.ts';
import type { ClaimDraft, ClaimFilter, ClaimRecord, PageKey } from '../store.ts';
import { type Draft, insertAll, many, NOON, newestFirst, recordOf, type Test } from './fixtures.ts';

type ReadPage = (page: { limit: number; after?: PageKey }) => Promise<ClaimRecord[]>;

async function readAll(read: ReadPage, limit: number, between = async () => {}): Promise<ClaimRecord[]> {
  const all: ClaimRecord[] = [];
  for (let page = await read({ limit }); page.length > 0; ) {
    assert.ok(page.length <= limit);
    all.push(...page);
    const last = page.at(-1) as ClaimRecord;
    await between();
    page = await read({ limit, after: { grantedAt: last.grantedAt, claimKey: last.claimKey } });
  }
  return all;
}

function expected(drafts: readonly ClaimDraft[], keep: (draft: ClaimDraft) => boolean = () => true): ClaimRecord[] {
  return drafts
    .filter(keep)
    .sort(newestFirst)
    .map((each) => recordOf(each));
}

/** Few users, events and times, so that ties are common. */
function crowd(draft: Draft, count: number): ClaimDraft[] {
  const chance = chanceOf(20_261_122);
  return many(count, (index) =>
    draft({
      eventKey: chance.pick(['summer', 'summer.2', 'Summer', 'winter']),
      period: `p${index}`,
      userId: chance.pick(['u', 'u1', 'u10', 'U1', 'u1.a']),
      grantedAt: NOON + chance.integer(12),
    }),
  );
}

export function listContract(test: Test): void {
  test('pages of a user and of all follow newest first through ties', async ({ store, draft }) => {
    const drafts = crowd(draft, 400);
    await insertAll(store, drafts);
    for (const userId of ['u', 'u1', 'u10', 'U1', 'u1.a', 'nobody']) {
      const ofUser = expected(drafts, (each) => each.userId === userId);
      assert.equal(await readAll((page) => store.claims.ofUser(userId, page), 7), ofUser);
      assert.equal(
        await readAll((page) => store.claims.ofUser(userId, { ...page, eventKey: 'summer' }), 3),
        ofUser.filter(({ eventKey }) => eventKey === 'summer'),
      );
    }
    assert.equal(await readAll((page) => store.claims.list({}, page), 11), expected(drafts));
    assert.equal(await store.claims.list({}, { limit: 1 }), expected(drafts).slice(0, 1));
    assert.equal(await store.claims.list({}, { limit: 500 }), expected(drafts));
  });

  test('filters of a list hold alone and together', async ({ store, draft }) => {
    const drafts = crowd(draft, 200);
    await insertAll(store, drafts);
    const filters: ClaimFilter[] = [
      { eventKey: 'summer' },
      { userId: 'u1' },
      { from: NOON + 4 },
      { to: NOON + 4 },
      { from: NOON + 3, to: NOON + 7 },
      { from: NOON + 3, to: NOON + 3 },
      { eventKey: 'Summer', from: NOON + 2, to: NOON + 9 },
      { userId: 'u10', from: NOON + 2, to: NOON + 9 },
      { eventKey: 'winter', userId: 'u1.a' },
      { eventKey: 'winter', userId: 'u', from: NOON + 5, to: NOON + 10 },
      { eventKey: 'absent' },
    ];
    for (const filter of filters) {
      const { eventKey, userId, from = 0, to = Number.POSITIVE_INFINITY } = filter;
      const wanted = expected(drafts, (each) => {
        if (eventKey !== undefined && each.eventKey !== eventKey) return false;
        if (userId !== undefined && each.userId !== userId) return false;
        return each.grantedAt >= from && each.grantedAt < to;
      });
      assert.equal(await readAll((page) => store.claims.list(filter, page), 5), wanted, JSON.stringify(filter));
    }
  });

  test('claims that arrive between pages neither shift nor repeat the others', async ({ store, draft }) => {
    const drafts = many(40, (index) => draft({ userId: 'anna', period: `p${index}`, grantedAt: NOON + (index >> 1) }));
    await insertAll(store, drafts);
    let arrivals = 0;
    const arrive = async () => {
      arrivals++;
      await insertAll(store, [
        draft({ userId: 'anna', period: `new${arrivals}`, grantedAt: NOON + 1_000 }),
        draft({ userId: 'anna', period: `old${arrivals}`, grantedAt: NOON - 1_000 }),
      ]);
    };
    const wanted = expected(drafts);
    const reads: ReadPage[] = [
      (page) => store.claims.ofUser('anna', page),
      (page) => store.claims.list({ eventKey: 'summer' }, page),
      (page) => store.claims.list({ from: NOON, to: NOON + 500 }, page),
    ];
    for (const read of reads) {
      arrivals = arrivals * 100;
      const seen = await readAll(read, 9, async () => (arrivals % 100 < 8 ? arrive() : undefined));
      const keys = seen.map(({ claimKey }) => claimKey);
      assert.is(new Set(keys).size, keys.length);
      assert.equal(
        seen.filter(({ grantedAt }) => grantedAt >= NOON && grantedAt < NOON + 1_000),
        wanted,
      );
    }
  });

  test('a page may start after a place where no claim is', async ({ store, draft }) => {
    const drafts = many(5, (index) => draft({ userId: 'anna', period: `p${index}`, grantedAt: NOON + index * 10 }));
    await insertAll(store, drafts);
    const after = { grantedAt: NOON + 25, claimKey: 'a' };
    const wanted = expected(drafts, ({ grantedAt }) => grantedAt < NOON + 25);
    assert.equal(await store.claims.ofUser('anna', { limit: 10, after }), wanted);
    assert.equal(await store.claims.list({}, { limit: 10, after }), wanted);
    assert.equal(await store.claims.list({ eventKey: 'summer' }, { limit: 10, after }), wanted);
  });
}
