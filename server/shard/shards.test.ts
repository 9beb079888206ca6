import { assert, suite } from '../../protocol/testing/kit.ts';
import type { ClaimDraft } from '../store/store.ts';
import { eventRecord, inserted, recordOf, shardBench } from './testing/bench.ts';

const test = suite('shards');

test('nothing is answered before the store has said that it is durable', async () => {
  const bench = shardBench();
  await bench.claim('u1', 'r1');
  assert.is(bench.sent.length, 1);
  assert.is(bench.codeOf('r1'), undefined);
  const draft = bench.draftOf(0);
  await bench.sent[0]?.answer([inserted(draft)]);
  assert.is(bench.codeOf('r1'), 'GRANTED');
  assert.is(bench.shards.length, 0);
});

test('one decision at a time on a lock key: the others wait and get the claim that won', async () => {
  const bench = shardBench();
  for (const request of ['r1', 'r2', 'r3', 'r1']) {
    if (request !== 'r1' || bench.sent.length === 0) await bench.claim('u1', request);
  }
  assert.is(bench.sent.length, 1);
  assert.is(bench.sent[0]?.drafts.length, 1);
  const draft = bench.draftOf(0);
  await bench.sent[0]?.answer([inserted(draft)]);
  assert.is(bench.codeOf('r1'), 'GRANTED');
  for (const loser of ['r2', 'r3']) {
    const outcome = bench.outcomes.get(loser);
    assert.is(outcome?.code, 'ALREADY_CLAIMED');
    assert.is(outcome?.code === 'ALREADY_CLAIMED' && outcome.claim.requestId, 'r1');
  }
  assert.is(bench.sent.length, 1, 'the losers never reached the store');
});

test('without the lock queue every request reaches the store, never two of a key in one commit', async () => {
  const bench = shardBench({ isLocking: false });
  await bench.claim('u1', 'r0');
  await bench.sent[0]?.answer([inserted(bench.draftOf(0))]);
  const first = bench.draftOf(0);
  await Promise.all([bench.claim('u1', 'r1'), bench.claim('u1', 'r2'), bench.claim('u2', 'r3')]);
  for (const { drafts } of bench.sent) {
    assert.is(new Set(drafts.map(({ claimKey }) => claimKey)).size, drafts.length);
  }
  await bench.sent[1]?.answer(bench.sent[1].drafts.map(() => ({ kind: 'taken', claim: recordOf(first) })));
  assert.is(bench.codeOf('r1'), 'ALREADY_CLAIMED');
});

test('everything decided during a commit goes into the next one', async () => {
  const bench = shardBench();
  await bench.claim('u1', 'r1');
  await bench.claim('u2', 'r2');
  for (let i = 3; i < 103; i++) await bench.claim(`u${i}`, `r${i}`);
  assert.is(bench.sent.length, 2, 'two commits in flight at most');
  await bench.sent[0]?.answer(bench.sent[0].drafts.map((draft) => inserted(draft)));
  assert.is(bench.sent.length, 3);
  assert.is(bench.sent[2]?.drafts.length, 100);
});

test('a full commit goes to the store before what the last one has to report', async () => {
  const sentWhenAnswered: number[] = [];
  const bench = shardBench({ onOutcome: () => sentWhenAnswered.push(bench.sent.length) });
  await Promise.all(Array.from({ length: 1_600 }, (_, i) => bench.claim(`u${i}`, `r${i}`)));
  assert.equal(
    bench.sent.map(({ drafts }) => drafts.length),
    [500, 500],
  );
  await bench.sent[0]?.answer(bench.sent[0].drafts.map((draft) => inserted(draft)));
  assert.equal([bench.sent.length, bench.sent[2]?.drafts.length], [3, 500]);
  assert.equal([sentWhenAnswered.length, sentWhenAnswered[0]], [500, 3]);
  await bench.sent[1]?.answer(bench.sent[1].drafts.map((draft) => inserted(draft)));
  assert.equal([bench.sent.length, bench.sent[3]?.drafts.length], [4, 100]);
});

test('a request whose twin is still at work is IN_PROGRESS at its deadline, another request BUSY', async () => {
  const bench = shardBench();
  await bench.claim('u1', 'r1', { deadlineMs: 20_000 });
  const twin: string[] = [];
  bench.shards.submit({
    eventKey: 'summer',
    userId: 'u1',
    requestId: 'r1',
    isRequestIdFresh: false,
    deadlineAt: bench.time.monotonicMs() + 1_000,
    settle: (outcome) => twin.push(outcome.code),
  });
  await bench.claim('u1', 'r2', { deadlineMs: 1_000 });
  await bench.time.advance(1_100);
  assert.equal(twin, ['IN_PROGRESS']);
  assert.is(bench.codeOf('r2'), 'BUSY');
  assert.is(bench.codeOf('r1'), undefined);
});

test('an unknown outcome is settled by sending the same draft again', async () => {
  const bench = shardBench();
  await bench.claim('u1', 'r1');
  const draft = bench.draftOf(0);
  await bench.sent[0]?.answer([{ kind: 'unknown' }]);
  await bench.time.advance(1_000);
  assert.is(bench.sent.length, 2);
  assert.is(bench.sent[1]?.drafts[0], draft, 'the same document, the same attempt');
  await bench.sent[1]?.answer([inserted(draft)]);
  assert.is(bench.codeOf('r1'), 'GRANTED');
});

test('what was unknown stays unknown when the store then cannot be reached, and whoever waited shares the fate', async () => {
  const bench = shardBench();
  await bench.claim('u1', 'r1', { deadlineMs: 2_000 });
  await bench.claim('u1', 'r2', { deadlineMs: 4_000 });
  await bench.sent[0]?.answer([{ kind: 'unknown' }]);
  for (let answered = 1; bench.codeOf('r2') === undefined; ) {
    await bench.time.advance(100);
    while (answered < bench.sent.length) await bench.sent[answered++]?.answer([{ kind: 'unavailable' }]);
  }
  assert.is(bench.codeOf('r1'), 'OUTCOME_UNKNOWN');
  assert.is(bench.codeOf('r2'), 'OUTCOME_UNKNOWN');
  assert.is(bench.shards.length, 0);
});

test('a draft is not sent again once its event would no longer grant it', async () => {
  const bench = shardBench();
  await bench.claim('u1', 'r1');
  await bench.sent[0]?.answer([{ kind: 'unknown' }]);
  bench.configs.put(eventRecord({ state: 'PAUSED', revision: 2 }), bench.time.monotonicMs());
  await bench.time.advance(1_000);
  assert.is(bench.codeOf('r1'), 'OUTCOME_UNKNOWN');
  assert.is(bench.sent.length, 1);
});

test('a direct draft is not sent, first or again, once its event commits otherwise or keeps its claims elsewhere', async () => {
  const changes = [
    { mode: 'journal', modeRevision: 2 },
    // There and back: the journal may have granted it in between.
    { mode: 'direct', modeRevision: 3 },
    { splitBy: 'event' },
    { period: 'daily' },
    { resetHour: 4 },
    { stock: 5 },
  ] as const;
  for (const change of changes) {
    const bench = shardBench();
    await bench.claim('u1', 'r1');
    assert.ok(bench.sent[0]?.mayWrite());
    bench.configs.put(eventRecord({ ...change, revision: 4 }), bench.time.monotonicMs());
    assert.not(bench.sent[0]?.mayWrite(), JSON.stringify(change));
    await bench.sent[0]?.answer([{ kind: 'unknown' }]);
    await bench.time.advance(1_000);
    assert.equal([bench.codeOf('r1'), bench.sent.length], ['OUTCOME_UNKNOWN', 1], JSON.stringify(change));
  }
  const bench = shardBench();
  await bench.claim('u1', 'r1');
  bench.configs.put(eventRecord({ title: 'other', configVersion: 2, revision: 4 }), bench.time.monotonicMs());
  assert.ok(bench.sent[0]?.mayWrite(), 'what grants it as before');
});

test('without locks a commit takes the first of each claim key, and the others go with the next ones', async () => {
  const bench = shardBench({ isLocking: false });
  for (const [userId, requestId] of ['u1 r1', 'u1 r2', 'u2 r3', 'u1 r4', 'u2 r5', 'u3 r6'].map((ask) =>
    ask.split(' '),
  )) {
    void bench.claim(userId as string, requestId as string);
  }
  await bench.time.settle();
  const ids = () => bench.sent.map(({ drafts }) => drafts.map(({ requestId }) => requestId));
  assert.equal(ids(), [
    ['r1', 'r3', 'r6'],
    ['r2', 'r5'],
  ]);
  await bench.sent[0]?.answer(bench.sent[0].drafts.map((draft) => inserted(draft)));
  assert.equal(ids()[2], ['r4']);
});

test('a node that was frozen decides nothing by what it knew before', async () => {
  const bench = shardBench();
  await bench.claim('u0', 'r0');
  await bench.claim('u00', 'r00');
  await bench.claim('u1', 'r1');
  assert.is(bench.sent.length, 2, 'r1 waits for the next commit');
  bench.events.set('summer', eventRecord({ state: 'PAUSED', revision: 2 }));
  bench.state.isEventReadFailing = true;
  await bench.time.advance(1_000);
  bench.state.isEventReadFailing = false;
  await bench.sent[0]?.answer(bench.sent[0].drafts.map((draft) => inserted(draft)));
  await bench.time.advance(1);
  assert.is(bench.codeOf('r1'), 'PAUSED');
  await bench.claim('u2', 'r2');
  assert.is(bench.codeOf('r2'), 'PAUSED');
  assert.is(bench.sent.length, 2);
});

test('a claim that waited for its commit while the event was paused is not granted', async () => {
  const bench = shardBench();
  for (const user of ['u0', 'u00', 'u1']) await bench.claim(user, user);
  bench.configs.put(eventRecord({ state: 'PAUSED', revision: 2 }), bench.time.monotonicMs());
  await bench.sent[0]?.answer(bench.sent[0].drafts.map((draft) => inserted(draft)));
  await bench.time.advance(1);
  assert.is(bench.codeOf('u1'), 'PAUSED');
});

test('a full shard answers BUSY at once and is not made longer', async () => {
  const bench = shardBench({ queueLengthMax: 3, shardCount: 1 });
  for (let i = 0; i < 5; i++) await bench.claim(`u${i}`, `r${i}`);
  assert.equal(['r0', 'r3', 'r4'].map(bench.codeOf), [undefined, 'BUSY', 'BUSY']);
  assert.is(bench.shards.length, 3);
});

test('stock goes out in the order of arrival, one commit in flight, and sold out is remembered', async () => {
  const bench = shardBench();
  bench.events.set('summer', eventRecord({ stock: 2 }));
  for (let i = 0; i < 4; i++) await bench.claim(`u${i}`, `r${i}`);
  assert.is(bench.sent.length, 1);
  assert.is(bench.sent[0]?.stock, 2);
  await bench.sent[0]?.answer([inserted(bench.draftOf(0), 1)]);
  const drafts = bench.sent[1]?.drafts as ClaimDraft[];
  assert.equal(
    drafts.map(({ userId }) => userId),
    ['u1', 'u2', 'u3'],
  );
  await bench.sent[1]?.answer([inserted(drafts[0] as ClaimDraft, 2), { kind: 'soldOut' }, { kind: 'soldOut' }]);
  assert.equal(['r0', 'r1', 'r2', 'r3'].map(bench.codeOf), ['GRANTED', 'GRANTED', 'SOLD_OUT', 'SOLD_OUT']);
  await bench.claim('u4', 'r4');
  assert.is(bench.codeOf('r4'), 'SOLD_OUT');
  assert.is(bench.sent.length, 2, 'the store was not asked to insert again');
  bench.configs.put(eventRecord({ stock: 3, revision: 2 }), bench.time.monotonicMs());
  await bench.claim('u5', 'r5');
  assert.is(bench.sent.length, 3, 'a raised stock is sold');
});

test('a node that was frozen in the middle of a sale may not go on with it', async () => {
  const bench = shardBench();
  bench.events.set('summer', eventRecord({ stock: 2 }));
  await bench.claim('u1', 'r1');
  const [commit] = bench.sent;
  assert.is(commit?.mayWrite?.(), true);
  bench.state.isEventReadFailing = true;
  await bench.time.advance(800);
  assert.is(commit?.mayWrite?.(), false, 'its configuration has grown old');
  bench.state.isEventReadFailing = false;
  bench.events.set('summer', eventRecord({ stock: 2, state: 'PAUSED', revision: 2 }));
  await bench.time.advance(200);
  assert.is(commit?.mayWrite?.(), false, 'the event was paused meanwhile');
  await commit?.answer([{ kind: 'withheld' }]);
  assert.is(bench.codeOf('r1'), 'PAUSED', 'it is decided anew');
});

test('what was withheld after it had been sent once stays unknown until it is settled', async () => {
  const bench = shardBench();
  await bench.claim('u1', 'r1', { deadlineMs: 2_000 });
  const draft = bench.draftOf(0);
  await bench.sent[0]?.answer([{ kind: 'unknown' }]);
  await bench.time.advance(500);
  await bench.sent[1]?.answer([{ kind: 'withheld' }]);
  assert.is(bench.codeOf('r1'), undefined);
  await bench.time.advance(500);
  assert.is(bench.sent[2]?.drafts[0], draft);
  await bench.sent[2]?.answer([inserted(draft)]);
  assert.is(bench.codeOf('r1'), 'GRANTED');
});

test('a refusal is given only after the store has said that the request id was never granted', async () => {
  const bench = shardBench();
  await bench.claim('u1', 'r1');
  const draft = bench.draftOf(0);
  const other = shardBench();
  other.stored.push(recordOf(draft));
  other.events.set('summer', eventRecord({ state: 'ENDED' }));
  await other.claim('u1', 'r1');
  await other.claim('u1', 'r2');
  await other.claim('u2', 'r3');
  assert.equal(['r1', 'r2', 'r3'].map(other.codeOf), ['REPLAYED', 'ALREADY_CLAIMED', 'ENDED']);
  other.state.isLookupFailing = true;
  await other.claim('u3', 'r4');
  assert.is(other.codeOf('r4'), 'STORE_UNAVAILABLE');
});

test('a thousand requests behind one key are answered without a deep stack', async () => {
  const bench = shardBench({ queueLengthMax: 20_000 });
  for (let i = 0; i < 10_000; i++) {
    bench.shards.submit({
      eventKey: 'summer',
      userId: 'u1',
      requestId: `r${i}`,
      isRequestIdFresh: false,
      deadlineAt: 1e9,
      settle: (outcome) => bench.outcomes.set(`r${i}`, outcome),
    });
  }
  await bench.time.settle();
  await bench.sent[0]?.answer([inserted(bench.draftOf(0))]);
  assert.is([...bench.outcomes.values()].filter(({ code }) => code === 'ALREADY_CLAIMED').length, 9_999);
});
