import { assert, suite } from '../../protocol/testing/kit.ts';
import { Coverage } from './coverage.ts';
import { journalBench } from './testing/bench.ts';

const test = suite('coverage');

test('the last point that was passed is the answer, and none before the first is', () => {
  const coverage = new Coverage();
  assert.is(coverage.asOf(10), null);
  for (const [at, head] of [
    [1, 10],
    [2, 10],
    [3, 25],
    [4, 40],
  ] as const) {
    coverage.note({ head, at }, 0);
  }
  assert.equal(
    [9, 10, 24, 25, 39, 40, 99].map((mark) => coverage.asOf(mark)),
    [null, 2, 2, 3, 3, 4, 4],
  );
  coverage.note({ head: 50, at: 5 }, 30);
  assert.equal(
    [30, 40, 50].map((mark) => coverage.asOf(mark)),
    [3, 4, 5],
  );
});

test('a backlog that lasts is remembered in bounded memory, and never told of as later than it is', () => {
  const coverage = new Coverage();
  for (let at = 1; at <= 20_000; at++) coverage.note({ head: at, at }, 0);
  for (const mark of [1, 777, 10_000, 19_999]) {
    const asOf = coverage.asOf(mark) ?? 0;
    assert.ok(asOf <= mark && asOf >= mark - 60, `${mark}: ${asOf}`);
  }
});

test('what is acknowledged and not projected holds the time back, also after a restart', async () => {
  const bench = journalBench({ isDurableAtOnce: true });
  const { time, state } = bench;
  await bench.start();
  await bench.claim('u1', 'r1');
  await bench.journaling.project();
  await time.advance(10_000);
  assert.is(bench.journaling.asOf(), time.wallMs());
  state.projects = false;
  const before = time.wallMs();
  await bench.claim('u2', 'r2');
  await time.advance(5_000);
  const asOf = bench.journaling.asOf() ?? 0;
  assert.ok(asOf <= before && asOf >= before - 250, `${before - asOf} ms before it was granted`);
  const { grantedAt } = bench.claimOf('r2');
  await bench.restart();
  await time.advance(5_000);
  assert.ok((bench.journaling.asOf() ?? Number.POSITIVE_INFINITY) <= grantedAt);
  state.projects = true;
  await time.advance(3_000);
  assert.is(bench.journaling.asOf(), time.wallMs());
});

test('a node that does not write the journal knows no time', async () => {
  const bench = journalBench();
  bench.state.elsewhere = 'elsewhere:1';
  await bench.start();
  assert.is(bench.journaling.asOf(), null);
});
