import { assert, suite } from '../../protocol/testing/kit.ts';
import { voidReasonOf } from '../cases/case.ts';
import { commandOf } from '../options.ts';
import { Figures, type Measurement, spreadOf } from './figures.ts';
import { tableOf } from './table.ts';

const test = suite('figures of the bench');
const NAMES = { daily: ['single'], all: ['single', 'growth'] };

function measured(perS: number, voidReason: string | null = null): Measurement {
  const latencyMs = { p50: 1, p99: 12.3, p999: 20, max: 30 };
  const cpu = { generatorCpu: 0.5, systemCpu: 1, systemUsPerAnswer: 10 };
  const bounds = { anonymousMiB: 64, ceilingPerS: 1_000 };
  return { sent: 10, outcomes: { GRANTED: 10 }, perS, windowMs: 1_000, latencyMs, ...cpu, ...bounds, voidReason };
}

test('a ratio compares each round with its own counterpart', () => {
  const figures = new Figures('case');
  for (const [ours, theirs] of [
    [100, 100],
    [60, 100],
    [20, 10],
  ] as const) {
    figures.add('ours', measured(ours));
    figures.add('theirs', measured(theirs));
  }
  figures.compare('ours', 'theirs', 0.8);
  assert.equal(figures.ratios[0]?.rounds, [1, 0.6, 2]);
  assert.equal(figures.ratios[0]?.spread, { median: 1, min: 0.6, max: 2 });
  assert.match(tableOf(figures.toJSON()), /ours ÷ theirs = 1\.00 \(0\.60…2\.00\), goal ≥ 0\.80: ok/);
});

test('the median of an even number lies between the middle two', () => {
  assert.equal(spreadOf([4, 1, 3, 2]), { median: 2.5, min: 1, max: 4 });
});

test('a void run is called so and shows no rate', () => {
  const figures = new Figures('case');
  figures.add('ours', measured(100));
  figures.add('ours', measured(100, '10 sent, 9 GRANTED'));
  assert.equal(figures.voids, ['case, ours: 10 sent, 9 GRANTED']);
  figures.add('theirs', measured(50));
  figures.compare('ours', 'theirs', 0.8);
  assert.equal(figures.ratios[0]?.rounds, [2]);
  figures.compare('ours', 'nobody', 0.8);
  assert.match(tableOf(figures.toJSON()), /ours +VOID/);
  assert.match(tableOf(figures.toJSON()), /ours ÷ nobody = not measured, goal ≥ 0\.80$/m);
});

test('granted must be sent', () => {
  const result = { perS: 1, windowMs: 1, latencyMs: { p50: 1, p99: 1, p999: 1, max: 1 }, generatorCpu: 0 };
  assert.is(voidReasonOf({ ...result, sent: 3, outcomes: { GRANTED: 3 } }, 'GRANTED'), null);
  assert.match(
    voidReasonOf({ ...result, sent: 3, outcomes: { GRANTED: 2, BUSY: 1 } }, 'GRANTED') ?? '',
    /3 sent, 2 GRANTED/,
  );
  assert.ok(voidReasonOf({ ...result, sent: 0, outcomes: {} }, 'GRANTED') !== null);
});

test('flags that make no sense are refused by name', () => {
  for (const argv of [
    ['--cases', 'nothing'],
    ['--rounds', '0'],
    ['--pin', 'maybe'],
    ['--server', 'a:1'],
  ]) {
    assert.throws(
      () => commandOf(argv, NAMES),
      (error: Error) => error.message.startsWith(argv[0] ?? '-'),
    );
  }
  assert.equal(commandOf(['--help'], NAMES), { kind: 'help' });
  assert.throws(() => commandOf(['everything'], NAMES), /no command everything/);
  assert.throws(() => commandOf(['page'], NAMES), /files/);
});

test('the suite is all cases, and quick is quick', () => {
  const options = (...argv: string[]) => {
    const command = commandOf(argv, NAMES);
    return command.kind === 'run' ? command.options : null;
  };
  assert.is(options()?.command, 'npm run bench');
  assert.is(options('suite', '--rounds', '5', '--page', '--dir', '/d')?.command, 'npm run bench -- suite --rounds 5');
  assert.equal(options()?.cases, ['single']);
  assert.equal(options('suite')?.cases, ['single', 'growth']);
  assert.equal([options('suite')?.sustainedMs, options('suite')?.rounds], [60_000, 3]);
  assert.equal([options('suite', '--quick')?.rounds, options('suite', '--quick')?.cases.length], [1, 2]);
  assert.is(options('--cases', 'growth', '--page')?.page, 'write');
});
