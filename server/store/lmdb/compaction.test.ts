/** The index of users under everything that may happen to it, compared with a plain map. */
import { assert, suite } from '../../../protocol/testing/kit.ts';
import { chanceOf } from '../../../protocol/testing/random.ts';
import { realRuntime } from '../../lib/runtime.ts';
import { Compaction } from './compaction.ts';
import { closeEnvironment, type Environment, openEnvironment, openRoot } from './environment.ts';
import { identify } from './identity.ts';
import { type IndexEntry, NO_TAG, seriesKey, tagKey } from './index-entry.ts';
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
    const fresh = tables.index.freshOf(hash);
    const found = [...fresh, ...tables.index.earlierOf(hash, null)].filter(({ series }) =>
      tables.series.doesExist(series),
    );
    assert.equal(found.sort(byTime), entries, `hash ${hash}`);
    for (const { series, tag, grantedAt } of entries) {
      const isIt = (entry: IndexEntry) => entry.grantedAt === grantedAt;
      if (fresh.some(isIt)) continue;
      assert.ok(tables.index.earlierOf(hash, seriesKey(hash, series)).some(isIt), `series ${series} of ${hash}`);
      if (tag !== NO_TAG)
        assert.ok(tables.index.earlierOf(hash, tagKey(hash, tag)).some(isIt), `tag ${tag} of ${hash}`);
    }
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
    const left = environment.tables.index.earlierOf(1_000_003, null).map(({ series }) => series);
    assert.equal([...left].sort(), [1, 2, 4, 5, 6, 7, 8]);
    await closeEnvironment(environment);
  }));

test('a look-up reads next to nothing where there is nothing, also of users who are in every run', () =>
  withEnvironment(async (open) => {
    const environment = open();
    const { tables, root } = environment;
    const chance = chanceOf(7);
    const users = Array.from({ length: FIRST_RUN_ENTRIES + 200 }, () => chance.integer(0x1_0000_0000));
    const compaction = new Compaction(tables);
    for (let series = 1; series <= 5; series++) {
      await tables.series.put(series, `summer/${series}`);
      const entryOf = (hash: number) => ({ hash, grantedAt: series, tag: 1 + chance.integer(65_535), series });
      await put(environment, users.map(entryOf));
      while (await step(environment, compaction));
    }
    root.resetReadTxn();
    let reads = 0;
    const { get } = tables.buckets;
    tables.buckets.get = (key) => {
      reads++;
      return get.call(tables.buckets, key);
    };
    const asked = users.slice(0, 1_000);
    for (const hash of asked) tables.index.earlierOf(hash, seriesKey(hash, 6));
    for (const hash of asked) tables.index.earlierOf(hash, tagKey(hash, 65_536));
    assert.ok(reads < 400, `${reads} buckets were read for 10,000 questions`);
    reads = 0;
    for (const hash of asked) {
      assert.ok(tables.index.earlierOf(hash, seriesKey(hash, 3)).some(({ series }) => series === 3));
    }
    assert.ok(reads >= 1_000 && reads < 1_200, `${reads} buckets were read for what 1,000 of 5,000 have`);
    await closeEnvironment(environment);
  }));

test('few users with many claims each are moved before their rows are long', () =>
  withEnvironment(async (open) => {
    const environment = open();
    const compaction = new Compaction(environment.tables);
    await environment.tables.series.put(1, 'summer/-');
    let time = 0;
    let parts = 0;
    for (let round = 0; round < 400; round++) {
      await put(
        environment,
        Array.from({ length: 400 }, (_, hash) => ({ hash: hash * 10_000_019, grantedAt: ++time, tag: 1, series: 1 })),
      );
      if (await step(environment, compaction)) parts++;
      const row = environment.tables.fresh.get(10_000_019);
      assert.ok((row?.length ?? 0) <= 8_192, `a row of ${row?.length} bytes`);
    }
    assert.ok(parts > 0);
    assert.is(
      environment.tables.index.freshOf(10_000_019).length + environment.tables.index.earlierOf(10_000_019, null).length,
      400,
    );
    await closeEnvironment(environment);
  }));
