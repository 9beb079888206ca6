/** The index of users under everything that may happen to it, compared with a plain map. */
import { assert, suite } from '../../../protocol/testing/kit.ts';
import { chanceOf } from '../../../protocol/testing/random.ts';
import { realRuntime } from '../../lib/runtime.ts';
import { Compaction } from './compaction.ts';
import { closeEnvironment, type Environment, openEnvironment, openRoot } from './environment.ts';
import { identify } from './identity.ts';
import type { IndexEntry } from './index-entry.ts';
import { FIRST_RUN_ENTRIES, levelOfRun, RUNS_MERGED, runOfKey } from './index-run.ts';
import { temporaryFolder } from './testing/folder.ts';

const test = suite('lmdb compaction');

async function withEnvironment(body: (open: () => Environment) => Promise<void>): Promise<void> {
  const folder = temporaryFolder();
  try {
    const root = openRoot(folder.path);
    await identify(root, { directory: folder.path, runtime: realRuntime }).finally(() => root.close());
    await body(() => openEnvironment(folder.path));
  } finally {
    folder.remove();
  }
}

async function put({ root, tables }: Environment, entries: readonly IndexEntry[]): Promise<void> {
  await root.transaction(() => {
    for (const [hash, row] of tables.index.freshWith(entries)) tables.fresh.put(hash, row);
  });
}

/** Carries out one part; false when there was none. */
async function step({ root }: Environment, compaction: Compaction): Promise<boolean> {
  root.resetReadTxn();
  const part = compaction.next();
  if (part !== null) await root.batch(part);
  return part !== null;
}

const byTime = (left: IndexEntry, right: IndexEntry) => left.grantedAt - right.grantedAt;

function expectAll({ root, tables }: Environment, known: ReadonlyMap<number, IndexEntry[]>): void {
  root.resetReadTxn();
  for (const [hash, entries] of known) {
    const found = tables.index.entriesOf(hash).filter(({ series }) => tables.series.doesExist(series));
    assert.equal([...found].sort(byTime), entries, `hash ${hash}`);
  }
}

function runsIn({ tables }: Environment): { levels: number[]; strangers: number } {
  const runs = Array.from(tables.runs.getRange({}), ({ key, value }) => ({ run: key, level: levelOfRun(value) }));
  const known = new Set(runs.map(({ run }) => run));
  const strangers = Array.from(tables.buckets.getKeys({})).filter((key) => !known.has(runOfKey(key)));
  return { levels: runs.map(({ level }) => level).sort(), strangers: strangers.length };
}

test('every entry is found, whatever is merged, cut short, opened again or archived in between', () =>
  withEnvironment(async (open) => {
    const chance = chanceOf(20_261_123);
    const known = new Map<number, IndexEntry[]>();
    let time = 0;
    let series = 1;
    let environment = open();
    let compaction = new Compaction(environment.tables, 40);
    const seen = { levels: new Set<number>(), cut: 0 };
    await environment.tables.series.put(series, 'summer/1');
    for (let round = 0; round < 900; round++) {
      const entries = Array.from({ length: 1 + chance.integer(60) }, (): IndexEntry => {
        // Some users come again and again, and some parts of all hashes are crowded.
        const hash = chance.integer(3) === 0 ? 0xffff_ff00 + chance.integer(40) : chance.integer(0x1_0000_0000);
        return { hash, grantedAt: ++time, tag: chance.integer(65_536), series };
      });
      for (const entry of entries) known.set(entry.hash, [...(known.get(entry.hash) ?? []), entry]);
      await put(environment, entries);
      for (let parts = chance.integer(12); parts > 0 && (await step(environment, compaction)); parts--);
      const { levels, strangers } = runsIn(environment);
      for (const level of levels) seen.levels.add(level);
      if (chance.integer(strangers > 0 ? 8 : 80) === 0) {
        await closeEnvironment(environment);
        environment = open();
        compaction = new Compaction(environment.tables, 40);
        if (strangers > 0) seen.cut++;
      }
      if (chance.integer(100) === 0) {
        await environment.tables.series.remove(series);
        for (const [hash, each] of known) {
          known.set(
            hash,
            each.filter((entry) => entry.series !== series),
          );
        }
        await environment.tables.series.put(++series, `summer/${series}`);
      }
      if (round % 50 === 0) expectAll(environment, known);
    }
    while (await step(environment, compaction));
    expectAll(environment, known);
    const { levels, strangers } = runsIn(environment);
    assert.is(strangers, 0, 'buckets of no run');
    for (const level of levels) assert.ok(levels.filter((each) => each === level).length < RUNS_MERGED, levels.join());
    assert.equal([...seen.levels].sort(), [0, 1, 2], 'levels that were there');
    assert.ok(seen.cut >= 5, `${seen.cut} merges cut short`);
    await closeEnvironment(environment);
  }));

test('entries of a series that was archived leave the index', () =>
  withEnvironment(async (open) => {
    const environment = open();
    const compaction = new Compaction(environment.tables, 10);
    const entriesOf = (series: number) =>
      Array.from({ length: 10 }, (_, index) => ({ hash: index * 1_000_003, grantedAt: series, tag: 1, series }));
    for (let series = 1; series <= RUNS_MERGED; series++) {
      await environment.tables.series.put(series, `summer/${series}`);
      await put(environment, entriesOf(series));
      assert.is(await step(environment, compaction), true);
    }
    await environment.tables.series.remove(3);
    while (await step(environment, compaction));
    assert.equal(runsIn(environment), { levels: [1], strangers: 0 });
    const left = environment.tables.index.entriesOf(1_000_003).map(({ series }) => series);
    assert.equal([...left].sort(), [1, 2, 4, 5, 6, 7, 8]);
    await closeEnvironment(environment);
  }));

test('a look-up reads next to nothing of runs that do not hold the user', () =>
  withEnvironment(async (open) => {
    const environment = open();
    const { tables, root } = environment;
    await tables.series.put(1, 'summer/-');
    const chance = chanceOf(7);
    const draw = () => chance.integer(0x1_0000_0000);
    const compaction = new Compaction(tables);
    for (let run = 0; run < 3; run++) {
      const entries = Array.from({ length: FIRST_RUN_ENTRIES }, () => ({
        hash: draw(),
        grantedAt: 1,
        tag: 1,
        series: 1,
      }));
      await put(environment, [...entries, ...entries.slice(0, 100)]);
      while (await step(environment, compaction));
    }
    root.resetReadTxn();
    let reads = 0;
    const { get } = tables.buckets;
    tables.buckets.get = (key) => {
      reads++;
      return get.call(tables.buckets, key);
    };
    for (let i = 0; i < 10_000; i++) tables.index.entriesOf(draw());
    assert.ok(reads < 1_000, `${reads} buckets were read for 30,000 questions`);
    await closeEnvironment(environment);
  }));
