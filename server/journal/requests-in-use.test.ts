import { assert, suite } from '../../protocol/testing/kit.ts';
import { eventRecord } from '../shard/testing/bench.ts';
import { Ask } from './ask.ts';
import { RequestsInUse } from './requests-in-use.ts';
import { journalBench } from './testing/bench.ts';

const test = suite('requests in use');

/** A journal event, `summer`, and a direct one, `quiet`, whose inserts are answered by hand. */
async function twoModes() {
  const bench = journalBench({ isDurableAtOnce: true });
  bench.events.set('quiet', eventRecord({ eventKey: 'quiet' }));
  await bench.start();
  await bench.claim('first', 'warm');
  const codes: Record<string, string[]> = {};
  const ask = (eventKey: string, userId: string, requestId: string) =>
    bench.ask({ userId, requestId, eventKey }, ({ code }) => {
      codes[eventKey] = [...(codes[eventKey] ?? []), code];
    });
  return { ...bench, asked: ask, codes };
}

test('a request id whose direct claim is on its way to the store is claimed with in the journal only after it', async () => {
  const { asked, codes, inserts, appended } = await twoModes();
  const blocks = appended.length;
  await asked('quiet', 'u', 'r');
  assert.is(inserts.length, 1);
  assert.is(await asked('summer', 'u', 'r'), 'GENERAL');
  assert.is(await asked('summer', 'v', 'r'), 'FAST', 'another user’s request id');
  assert.equal(codes, { summer: ['GRANTED'] });
  await inserts[0]?.answer('inserted');
  assert.equal(codes, { quiet: ['GRANTED'], summer: ['GRANTED', 'KEY_REUSED'] });
  assert.is(appended.length, blocks + 1);
});

test('one that the journal is looking up is claimed with directly only after it', async () => {
  const { asked, codes, inserts, events, listed, time, state } = await twoModes();
  // Who is not known to be on its list is looked up.
  events.set('summer', eventRecord({ mode: 'journal', eligibility: { kind: 'listed' }, revision: 2 }));
  listed.add('u');
  await time.advance(1_000);
  let answer = () => {};
  state.held = new Promise((resolve) => {
    answer = resolve;
  });
  const both = [asked('summer', 'u', 'r'), asked('quiet', 'u', 'r')];
  assert.equal(await Promise.all(both), ['GENERAL', 'GENERAL']);
  assert.is(inserts.length, 0, 'else the look-up would be out of date');
  answer();
  state.held = null;
  await time.settle();
  assert.equal(codes, { summer: ['GRANTED'], quiet: ['KEY_REUSED'] });
  assert.is(inserts.length, 0);
});

test('a direct claim that may be stored is looked up by whoever uses its request id next', async () => {
  const { asked, codes, inserts, time, stored } = await twoModes();
  await asked('quiet', 'u', 'r');
  const [sent] = inserts;
  await sent?.answer('unknown');
  stored.push(...(sent?.drafts ?? []).map((draft) => ({ ...draft, slot: null })));
  // It is sent again until its deadline.
  await time.advance(10_000);
  await inserts[1]?.answer('unknown');
  await time.advance(1_000);
  assert.equal(codes, { quiet: ['OUTCOME_UNKNOWN'] });
  assert.is(await asked('summer', 'u', 'r'), 'GENERAL');
  assert.equal(codes.summer, ['KEY_REUSED']);
});

test('bytes and text name the same pair, each waits for its turn, and what is left is free', () => {
  const requests = new RequestsInUse({ high: 1, low: 2 });
  const ask = new Ask();
  const has = (userId: string, requestId: string) => requests.has(ask.write(userId, requestId));
  const pair = requests.pairOf({ userId: 'u', requestId: 'r' });
  const begun: string[] = [];
  const enter = (name: string) => requests.enter(pair, () => begun.push(name));
  assert.equal([has('u', 'r'), enter('a'), enter('b'), enter('c')], [false, true, false, false]);
  assert.equal([has('u', 'r'), has('u', 's'), has('ur', '')], [true, false, false]);
  for (const expected of [['b'], ['b', 'c'], ['b', 'c']]) {
    assert.ok(has('u', 'r'));
    requests.leave(pair);
    assert.equal(begun, expected);
  }
  assert.not(has('u', 'r'));
  assert.ok(enter('d'));
});

test('a claim of a batch is told by its own request id, however fresh the batch', () => {
  const requests = new RequestsInUse({ high: 1, low: 2 });
  requests.enter(requests.pairOf({ userId: 'ann', requestId: 'b.2' }), () => {});
  const ask = new Ask();
  const bytes = Buffer.concat([Buffer.of(0xa3), Buffer.from('ann', 'latin1')]);
  ask.beginBatch(bytes, 'b');
  ask.isBatchFresh = true;
  const inUse = [0, 1, 2, 12].filter((number) => {
    ask.nextOfBatch(0, bytes.length, number);
    return requests.has(ask);
  });
  assert.equal(inUse, [2]);
});
