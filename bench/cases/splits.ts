/**
 * What it brings, and costs, to keep the claims of events apart: in collections of their own, and in two deployments, beside one
 * collection of all and beside the bare driver that inserts as many documents the same ways. On one machine; each side
 * begins with empty collections and grants the same number; in journal mode it is also measured until all is in the store.
 */
import type { EventInput } from '../../protocol/event.ts';
import type { Mode } from '../../protocol/mode.ts';
import { newTag } from '../load/ids.ts';
import type { Job } from '../load/job.ts';
import { type Claimd, clientOf } from '../processes/claimd.ts';
import { gaugesOf } from '../processes/gauges.ts';
import type { Generator } from '../processes/generator.ts';
import { type Mongod, startMongod } from '../processes/mongod.ts';
import type { Figures } from '../report/figures.ts';
import { drained } from './backlog.ts';
import {
  attempt,
  type Bench,
  type Case,
  claimdFor,
  freshClaims,
  inTurn,
  jobOf,
  measure,
  startGenerator,
} from './case.ts';
import { DEEP_BATCHES, driverRound, mongodFor, RUN_MS_MAX, SINGLES, WARM_UP_CLAIMS } from './mongo.ts';

/** A side inserts so many for each second of the measured window. */
const CLAIMS_PER_S = 20_000;
/** In journal mode so many times as many, or they would be granted at once; few enough to wait until they are in the store. */
const JOURNAL_TIMES = 4;
/** The most there are of events, and of collections. */
const EVENTS = 64;

/** `stores`: over how many of them the events are dealt out. */
type Layout = { name: string; events: number; splitBy: 'none' | 'event'; stores: 1 | 2 };
const TOGETHER: Layout = { name: 'one collection', events: EVENTS, splitBy: 'none', stores: 1 };
const APART: readonly Layout[] = [
  { name: '1 of its own', events: 1, splitBy: 'event', stores: 1 },
  { name: '8 of their own', events: 8, splitBy: 'event', stores: 1 },
  { name: '64 of their own', events: EVENTS, splitBy: 'event', stores: 1 },
];
const TWO_STORES: Layout = { name: 'two stores', events: EVENTS, splitBy: 'none', stores: 2 };
const LAYOUTS: Readonly<Record<Mode, readonly Layout[]>> = {
  direct: [TOGETHER, ...APART, TWO_STORES],
  // The journal and its claims are in the main store.
  journal: [TOGETHER, ...APART],
};
const DRIVERS = [
  { label: 'bare driver, one collection', collections: 1, stores: 1 },
  { label: 'bare driver, 8 collections', collections: 8, stores: 1 },
  { label: 'bare driver, 64 collections', collections: EVENTS, stores: 1 },
  { label: 'bare driver, two deployments', collections: 2, stores: 2 },
] as const;
const JOBS: Readonly<Record<Mode, Pick<Job, 'depth'> & Partial<Job>>> = { direct: SINGLES, journal: DEEP_BATCHES };

type Sides = { bench: Bench; figures: Figures; generator: Generator; mongods: readonly [Mongod, Mongod] };

export const splits: Case = async (bench, figures) => {
  const main = await mongodFor(bench, 1);
  const second = await startMongod(bench.processes, 1);
  if (typeof second === 'string') throw new Error(second);
  const sides: Sides = { bench, figures, generator: await startGenerator(bench), mongods: [main, second] };
  const count = Math.ceil((bench.options.measureMs / 1_000) * CLAIMS_PER_S);
  figures.notes.push(
    `mongod ${main.version}, two sets of one member; direct and driver: ${count} claims a side and round`,
  );
  for (let round = 0; round < bench.options.rounds; round++) await oneRound(sides, round, count);
  for (const mode of ['direct', 'journal'] as const) {
    for (const layout of LAYOUTS[mode])
      if (layout !== TOGETHER) figures.compare(labelOf(mode, layout), labelOf(mode, TOGETHER));
  }
  for (const { label } of DRIVERS.slice(1)) figures.compare(label, DRIVERS[0].label);
  figures.compare(labelOf('direct', TOGETHER), DRIVERS[0].label);
  await sides.generator.stop();
  await Promise.all([main.stop(), second.stop()]);
};

function labelOf(mode: Mode, { name }: Layout): string {
  return `${mode}, ${name}`;
}

/** Claims in one collection go first, because the driver takes them for a pattern. */
async function oneRound(sides: Sides, round: number, count: number): Promise<void> {
  const tag = newTag();
  const { figures, mongods } = sides;
  const { direct, journal } = LAYOUTS;
  const run = (mode: Mode, layout: Layout, database: string) =>
    attempt(figures, labelOf(mode, layout), () => claimdRound(sides, { mode, layout, database, count }));
  const pattern = `splits_${tag}`;
  await run('direct', TOGETHER, pattern);
  for (const [n, layout] of inTurn(round, direct.slice(1)).entries()) await run('direct', layout, `${pattern}_d${n}`);
  for (const [n, { label, collections, stores }] of inTurn(round, DRIVERS).entries()) {
    const uris = mongods.slice(0, stores).map((mongod) => mongod.uri(`${pattern}_b${n}`));
    const inserted = { pattern: mongods[0].uri(pattern), uris, count, collections };
    await attempt(figures, label, () => driverRound({ ...sides, label }, inserted));
  }
  for (const [n, layout] of inTurn(round, journal).entries()) await run('journal', layout, `${pattern}_j${n}`);
}

type Run = { mode: Mode; layout: Layout; database: string; count: number };

async function claimdRound(sides: Sides, run: Run): Promise<void> {
  const { bench, generator, mongods } = sides;
  const { mode, layout, database } = run;
  const [main, second] = mongods;
  const settings = layout.stores === 1 ? [] : ['--store', `b=${second.uri(database)}`];
  const claimd = await claimdFor(bench, { parts: 'server', storeUri: `main=${main.uri(database)}`, settings });
  const gauges = await gaugesOf(claimd);
  try {
    const eventKeys = await createEvents(claimd, run);
    const { service } = claimd.credentials;
    const job = (more: Partial<Job>) =>
      jobOf(bench, {
        dialect: { kind: 'claimd', credential: service },
        target: claimd.tcp,
        claims: freshClaims(...eventKeys),
        ...JOBS[mode],
        ...more,
      });
    const counted = { warmUpMs: 0, measureMs: RUN_MS_MAX };
    // One by one they are of all events in turn: each has its collection then, and is in use again when the clock starts.
    const { connections } = bench.options;
    const touch = () =>
      generator.run(job({ ...SINGLES, ...counted, connections, batchClaims: 1, claimsMax: WARM_UP_CLAIMS }));
    await touch();
    await drained(gauges);
    const startedMs = performance.now();
    const touched = await touch();
    const pids = [...claimd.pids, ...mongods.slice(0, layout.stores).flatMap((mongod) => mongod.pids)];
    const label = labelOf(mode, layout);
    const claimsMax = mode === 'direct' ? run.count : run.count * JOURNAL_TIMES;
    const measured = { generator, job: job({ ...counted, claimsMax }), pids, expected: 'GRANTED' } as const;
    const { sent } = await measure(bench, sides.figures, label, measured);
    if (mode === 'direct') return;
    await drained(gauges);
    const perS = ((touched.sent + sent) / (performance.now() - startedMs)) * 1_000;
    sides.figures.value(`${label}: in the store`, perS, { unit: 'claims/s' });
  } finally {
    gauges.close();
    await claimd.stop();
  }
}

/** Their keys, all of one length. */
async function createEvents(claimd: Claimd, { mode, layout }: Run): Promise<string[]> {
  const { events, splitBy, stores } = layout;
  const client = await clientOf(claimd);
  const eventKeys = Array.from({ length: events }, (_, n) => `bench-${String(n).padStart(2, '0')}`);
  try {
    for (const [n, eventKey] of eventKeys.entries()) {
      const store = n % stores === 0 ? {} : { store: 'b' };
      const rewards = [{ kind: 'currency', id: 'gold', amount: 100 }];
      const input: EventInput = { eventKey, rewards, mode, splitBy, ...store };
      const answer = await client.events.create(input);
      if (answer.code !== 'OK') throw new Error(`event ${eventKey}: ${answer.code} ${answer.detail ?? ''}`);
    }
  } finally {
    client.close();
  }
  return eventKeys;
}
