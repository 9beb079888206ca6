import { assert, rejection, suite } from '../../protocol/testing/kit.ts';
import { eventRecord } from '../shard/testing/bench.ts';
import { journalBench } from './testing/bench.ts';

const test = suite('journaling');

async function ready(options: Parameters<typeof journalBench>[0] = {}) {
  const bench = journalBench(options);
  await bench.start();
  await bench.claim('first', 'warm');
  await bench.time.settle();
  await bench.appended[0]?.settle();
  assert.is(bench.codeOf('warm'), 'GRANTED');
  return bench;
}

test('nothing is answered before its block is durable, and every block before it', async () => {
  const bench = await ready();
  await bench.claim('u1', 'r1');
  await bench.claim('u2', 'r2');
  assert.is(bench.appended.length, 3);
  assert.is(bench.codeOf('r1'), undefined);
  await bench.appended[1]?.settle();
  assert.equal([bench.codeOf('r1'), bench.codeOf('r2')], ['GRANTED', undefined]);
  await bench.appended[2]?.settle();
  assert.is(bench.codeOf('r2'), 'GRANTED');
});

test('whoever asks for a claim that is on its way waits for the same block', async () => {
  const bench = await ready();
  assert.is(await bench.claim('u1', 'r1'), 'FAST');
  assert.is(await bench.claim('u1', 'r2'), 'FAST');
  assert.is(bench.codeOf('r2'), undefined);
  await bench.appended[1]?.settle();
  assert.is(bench.codeOf('r2'), 'ALREADY_CLAIMED');
  assert.is(bench.claimOf('r2').requestId, 'r1');
  assert.is(bench.appended.length, 2, 'the second one is in no block');
});

test('everything decided while two blocks are on their way goes into the next', async () => {
  const bench = await ready();
  for (let i = 1; i <= 50; i++) await bench.claim(`u${i}`, `r${i}`);
  assert.is(bench.appended.length, 3);
  await bench.appended[1]?.settle();
  assert.is(bench.appended[3]?.claims.length, 48);
});

test('a request id is the same claim for ever: on its way, durable, projected, after a restart', async () => {
  const bench = await ready({ isDurableAtOnce: true });
  await bench.claim('u1', 'r1');
  const granted = bench.claimOf('r1');
  async function again(): Promise<void> {
    bench.outcomes.clear();
    await bench.claim('u1', 'r1');
    assert.is(bench.codeOf('r1'), 'REPLAYED');
    assert.equal({ ...bench.claimOf('r1'), attempt: '' }, { ...granted, attempt: '' });
    bench.outcomes.clear();
    await bench.claim('u1', 'r2');
    assert.is(bench.codeOf('r2'), 'ALREADY_CLAIMED');
    bench.events.set('other', eventRecord({ eventKey: 'other', mode: 'journal' }));
    await bench.claim('u1', 'r1', { eventKey: 'other' });
    assert.is(bench.codeOf('r1'), 'KEY_REUSED');
  }
  await again();
  await bench.restart();
  await again();
  await bench.time.advance(2_000);
  assert.ok(
    bench.stored.some(({ requestId }) => requestId === 'r1'),
    'it is projected',
  );
  await again();
  await bench.restart();
  await again();
});

test('a claim of the store is found, and its user is granted nothing', async () => {
  const claimKey = 'summer/-/old';
  const bench = journalBench({
    isDurableAtOnce: true,
    stored: [
      {
        ...{ claimKey, eventKey: 'summer', period: '-', userId: 'old', requestId: 'r-old', grantedAt: 5, rewards: [] },
        ...{ configVersion: 1, slot: null, attempt: 'a.b.1' },
        delivery: { state: 'PENDING', attempts: 0, fulfilledAt: null },
      },
    ],
  });
  await bench.start();
  await bench.claim('old', 'r1');
  await bench.claim('old', 'r-old');
  assert.equal([bench.codeOf('r1'), bench.codeOf('r-old')], ['ALREADY_CLAIMED', 'REPLAYED']);
  await bench.claim('new', 'r2');
  assert.is(bench.codeOf('r2'), 'GRANTED');
  assert.is(bench.log.length, 1);
});

test('slots follow one another, and SOLD_OUT waits for the last unit', async () => {
  const bench = await ready();
  bench.events.set('scarce', eventRecord({ eventKey: 'scarce', mode: 'journal', stock: 2 }));
  await bench.claim('u1', 's1', { eventKey: 'scarce' });
  // The highest slot is asked of the store first.
  await bench.time.advance(20);
  await bench.claim('u2', 's2', { eventKey: 'scarce' });
  await bench.claim('u3', 's3', { eventKey: 'scarce' });
  assert.equal(['s1', 's2', 's3'].map(bench.codeOf), [undefined, undefined, undefined]);
  for (const block of bench.appended.slice(1)) await block.settle();
  assert.equal(['s1', 's2', 's3'].map(bench.codeOf), ['GRANTED', 'GRANTED', 'SOLD_OUT']);
  assert.equal([bench.claimOf('s1').slot, bench.claimOf('s2').slot], [1, 2]);
  await bench.claim('u4', 's4', { eventKey: 'scarce' });
  assert.is(bench.codeOf('s4'), 'SOLD_OUT');
});

test('what was decided by a configuration that has changed is taken back before it is written', async () => {
  const bench = await ready();
  bench.events.set('scarce', eventRecord({ eventKey: 'scarce', mode: 'journal', stock: 5 }));
  await bench.claim('u0', 's0', { eventKey: 'scarce' });
  await bench.time.advance(20);
  await bench.claim('u1', 's1');
  const written = bench.appended.length;
  // Two blocks are on their way, so these wait.
  await bench.claim('u2', 's2', { eventKey: 'scarce' });
  await bench.claim('u3', 's3', { eventKey: 'scarce' });
  const paused = eventRecord({ eventKey: 'scarce', mode: 'journal', stock: 5, state: 'PAUSED', revision: 2 });
  bench.events.set('scarce', paused);
  bench.configs.put(paused, bench.time.monotonicMs());
  for (const block of bench.appended.slice(1)) await block.settle();
  assert.equal([bench.codeOf('s2'), bench.codeOf('s3')], ['BUSY', 'BUSY']);
  assert.is(bench.appended.length, written);
  const live = { ...paused, state: 'LIVE' as const, revision: 3 };
  bench.events.set('scarce', live);
  bench.configs.put(live, bench.time.monotonicMs());
  bench.outcomes.clear();
  await bench.claim('u3', 's3', { eventKey: 'scarce' });
  await bench.appended.at(-1)?.settle();
  assert.is(bench.claimOf('s3').slot, 2, 'the slots that were taken back are given again');
});

test('a node that is fenced answers UNKNOWN for what was sent, grants nothing more and names the writer', async () => {
  const bench = await ready();
  await bench.claim('u1', 'r1');
  await bench.claim('u2', 'r2');
  await bench.claim('u3', 'r3');
  bench.state.elsewhere = '10.0.0.2:7400';
  await bench.appended[1]?.settle('FENCED');
  assert.equal(['r1', 'r2', 'r3'].map(bench.codeOf), ['OUTCOME_UNKNOWN', 'OUTCOME_UNKNOWN', 'BUSY']);
  await bench.time.advance(1_500);
  await bench.claim('u4', 'r4');
  assert.equal(bench.outcomes.get('r4'), { code: 'MOVED', address: '10.0.0.2:7400', mapVersion: 1 });
  bench.state.elsewhere = null;
  await bench.time.advance(1_500);
  await bench.claim('u5', 'r5');
  await bench.appended.at(-1)?.settle();
  assert.is(bench.codeOf('r5'), 'GRANTED');
});

test('at its deadline a claim that may become durable is OUTCOME_UNKNOWN, and is found later', async () => {
  const bench = await ready();
  await bench.claim('u1', 'r1', { deadlineMs: 500 });
  await bench.claim('u1', 'r2', { deadlineMs: 500 });
  await bench.time.advance(600);
  assert.equal([bench.codeOf('r1'), bench.codeOf('r2')], ['OUTCOME_UNKNOWN', 'BUSY']);
  await bench.appended[1]?.settle();
  bench.outcomes.clear();
  await bench.claim('u1', 'r1');
  assert.is(bench.codeOf('r1'), 'REPLAYED');
});

test('a full journal refuses what is new and answers what is known', async () => {
  const bench = await ready({ isDurableAtOnce: true });
  await bench.claim('u1', 'r1');
  bench.state.isFull = true;
  await bench.claim('u1', 'r2');
  await bench.claim('u2', 'r3');
  assert.equal([bench.codeOf('r2'), bench.codeOf('r3')], ['ALREADY_CLAIMED', 'BUSY']);
});

test('what a store that cannot be read would have to say is not guessed', async () => {
  const bench = journalBench({ isDurableAtOnce: true });
  await bench.start();
  bench.state.isStoreFailing = true;
  await bench.claim('u1', 'r1');
  assert.is(bench.codeOf('r1'), 'STORE_UNAVAILABLE');
  bench.state.isStoreFailing = false;
  await bench.time.advance(1_000);
  await bench.claim('u1', 'r2');
  assert.is(bench.codeOf('r2'), 'GRANTED');
});

test('players read what they were granted before it is projected', async () => {
  const bench = await ready({ isDurableAtOnce: true });
  bench.state.projects = false;
  await bench.claim('u1', 'r1');
  const { claims } = bench.journaling;
  assert.equal(
    (await claims.byKey(['summer/-/u1', 'summer/-/u2'])).map((claim) => claim?.requestId),
    ['r1', undefined],
  );
  const [byRequest] = await claims.byRequest([{ userId: 'u1', requestId: 'r1' }]);
  assert.is(byRequest?.claimKey, 'summer/-/u1');
  assert.equal(
    (await claims.ofUser('u1', { limit: 5 })).map(({ requestId }) => requestId),
    ['r1'],
  );
  assert.ok(await claims.hasAny('summer'));
  assert.equal(bench.stored, []);
});

test('a claim of a stretch in direct mode is known when the event is a journal event again', async () => {
  const bench = await ready({ isDurableAtOnce: true });
  await bench.claim('u1', 'r1');
  await bench.time.advance(1_100);
  const [first] = bench.stored;
  if (first === undefined) throw new Error('nothing is projected');
  // Meanwhile, perhaps on another node, in direct mode.
  bench.stored.push({ ...first, claimKey: 'summer/-/u2', userId: 'u2', requestId: 'r2' });
  const again = eventRecord({ mode: 'journal', revision: 5, modeRevision: 5 });
  bench.events.set('summer', again);
  bench.configs.put(again, bench.time.monotonicMs());
  await bench.claim('u2', 'r3');
  await bench.claim('u1', 'r4');
  assert.equal([bench.codeOf('r3'), bench.codeOf('r4')], ['ALREADY_CLAIMED', 'ALREADY_CLAIMED']);
});

test('that is so too when the last claims of the journal were taken back before', async () => {
  const bench = await ready();
  const scarce = eventRecord({ eventKey: 'scarce', mode: 'journal', stock: 5 });
  const put = (event: typeof scarce) => {
    bench.events.set('scarce', event);
    bench.configs.put(event, bench.time.monotonicMs());
  };
  bench.events.set('scarce', scarce);
  await bench.claim('u1', 's1', { eventKey: 'scarce' });
  await bench.time.advance(20);
  await bench.claim('u0', 's0');
  // Two blocks are on their way, so this one waits.
  await bench.claim('u2', 's2', { eventKey: 'scarce' });
  put({ ...scarce, heldUntil: Number.MAX_SAFE_INTEGER, revision: 2 });
  for (const block of [...bench.appended]) await block.settle();
  assert.is(bench.codeOf('s2'), 'BUSY');
  await bench.time.advance(1_100);
  const first = bench.stored.find(({ requestId }) => requestId === 's1');
  if (first === undefined) throw new Error('nothing is projected');
  bench.stored.push({ ...first, claimKey: 'scarce/-/u2', userId: 'u2', requestId: 'd2', slot: 2 });
  put({ ...scarce, revision: 5, modeRevision: 5 });
  const appended = bench.appended.length;
  await bench.claim('u2', 's3', { eventKey: 'scarce' });
  await bench.claim('u3', 's4', { eventKey: 'scarce' });
  await bench.time.advance(20);
  for (const block of bench.appended.slice(appended)) await block.settle();
  assert.is(bench.codeOf('s3'), 'ALREADY_CLAIMED');
  assert.is(bench.claimOf('s4').slot, 3);
});

test('a journal that begins before what the store has taken in is refused', async () => {
  const bench = journalBench();
  bench.state.mark = 1_000_000;
  const error = await rejection(bench.start());
  assert.match(error.message, /begins at 4096/);
});
