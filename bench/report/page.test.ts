import { assert, suite } from '../../protocol/testing/kit.ts';
import { Figures, UNOBSERVED } from './figures.ts';
import type { Machine } from './machine.ts';
import { pageOf } from './page.ts';
import { merged, type Results } from './results.ts';

const test = suite('page of figures');

const machine: Machine = {
  cpu: 'Some CPU',
  cores: 2,
  memoryGiB: 24,
  system: 'linux 6',
  pinned: null,
  loadBefore: 0,
  versions: { claimd: '0.1.0', node: '20.20.2' },
  missing: ['tarantool is not on this machine: apt-get install tarantool'],
  warnings: [],
};

function results(ourPerS: number): Results {
  const figures = new Figures('single');
  const round = {
    ...UNOBSERVED,
    sent: 10,
    outcomes: { GRANTED: 10 },
    windowMs: 1_000,
    latencyMs: null,
    voidReason: null,
  };
  figures.add('claimd', { ...round, perS: ourPerS, anonymousMiB: 638 });
  figures.add('redis', { ...round, perS: 200 });
  figures.compare('claimd', 'redis', 1.5);
  figures.value('claimd, p99', 4.3, { unit: 'ms', goal: { atMost: 10 } });
  figures.value('claims at the end', 34, { unit: 'million' });
  const report = { figures: figures.toJSON(), skipped: null, failed: null };
  const missing = { figures: new Figures('mongo').toJSON(), skipped: 'no mongod here', failed: null };
  return {
    takenAt: '2026-11-22T20:00:00.000Z',
    commands: ['npm run bench -- suite'],
    machine,
    reports: [report, missing],
  };
}

const TITLES = { single: 'Single claims', mongo: 'MongoDB' };

test('goals stand beside their figures, and what is missing is named', () => {
  const page = pageOf(results(400), TITLES);
  assert.match(page, /\| Single claims: claimd ÷ redis +\| +2\.00 \| +≥ 1\.50 \| +ok \|/);
  assert.match(page, /\| Single claims: claimd, p99 +\| +4\.30 ms \| +≤ 10\.0 ms \| +ok \|/);
  assert.match(page, /\| MongoDB +\| not measured \| +– \| no mongod here \|/);
  assert.match(page, /\| claimd +\| +400 \| +400…400 \| +638 \|/);
  assert.match(page, /- tarantool is not on this machine: apt-get install tarantool/);
  assert.match(page, /\| claims at the end +\| 34\.0 million \| +– \| +– \|/);
});

test('a goal that is missed is called short', () => {
  assert.match(pageOf(results(250), TITLES), /claimd ÷ redis +\| +1\.25 \| +≥ 1\.50 \| +short \|/);
});

test('later results take the place of earlier ones', () => {
  const later = results(500);
  const both = merged([results(300), { ...later, reports: later.reports.slice(0, 1) }]);
  assert.equal(
    both.reports.map(({ figures }) => [figures.name, figures.ratios[0]?.spread.median]),
    [
      ['single', 2.5],
      ['mongo', undefined],
    ],
  );
});
