/** What a watcher of a long command sees. */
import { assert, suite } from '../protocol/testing/kit.ts';
import { Progress } from './progress.ts';

const test = suite('progress');

function watched({ isTerminal = true, columns = 200 } = {}) {
  let now = 5_000;
  const written: string[] = [];
  const progress = new Progress({
    runtime: { monotonicMs: () => now },
    sink: { isTerminal, columns: () => columns, write: (text) => void written.push(text) },
    ...{ label: 'qualify vip', unit: 'rows' },
  });
  return {
    written,
    progress,
    pass(ms: number) {
      now += ms;
    },
  };
}

test('on a terminal: a bar, the rate and the time left, drawn over themselves', () => {
  const { progress, written, pass } = watched();
  progress.show({ done: 0, total: 10_000, items: 0 });
  for (let second = 1; second <= 20; second++) {
    pass(1_000);
    progress.show({ done: second * 100, total: 10_000, items: second * 1_500 });
  }
  assert.is(written[0], '\r\u001b[2Kqualify vip  [------------------------] 0 %  0 rows  0/s');
  assert.is(
    written.at(-1),
    '\r\u001b[2Kqualify vip  [####--------------------] 20 %  30,000 rows  1,500/s  1 min 20 s left',
  );
  pass(10);
  progress.end({ done: 10_000, total: 10_000, items: 31_000 });
  assert.match(written.at(-2) ?? '', /\[#{24}\] 100 % {2}31,000 rows .* 0 s left$/);
  assert.is(written.at(-1), '\n');
});

test('lines are not drawn more often than can be read, and never wrap', () => {
  const { progress, written, pass } = watched({ columns: 40 });
  for (let i = 0; i < 100; i++) {
    progress.show({ done: i, total: 100, items: i });
    pass(10);
  }
  assert.is(written.length, 10);
  for (const line of written) assert.ok(line.length - '\r\u001b[2K'.length < 40, line);
});

test('elsewhere: a JSON line each second and one at the end', () => {
  const { progress, written, pass } = watched({ isTerminal: false });
  for (let i = 0; i <= 30; i++) {
    progress.show({ done: i * 10, total: 600, items: i });
    pass(100);
  }
  progress.end({ done: 600, total: 600, items: 60 });
  const lines = written.map((line) => JSON.parse(line));
  assert.is(lines.length, 5);
  assert.equal(lines[1], { progress: 'qualify vip', done: 100, total: 600, rows: 10, perSecond: 10, leftMs: 5_000 });
  assert.equal([lines[4].done, lines[4].rows, lines[4].leftMs], [600, 60, 0]);
  assert.ok(written.every((line) => line.endsWith('}\n')));
});

test('what an earlier run has done is not in the rate, and where the total is not known no time is told', () => {
  const { progress, written, pass } = watched({ isTerminal: false });
  progress.show({ done: 1_000_000, total: 2_000_000, items: 50_000 });
  pass(1_000);
  progress.show({ done: 1_001_000, total: 2_000_000, items: 50_050 });
  assert.equal([JSON.parse(written[1] ?? '').perSecond, JSON.parse(written[1] ?? '').leftMs], [50, 999_000]);
  pass(1_000);
  progress.end({ done: 1_002_000, total: null, items: 50_100 });
  assert.is(JSON.parse(written[2] ?? '').leftMs, null);
});

test('a rate follows what happens now', () => {
  const { progress, written, pass } = watched({ isTerminal: false });
  let done = 0;
  for (let second = 0; second < 60; second++) {
    progress.show({ done, total: null, items: done });
    pass(1_000);
    done += second < 30 ? 1_000 : 10;
  }
  assert.is(JSON.parse(written[29] ?? '').perSecond, 1_000);
  assert.ok(JSON.parse(written[59] ?? '').perSecond < 20);
});
