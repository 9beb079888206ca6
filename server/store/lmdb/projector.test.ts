/** Blocks of a real log into claims, in a real thread beside a main thread that goes on writing. */
import { join } from 'node:path';
import { assert, rejection, suite } from '../../../protocol/testing/kit.ts';
import { realRuntime } from '../../lib/runtime.ts';
import type { Projector } from '../journal.ts';
import type { ClaimRecord, Store } from '../store.ts';
import { createDraft, type Draft, eventOf, inserted, many, NOON, newestFirst, recordOf } from '../testing/fixtures.ts';
import { openEnvironment } from './environment.ts';
import { FIRST_RUN_ENTRIES } from './index-run.ts';
import { openLmdbStore } from './open.ts';
import { temporaryFolder } from './testing/folder.ts';
import { type Journaled, openJournaled } from './testing/journaled.ts';

const test = suite('lmdb projector');

type Bench = { directory: string; store: Store; projector: Projector; journal: Journaled; draft: Draft };

async function withBench(body: (bench: Bench) => Promise<void>): Promise<void> {
  const folder = temporaryFolder();
  const store = await openLmdbStore({ directory: folder.path, runtime: realRuntime, nodeId: 'node' });
  const journal = await openJournaled(folder.path, 'b1');
  const draft = createDraft();
  try {
    await body({ directory: folder.path, store, projector: await projectorOf(store), journal, draft });
  } finally {
    await store.close();
    await journal.close();
    folder.remove();
  }
}

async function projectorOf(store: Store): Promise<Projector> {
  if (store.projector === undefined) throw new Error('a store without a projector');
  return store.projector();
}

async function projectAll(projector: Projector, until: number, claimsMax = 2_000) {
  const all = { claims: 0, conflicts: [] as unknown[], steps: 0 };
  while ((await projector.mark()) < until) {
    const { claims, conflicts } = await projector.advance(until, claimsMax);
    all.claims += claims;
    all.conflicts.push(...conflicts);
    all.steps++;
  }
  return all;
}

async function expectStored(store: Store, claims: readonly ClaimRecord[]): Promise<void> {
  assert.equal(await store.claims.byKey(claims.map(({ claimKey }) => claimKey)), [...claims]);
  assert.equal(await store.claims.byRequest(claims), [...claims]);
}

test('blocks become claims that every read finds, and the mark goes with them', () =>
  withBench(async ({ store, projector, journal, draft }) => {
    assert.is(await projector.mark(), 0);
    const claims = [
      ...(await journal.append(many(300, (index) => draft({ period: index % 2 === 0 ? '20260518' : '20260519' })))),
      ...(await journal.append([])),
      ...(await journal.append(many(5, (index) => ({ ...draft({ eventKey: 'sale' }), slot: index + 1 })))),
    ];
    const { mark, claims: count, conflicts } = await projector.advance(journal.head, 1_000);
    assert.equal({ mark, count, conflicts }, { mark: journal.head, count: 305, conflicts: [] });
    assert.is(await projector.mark(), journal.head);
    await expectStored(store, claims);
    assert.equal(await store.claims.list({}, { limit: 1_000 }), [...claims].sort(newestFirst));
    assert.is((await store.claims.usersOf('summer', '20260519', { limit: 1_000 })).length, 150);
    assert.is((await store.claims.requests({ limit: 1_000 })).items.length, 305);
    assert.is(await store.claims.hasAny('summer', '20260518'), true);
    assert.is(await store.claims.highestSlot('sale', '-'), 5);
    assert.equal(await projector.advance(journal.head, 1_000), { mark, claims: 0, conflicts: [] });
    const late = draft({ eventKey: 'sale' });
    assert.equal(await store.claims.insertStock([late], 9), [inserted(late, 6)]);
  }));

test('a step does whole blocks of at most so many claims, and goes on where the last one ended', () =>
  withBench(async ({ store, projector, journal, draft }) => {
    const sizes = [10, 20, 5, 90, 1, 1];
    const claims: ClaimRecord[] = [];
    for (const size of sizes) claims.push(...(await journal.append(many(size, () => draft()))));
    const steps: number[] = [];
    while ((await projector.mark()) < journal.head) steps.push((await projector.advance(journal.head, 35)).claims);
    assert.equal(steps, [35, 90, 2]);
    const more = await journal.append(many(3, () => draft()));
    assert.is((await projector.advance(journal.head, 35)).claims, 3);
    await expectStored(store, [...claims, ...more]);
  }));

test('a projection goes from one boot into the next', () =>
  withBench(async ({ directory, store, projector, journal, draft }) => {
    const first = await journal.append(many(10, () => draft()));
    await journal.close();
    const next = await openJournaled(directory, 'b2');
    const second = await next.append(many(10, () => draft()));
    assert.equal(await projectAll(projector, next.head), { claims: 20, conflicts: [], steps: 1 });
    await expectStored(store, [...first, ...second]);
    await next.close();
  }));

test('a claim that is there is left alone; another one in its place is recorded with both', () =>
  withBench(async ({ directory, store, projector, journal, draft }) => {
    const planted = draft();
    await store.claims.insert([planted]);
    const journaled = draft({ userId: planted.userId });
    const [good, lost, twice] = await journal.append([draft(), journaled, { ...journaled, requestId: 'again' }]);
    const { claims, conflicts } = await projector.advance(journal.head, 100);
    assert.is(claims, 3, 'those that could not be stored are not waited for');
    assert.equal(
      conflicts.map(({ journaled, stored }) => ({ journaled, stored })),
      [lost, twice].map((each) => ({ journaled: each, stored: recordOf(planted) })),
    );
    assert.equal(await store.claims.byKey([planted.claimKey]), [recordOf(planted)]);
    assert.equal(await store.claims.list({}, { limit: 10 }), [good, recordOf(planted)].sort(newestFirst as never));
    await store.close();
    const { tables, root } = openEnvironment(join(directory, 'store'));
    assert.equal(
      Array.from(tables.conflicts.getRange({}), ({ value }) => value),
      conflicts,
    );
    await root.close();
  }));

test('a slot that has an owner is a conflict, in the store and in the same step', () =>
  withBench(async ({ store, projector, journal, draft }) => {
    const sold = draft({ eventKey: 'sale' });
    await store.claims.insertStock([sold], 9);
    const of = (slot: number) => ({ ...draft({ eventKey: 'sale' }), slot });
    const [clash, second, fourth, again, third] = await journal.append([of(1), of(2), of(4), of(4), of(3)]);
    const { claims, conflicts } = await projector.advance(journal.head, 100);
    assert.is(claims, 5);
    assert.equal(
      conflicts.map(({ journaled, stored }) => [journaled, stored]),
      [
        [clash, recordOf(sold, 1)],
        [again, fourth],
      ],
    );
    await expectStored(store, [second, fourth, third] as ClaimRecord[]);
    assert.equal(await store.claims.byKey([(clash as ClaimRecord).claimKey]), [null]);
    assert.is(await store.claims.highestSlot('sale', '-'), 4);
  }));

test('a request id that another claim has stays with it, and the claim is put all the same', () =>
  withBench(async ({ store, projector, journal, draft }) => {
    const [first, second] = await journal.append([
      draft({ userId: 'anna', requestId: 'same', eventKey: 'winter' }),
      draft({ userId: 'anna', requestId: 'same', eventKey: 'summer' }),
    ]);
    const [third] = await journal.append([draft({ userId: 'anna', requestId: 'same', eventKey: 'autumn' })]);
    assert.is((await projector.advance(journal.head, 2)).claims, 2);
    assert.is((await projector.advance(journal.head, 2)).claims, 1);
    assert.equal(await store.claims.byKey(['winter/-/anna', 'summer/-/anna', 'autumn/-/anna']), [first, second, third]);
    assert.equal(await store.claims.byRequest([{ userId: 'anna', requestId: 'same' }]), [first]);
    assert.is(await store.archive.remove({ eventKey: 'autumn', period: '-' }, [third as ClaimRecord]), 1);
    assert.equal(await store.claims.byRequest([{ userId: 'anna', requestId: 'same' }]), [first], 'archived or not');
  }));

test('what has moved into runs is found, refuses, and keeps its request id', () =>
  withBench(async ({ store, projector, journal, draft }) => {
    const shared = { userId: 'anna', requestId: 'same' };
    const [first] = await journal.append([draft(shared)]);
    for (let done = 1; done <= FIRST_RUN_ENTRIES; done += 500) await journal.append(many(500, () => draft()));
    while ((await projector.mark()) < journal.head) await projector.advance(journal.head, 2_000);
    assert.is(await projector.tidy(), true);
    while (await projector.tidy());
    const claim = first as ClaimRecord;
    assert.equal(await store.claims.byRequest([shared]), [claim]);
    assert.equal(await store.claims.ofUser('anna', { limit: 10 }), [claim]);
    assert.equal(await store.claims.insert([draft({ userId: 'anna' })]), [{ kind: 'taken', claim }]);
    const other = draft({ ...shared, eventKey: 'winter' });
    assert.equal(await store.claims.insert([other]), [{ kind: 'requestTaken', claim }]);
    const [second, again] = await journal.append([other, { ...claim, requestId: 'again' }]);
    const { conflicts } = await projector.advance(journal.head, 10);
    assert.equal(
      conflicts.map(({ journaled, stored }) => [journaled, stored]),
      [[again, claim]],
    );
    assert.equal(await store.claims.byKey(['winter/-/anna']), [second]);
    assert.equal(await store.claims.byRequest([shared]), [claim], 'the first to have it keeps it');
  }));

test('the main thread writes and reads in between, and everything is there', () =>
  withBench(async ({ store, projector, journal, draft }) => {
    const claims: ClaimRecord[] = [];
    for (let i = 0; i < 10; i++) claims.push(...(await journal.append(many(400, () => draft()))));
    let isOver = false;
    const direct: ClaimRecord[] = [];
    let revision = 1;
    await store.events.create(eventOf());
    const write = async () => {
      while (!isOver) {
        const each = draft({ eventKey: 'direct' });
        assert.equal(await store.claims.insert([each]), [inserted(each)]);
        direct.push(recordOf(each));
        revision++;
        assert.ok(await store.events.replace(eventOf({ revision })));
      }
    };
    const writing = write();
    for (let done = 0; (await projector.mark()) < journal.head; ) {
      done += (await projector.advance(journal.head, 400)).claims;
      await expectStored(store, claims.slice(done - 400, done));
    }
    isOver = true;
    await writing;
    assert.ok(direct.length >= 10, `${direct.length} direct claims`);
    await expectStored(store, [...claims, ...direct]);
  }));

test('a store that closes lets the step at hand finish, and every order of closing is safe', () =>
  withBench(async ({ directory, store, projector, journal, draft }) => {
    const claims = await journal.append(many(500, () => draft()));
    const advancing = projector.advance(journal.head, 500).then(
      ({ mark }) => mark,
      (error: Error) => error.name,
    );
    await Promise.all([store.close(), projector.close()]);
    const outcome = await advancing;
    assert.ok(outcome === journal.head || outcome === 'StoreUnavailable', String(outcome));
    await projector.close();
    assert.is((await rejection(projector.advance(journal.head, 1))).name, 'StoreUnavailable');
    const again = await openLmdbStore({ directory, runtime: realRuntime, nodeId: 'node' });
    const next = await projectorOf(again);
    await projectAll(next, journal.head);
    await expectStored(again, claims);
    await next.close();
    const last = await projectorOf(again);
    const more = await journal.append([draft({ grantedAt: NOON })]);
    assert.is((await last.advance(journal.head, 1)).claims, 1);
    await again.close();
    assert.is(more.length, 1);
  }));

test('a journal that cannot be read moves nothing', () =>
  withBench(async ({ projector, journal, draft }) => {
    await journal.append([draft()]);
    const behind = journal.head + 4_096;
    assert.is((await rejection(projector.advance(behind, 10))).name, 'StoreUnavailable');
    assert.is(await projector.mark(), 0);
    assert.is((await projector.advance(journal.head, 10)).claims, 1);
  }));
