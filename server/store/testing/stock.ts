/** `insertStock`: slots without gaps, whoever races, and SOLD_OUT only when it is true. */
import { assert } from '../../../protocol/testing/kit.ts';
import type { ClaimDraft, InsertOutcome, Store } from '../store.ts';
import { inserted, many, recordOf, requestTaken, rivalOf, type Test, taken } from './fixtures.ts';

const SOLD_OUT: InsertOutcome = { kind: 'soldOut' };

export function stockContract(test: Test): void {
  test('slots are given in order without gaps until the stock is gone', async ({ store, draft }) => {
    const drafts = many(7, () => draft());
    assert.equal(
      await store.claims.insertStock(drafts.slice(0, 3), 5),
      drafts.slice(0, 3).map((each, index) => inserted(each, index + 1)),
    );
    assert.equal(await store.claims.insertStock(drafts.slice(3), 5), [
      inserted(drafts[3] as ClaimDraft, 4),
      inserted(drafts[4] as ClaimDraft, 5),
      SOLD_OUT,
      SOLD_OUT,
    ]);
    assert.is(await store.claims.highestSlot('summer'), 5);
    assert.equal(await store.claims.byKey(drafts.map(({ claimKey }) => claimKey)), [
      ...drafts.slice(0, 5).map((each, index) => recordOf(each, index + 1)),
      null,
      null,
    ]);
    assert.equal(await store.claims.insertStock([], 5), []);
  });

  test('a draft that is refused takes no slot, and a claim is told even when all is sold', async (context) => {
    const { store, draft } = context;
    const [first, second, third, late] = [draft(), draft(), draft(), draft()];
    const elsewhere = draft({ eventKey: 'winter' });
    await store.claims.insert([elsewhere]);
    await store.claims.insertStock([first], 3);
    const reused = draft({ ...elsewhere, eventKey: 'summer', attempt: 'a.b.1' });
    const batch = [rivalOf(first, 'rival'), second, reused, third, late];
    assert.equal(await store.claims.insertStock(batch, 3), [
      taken(first, 1),
      inserted(second, 2),
      requestTaken(elsewhere),
      inserted(third, 3),
      SOLD_OUT,
    ]);
    assert.equal(await store.claims.insertStock([late, rivalOf(first, 'rival'), reused, second], 3), [
      SOLD_OUT,
      taken(first, 1),
      requestTaken(elsewhere),
      inserted(second, 2),
    ]);
  });

  test('each period has slots of its own and highestSlot looks at all of them', async ({ store, draft }) => {
    const monday = many(2, () => draft({ period: '20260518' }));
    const tuesday = many(3, () => draft({ period: '20260519' }));
    await store.claims.insertStock(monday, 2);
    assert.equal(
      await store.claims.insertStock(tuesday, 3),
      tuesday.map((each, index) => inserted(each, index + 1)),
    );
    await store.claims.insertStock([draft({ eventKey: 'summer.2' })], 9);
    assert.is(await store.claims.highestSlot('summer'), 3);
    assert.is(await store.claims.highestSlot('summer.2'), 1);
    assert.is(await store.claims.highestSlot('winter'), 0);
  });

  test('a stock of nothing sells nothing; raised later it goes on', async ({ store, draft }) => {
    const drafts = many(3, () => draft());
    assert.equal(await store.claims.insertStock(drafts, 0), [SOLD_OUT, SOLD_OUT, SOLD_OUT]);
    assert.is(await store.claims.hasAny('summer'), false);
    assert.equal(await store.claims.insertStock(drafts.slice(0, 2), 1), [
      inserted(drafts[0] as ClaimDraft, 1),
      SOLD_OUT,
    ]);
    assert.equal(
      await store.claims.insertStock(drafts, 3),
      drafts.map((each, index) => inserted(each, index + 1)),
    );
  });

  test('racing nodes sell every unit once and leave no gap', async ({ store, other, draft }) => {
    const stock = 40;
    const calls = Array.from({ length: 6 }, () => many(12, () => draft()));
    const answers = await Promise.all(
      calls.map((drafts, node) => (node % 2 === 0 ? store : other).claims.insertStock(drafts, stock)),
    );
    const slots = slotsOf(answers.flat());
    assert.equal(
      slots,
      Array.from({ length: stock }, (_, index) => index + 1),
    );
    assert.is(answers.flat().filter(({ kind }) => kind === 'soldOut').length, 6 * 12 - stock);
    assert.is(await store.claims.highestSlot('summer'), stock);
    assert.equal(await storedSlots(store), slots);
  });

  test('racing nodes that sell to the same users sell to each once', async ({ store, other, draft }) => {
    const users = many(20, () => draft());
    const answers = await Promise.all(
      [store, other, store, other].map((each, node) =>
        each.claims.insertStock(
          users.map((user) => rivalOf(user, `node${node}`)),
          15,
        ),
      ),
    );
    const slots = slotsOf(answers.flat());
    assert.equal(
      slots,
      Array.from({ length: 15 }, (_, index) => index + 1),
    );
    assert.equal(await storedSlots(store), slots);
    for (const outcome of answers.flat()) assert.ok(['inserted', 'taken', 'soldOut'].includes(outcome.kind));
  });
}

function slotsOf(outcomes: readonly InsertOutcome[]): (number | null)[] {
  return outcomes
    .flatMap((outcome) => (outcome.kind === 'inserted' ? [outcome.claim.slot] : []))
    .sort((left, right) => Number(left) - Number(right));
}

async function storedSlots(store: Store): Promise<(number | null)[]> {
  const claims = await store.claims.list({ eventKey: 'summer' }, { limit: 100 });
  return claims.map(({ slot }) => slot).sort((left, right) => Number(left) - Number(right));
}
