/** Claims of events that have a list of users: who is let in, and for how long what is known of them counts. */
import { assert, suite } from '../../protocol/testing/kit.ts';
import { eventRecord, inserted, shardBench } from './testing/bench.ts';

const test = suite('listed events');
const LISTED = eventRecord({ eligibility: { kind: 'listed' } });

function listedBench(options: Parameters<typeof shardBench>[0] = {}) {
  const bench = shardBench(options);
  bench.events.set('summer', LISTED);
  return bench;
}

test('whom memory lets in is looked up nowhere, whom it refuses is told why', async () => {
  const bench = listedBench({ eligibility: { isQualified: (_, userId) => userId === 'anna' } });
  await bench.claim('anna', 'r1');
  assert.is(bench.sent.length, 1);
  assert.equal(bench.asked, { byKey: [], byRequest: [] });
  await bench.sent[0]?.answer([inserted(bench.draftOf(0))]);
  assert.is(bench.codeOf('r1'), 'GRANTED');
  await bench.claim('ben', 'r2');
  assert.equal(bench.outcomes.get('r2'), { code: 'NOT_ELIGIBLE', reasons: ['NOT_LISTED'] });
  assert.is(bench.asked.byKey.length, 1, 'a refusal is only true of who has no claim');
});

test('where memory says nothing the store is asked', async () => {
  const bench = listedBench();
  bench.listed.add('anna');
  await bench.claim('anna', 'r1');
  await bench.sent[0]?.answer([inserted(bench.draftOf(0))]);
  assert.is(bench.codeOf('r1'), 'GRANTED');
  await bench.claim('ben', 'r2');
  assert.is(bench.codeOf('r2'), 'NOT_ELIGIBLE');
  assert.is(bench.sent.length, 1);
});

test('who leaves the list while a claim waits for its commit is granted nothing', async () => {
  for (const isInMemory of [true, false]) {
    const listed = new Set(['anna']);
    const bench = listedBench({
      eligibility: { isQualified: (_, userId) => (isInMemory ? listed.has(userId) : undefined) },
    });
    bench.events.set('busy', eventRecord({ eventKey: 'busy' }));
    bench.listed.add('anna');
    // Two commits are under way, so that the claim has to wait.
    await bench.claim('u1', 'b1', { eventKey: 'busy' });
    await bench.claim('u2', 'b2', { eventKey: 'busy' });
    await bench.claim('anna', 'r1');
    assert.is(bench.sent.length, 2, `in memory: ${isInMemory}`);
    bench.listed.delete('anna');
    listed.delete('anna');
    await bench.time.advance(2_500);
    await bench.sent[0]?.answer([inserted(bench.draftOf(0))]);
    await bench.time.advance(100);
    assert.is(bench.codeOf('r1'), 'NOT_ELIGIBLE', `in memory: ${isInMemory}`);
  }
});

test('the last look before the write is at the list as well, and a draft is not sent again for who has left it', async () => {
  const listed = new Set(['anna']);
  const bench = listedBench({ eligibility: { isQualified: (_, userId) => listed.has(userId) } });
  await bench.claim('anna', 'r1');
  assert.ok(bench.sent[0]?.mayWrite());
  listed.delete('anna');
  assert.not(bench.sent[0]?.mayWrite());
  await bench.sent[0]?.answer([{ kind: 'unknown' }]);
  await bench.time.advance(1_000);
  assert.is(bench.codeOf('r1'), 'OUTCOME_UNKNOWN', 'the first one may have been stored');
  assert.is(bench.sent.length, 1);
});
