/** `insert`: which draft becomes the claim of its key, and what the others are told. */
import { assert } from '../../../protocol/testing/kit.ts';
import type { ClaimDraft, InsertOutcome } from '../store.ts';
import { inserted, many, recordOf, requestTaken, rivalOf, type Test, taken } from './fixtures.ts';

export function claimWrites(test: Test): void {
  test('a batch of new keys is inserted whole', async ({ store, draft }) => {
    assert.ok(store.claims.insertMax >= 100);
    const drafts = many(Math.min(store.claims.insertMax, 1_000), () => draft());
    assert.equal(
      await store.claims.insert(drafts),
      drafts.map((each) => inserted(each)),
    );
    assert.equal(
      await store.claims.byKey(drafts.map(({ claimKey }) => claimKey)),
      drafts.map((each) => recordOf(each)),
    );
    assert.equal(await store.claims.insert([]), []);
  });

  test('what may not be written any more is withheld: asked when its turn to be written has come', async (context) => {
    const { store, draft } = context;
    let isOver = false;
    const mayWrite = () => !isOver;
    const [first, stopped, scarce] = [draft(), draft(), draft({ eventKey: 'scarce' })];
    assert.equal(await store.claims.insert([first], mayWrite), [inserted(first)]);
    const answers = [store.claims.insert([stopped], mayWrite), store.claims.insertStock([scarce], 5, mayWrite)];
    isOver = true;
    for (const outcomes of await Promise.all(answers)) assert.equal(outcomes, [{ kind: 'withheld' }]);
    assert.equal(await store.claims.byKey([stopped.claimKey, scarce.claimKey]), [null, null]);
    assert.is(await store.claims.highestSlot('scarce'), 0);
  });

  test('a key that is taken keeps its claim and tells it', async ({ store, draft }) => {
    const first = draft();
    await store.claims.insert([first]);
    const rival = rivalOf(first, 'rival');
    assert.equal(await store.claims.insert([rival]), [taken(first)]);
    const sameRequest = { ...first, attempt: 'other.boot.1', grantedAt: first.grantedAt + 9 };
    assert.equal(await store.claims.insert([sameRequest]), [taken(first)]);
    assert.equal(await store.claims.byKey([first.claimKey]), [recordOf(first)]);
    assert.equal(await store.claims.byRequest([rival]), [null]);
  });

  test('an attempt inserted again is still the claim of its key', async ({ store, draft }) => {
    const first = draft();
    assert.equal(await store.claims.insert([first]), [inserted(first)]);
    assert.equal(await store.claims.insert([first]), [inserted(first)]);
    assert.equal((await store.claims.list({}, { limit: 10 })).length, 1);
  });

  test('a request id the user has used elsewhere is refused with that claim', async ({ store, draft }) => {
    const first = draft({ period: '20260518' });
    await store.claims.insert([first]);
    const nextPeriod = draft({ ...first, period: '20260519', attempt: 'a.b.1' });
    const otherEvent = draft({ ...first, eventKey: 'winter', attempt: 'a.b.2' });
    assert.equal(await store.claims.insert([nextPeriod]), [requestTaken(first)]);
    assert.equal(await store.claims.insert([otherEvent]), [requestTaken(first)]);
    assert.equal(await store.claims.byKey([nextPeriod.claimKey, otherEvent.claimKey]), [null, null]);
    const otherUser = draft({ requestId: first.requestId });
    assert.equal(await store.claims.insert([otherUser]), [inserted(otherUser)]);
  });

  test('where key and request are both taken the claim of the key is told', async ({ store, draft }) => {
    const first = draft({ eventKey: 'summer', userId: 'anna' });
    const second = draft({ eventKey: 'winter', userId: 'anna' });
    await store.claims.insert([first]);
    await store.claims.insert([second]);
    const both = { ...first, requestId: second.requestId, attempt: 'a.b.1' };
    assert.equal(await store.claims.insert([both]), [taken(first)]);
  });

  test('every kind of draft in one batch gets its own outcome, in order', async ({ store, draft }) => {
    const [own, key, request] = [draft(), draft(), draft()];
    await store.claims.insert([own, key, request]);
    const [newFirst, newLast] = [draft(), draft()];
    const reused = draft({ ...request, eventKey: 'winter', attempt: 'a.b.1' });
    assert.equal(await store.claims.insert([newFirst, own, rivalOf(key, 'rival'), reused, newLast]), [
      inserted(newFirst),
      inserted(own),
      taken(key),
      requestTaken(request),
      inserted(newLast),
    ]);
  });

  test('of many calls for the same keys one wins each key and the others are told so', async (context) => {
    const { store, other, draft } = context;
    const keys = many(20, () => draft());
    const rounds = Array.from({ length: 8 }, (_, node) => keys.map((each) => rivalOf(each, `node${node}`)));
    const answers = await Promise.all(
      rounds.map((drafts, node) => (node % 2 === 0 ? store : other).claims.insert(drafts)),
    );
    for (let index = 0; index < keys.length; index++) {
      onlyOneWins(
        rounds.map((drafts) => drafts[index] as ClaimDraft),
        answers.map((outcomes) => outcomes[index] as InsertOutcome),
      );
    }
    assert.equal((await store.claims.list({}, { limit: 100 })).length, keys.length);
  });

  test('of many calls for one request id of one user one wins', async ({ store, other, draft }) => {
    const rivals = many(8, (index) => draft({ eventKey: `event${index}`, userId: 'anna', requestId: 'same' }));
    const answers = await Promise.all(
      rivals.map((rival, index) => (index % 2 === 0 ? store : other).claims.insert([rival])),
    );
    const kinds = answers.map(([outcome]) => outcome?.kind).sort();
    assert.equal(kinds, ['inserted', ...Array(7).fill('requestTaken')]);
    const [winner] = await store.claims.byRequest([{ userId: 'anna', requestId: 'same' }]);
    for (const [outcome] of answers) assert.equal(claimOf(outcome), winner);
  });

  test('strings are kept as they are and compared exactly', async ({ store, draft }) => {
    const words = ['__proto__', 'constructor', 'a.b', 'A.b', 'toString', '-', ':', '_id', 'x'.repeat(64)];
    const requests = ['$x', '$where', 'a/b', 'a.b', '/', "'", '"', '{}', '~'.repeat(128), '!'];
    const drafts = words.flatMap((word, index) => [
      draft({ eventKey: word, userId: `user${index}`, rewards: [{ kind: word, id: '☃ é', amount: 2 ** 53 - 1 }] }),
      draft({ eventKey: 'words', userId: word }),
    ]);
    drafts.push(...requests.map((requestId) => draft({ eventKey: 'requests', requestId })));
    drafts.push(draft({ eventKey: 'E'.repeat(64), period: '2026W21', userId: 'u'.repeat(128) }));
    assert.equal(
      await store.claims.insert(drafts),
      drafts.map((each) => inserted(each)),
    );
    assert.equal(
      await store.claims.byRequest(drafts),
      drafts.map((each) => recordOf(each)),
    );
  });
}

function onlyOneWins(rivals: ClaimDraft[], outcomes: InsertOutcome[]): void {
  const winners = rivals.filter((_, index) => outcomes[index]?.kind === 'inserted');
  assert.is(winners.length, 1);
  const winner = recordOf(winners[0] as ClaimDraft);
  for (const outcome of outcomes) {
    assert.ok(outcome.kind === 'inserted' || outcome.kind === 'taken', outcome.kind);
    assert.equal(claimOf(outcome), winner);
  }
}

function claimOf(outcome: InsertOutcome | undefined): unknown {
  return outcome !== undefined && 'claim' in outcome ? outcome.claim : null;
}
