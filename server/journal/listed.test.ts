/** Claims of journal events that have a list of users. */
import { assert, suite } from '../../protocol/testing/kit.ts';
import { eventRecord } from '../shard/testing/bench.ts';
import { journalBench } from './testing/bench.ts';

const test = suite('journaling of listed events');
const LISTED = eventRecord({ eventKey: 'vip', mode: 'journal', eligibility: { kind: 'listed' } });

async function vipBench() {
  const bench = journalBench({ isDurableAtOnce: true });
  bench.events.set('vip', LISTED);
  bench.listed.add('warm').add('anna');
  await bench.start();
  await bench.claim('warm', 'warm', { eventKey: 'vip' });
  await bench.time.settle();
  assert.is(bench.codeOf('warm'), 'GRANTED');
  return bench;
}

test('what memory knows of the list is decided at once', async () => {
  const bench = await vipBench();
  bench.state.isListed = true;
  assert.is(await bench.claim('u1', 'r1', { eventKey: 'vip' }), 'FAST');
  assert.is(bench.codeOf('r1'), 'GRANTED');
  bench.state.isListed = false;
  assert.is(await bench.claim('u2', 'r2', { eventKey: 'vip' }), 'FAST');
  assert.equal(bench.outcomes.get('r2'), { code: 'NOT_ELIGIBLE', reasons: ['NOT_LISTED'] });
  assert.is(await bench.claim('u1', 'r3', { eventKey: 'vip' }), 'FAST');
  assert.is(bench.codeOf('r3'), 'ALREADY_CLAIMED', 'who was granted it keeps it');
  assert.is(await bench.claim('u1', 'r1again', { eventKey: 'vip' }), 'FAST');
  bench.events.set('vip', { ...LISTED, state: 'PAUSED', revision: 2 });
  await bench.time.advance(1_000);
  await bench.claim('u2', 'r4', { eventKey: 'vip' });
  assert.is(bench.codeOf('r4'), 'PAUSED', 'the window comes before the list');
});

test('what memory does not know of the list is looked up', async () => {
  const bench = await vipBench();
  assert.is(await bench.claim('anna', 'r1', { eventKey: 'vip' }), 'GENERAL');
  await bench.time.settle();
  assert.is(bench.codeOf('r1'), 'GRANTED');
  assert.is(await bench.claim('ben', 'r2', { eventKey: 'vip' }), 'GENERAL');
  await bench.time.settle();
  assert.is(bench.codeOf('r2'), 'NOT_ELIGIBLE');
});

test('an event that gets a list while a block waits takes back what was decided without it', async () => {
  const bench = journalBench();
  bench.events.set('vip', { ...LISTED, eligibility: { kind: 'everyone' } });
  await bench.start();
  for (let n = 0; n < 3; n++) await bench.claim(`u${n}`, `r${n}`, { eventKey: 'vip' });
  await bench.time.settle();
  await bench.claim('late', 'late', { eventKey: 'vip' });
  const changed = { ...LISTED, revision: 2 };
  bench.events.set('vip', changed);
  bench.configs.put(changed, bench.time.monotonicMs());
  for (const { settle } of bench.appended.slice(0, 2)) await settle();
  await bench.time.settle();
  const inBlocks = bench.appended.flatMap(({ claims }) => claims.map(({ userId }) => userId));
  assert.not(inBlocks.includes('late'), inBlocks.join());
  assert.not(bench.codeOf('late') === 'GRANTED');
});
