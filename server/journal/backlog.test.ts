import { assert, suite } from '../../protocol/testing/kit.ts';
import { journalBench } from './testing/bench.ts';

const test = suite('backlog');

test('a conflict is told once, however often a step of the projection meets it', async () => {
  const bench = journalBench({ isDurableAtOnce: true });
  await bench.start();
  await bench.claim('u1', 'r1');
  const [journaled] = bench.appended[0]?.claims ?? [];
  if (journaled === undefined) throw new Error('nothing was granted');
  bench.state.conflicts = [{ journaled, stored: { ...journaled, attempt: 'other.boot.1' }, at: 1 }];
  for (const user of ['u2', 'u3', 'u4']) {
    await bench.claim(user, user);
    await bench.journaling.project();
  }
  assert.is(bench.journaling.conflictCount, 1);
});

test('what is projected to the end is a backlog of nothing, whatever the steps have counted', async () => {
  const bench = journalBench({ isDurableAtOnce: true });
  await bench.start();
  bench.state.isMiscounting = true;
  bench.state.projects = false;
  for (const user of ['u1', 'u2']) await bench.claim(user, user);
  assert.is(bench.journaling.figures().backlogClaims, 2);
  bench.state.projects = true;
  await bench.time.advance(3_000);
  assert.is(bench.journaling.figures().backlogClaims, 0);
  await bench.claim('u3', 'u3');
  assert.is(bench.journaling.figures().backlogClaims, 1);
});
