/**
 * claimd on a real replica set of one or three members beside the bare driver's insertMany of the same documents into the
 * same indexes: what MongoDB itself takes, without a server that checks, decides and answers in front of it. Each side
 * begins with an empty collection, because an insert costs more the larger the indexes are. In direct mode both insert
 * the same number; in journal mode the clock ends the run, since the same number would be over at once.
 */
import type { Mode } from '../../protocol/mode.ts';
import { newTag } from '../load/ids.ts';
import type { Job } from '../load/job.ts';
import { script } from '../processes/child.ts';
import { createEvents } from '../processes/claimd.ts';
import type { Generator } from '../processes/generator.ts';
import { type Mongod, startMongod } from '../processes/mongod.ts';
import { type Figures, UNOBSERVED } from '../report/figures.ts';
import {
  attempt,
  type Bench,
  type Case,
  claimdFor,
  freshClaims,
  jobOf,
  measure,
  Skipped,
  startGenerator,
} from './case.ts';

export type Members = 1 | 3;

const GOALS = { single: 0.8, direct: 0.9, journal: 5, projecting: 1.5 } as const;
export const WARM_UP_CLAIMS = 5_000;
/** What a side inserts for each second of the measured window; a set of three members takes about half. */
const CLAIMS_PER_S = { 1: 30_000, 3: 15_000 } as const;
export const RUN_MS_MAX = 120_000;
const DRIVER = 'bare driver, insertMany(500) × 2';
const SINGLE = 'direct, single claims';
const DIRECT = 'direct, batch frames';
const JOURNAL = 'journal, batch frames, projection off';
const PROJECTING = 'journal, batch frames';
const PROJECTION_OFF = ['--projection-interval', '1h'] as const;

/** With 50 connections enough in flight for two full commits and the next two waiting. */
export const SINGLES: Shape = { depth: 40 };
/** As many claims in flight, in frames. */
const BATCHES: Shape = { connections: 4, depth: 1, batchClaims: 1_000 };
/** More of them, because a commit may be larger. */
export const DEEP_BATCHES: Shape = { connections: 8, depth: 2, batchClaims: 1_000 };

type Shape = Pick<Job, 'depth'> & Partial<Job>;

export const mongoOne: Case = (bench, figures) => onMembers(bench, figures, 1);
export const mongoThree: Case = (bench, figures) => onMembers(bench, figures, 3);

async function onMembers(bench: Bench, figures: Figures, members: Members): Promise<void> {
  const mongod = await mongodFor(bench, members);
  const generator = await startGenerator(bench);
  const count = Math.ceil(((bench.options.measureMs / 1_000) * CLAIMS_PER_S[members]) / 1_000) * 1_000;
  figures.notes.push(`mongod ${mongod.version}, ${members === 1 ? 'one member' : 'three members'}`);
  figures.notes.push(`direct and driver: ${count.toLocaleString('en-US')} claims a side and round`);
  for (let round = 0; round < bench.options.rounds; round++) {
    const database = `bench_${newTag()}`;
    const on = (name: string, label: string) => ({
      bench,
      figures,
      generator,
      mongod,
      label,
      database: `${database}_${name}`,
    });
    const counted = { warmUpMs: 0, measureMs: RUN_MS_MAX, claimsMax: count };
    // A side in direct mode goes first in each round, because the driver takes its documents and indexes for a pattern.
    await claimdRound(on('single', SINGLE), { mode: 'direct', job: { ...SINGLES, ...counted } });
    const uris = [mongod.uri(`${database}_driver`)];
    await driverRound({ bench, figures, label: DRIVER }, { pattern: mongod.uri(`${database}_single`), uris, count });
    const rest = [
      { name: 'direct', label: DIRECT, mode: 'direct', job: { ...BATCHES, ...counted } },
      { name: 'off', label: JOURNAL, mode: 'journal', job: DEEP_BATCHES, settings: PROJECTION_OFF },
      { name: 'journal', label: PROJECTING, mode: 'journal', job: DEEP_BATCHES },
    ] as const;
    for (const { name, label, ...how } of rest) {
      await attempt(figures, label, () => claimdRound(on(name, label), how));
    }
  }
  for (const [label, goal] of [
    [SINGLE, members === 1 ? GOALS.single : null],
    [DIRECT, GOALS.direct],
    [JOURNAL, GOALS.journal],
    [PROJECTING, GOALS.projecting],
  ] as const) {
    figures.compare(label, DRIVER, goal);
  }
  await generator.stop();
  await mongod.stop();
}

/** Throws Skipped where there is none. */
export async function mongodFor({ options, processes }: Bench, members: Members): Promise<Mongod> {
  if (options.running !== null) throw new Skipped('it starts a claimd and a mongod of its own');
  const mongod = await startMongod(processes, members);
  if (typeof mongod === 'string') throw new Skipped(mongod);
  return mongod;
}

type On = { bench: Bench; figures: Figures; generator: Generator; mongod: Mongod; database: string; label: string };
type How = { mode: Mode; job: Shape; settings?: readonly string[] };

async function claimdRound({ bench, figures, generator, mongod, database, label }: On, how: How): Promise<void> {
  const { mode, job, settings = [] } = how;
  const claimd = await claimdFor(bench, { parts: 'server', storeUri: mongod.uri(database), settings });
  try {
    const eventKey = 'bench';
    await createEvents(claimd, [eventKey], { mode });
    const dialect = { kind: 'claimd', credential: claimd.credentials.service } as const;
    const next = (more: Shape) =>
      jobOf(bench, { dialect, target: claimd.tcp, claims: freshClaims(eventKey), ...job, ...more });
    const warmUp = { depth: job.depth, warmUpMs: 0, measureMs: RUN_MS_MAX, claimsMax: WARM_UP_CLAIMS };
    await generator.run(next(warmUp));
    const pids = [...claimd.pids, ...mongod.pids];
    await measure(bench, figures, label, { generator, job: next(job), pids, expected: 'GRANTED' });
  } finally {
    await claimd.stop();
  }
}

export type DriverOn = { bench: Bench; figures: Figures; label: string };
/** `uris` are of empty databases, over which the collections are dealt out; `pattern` is of one that claimd has filled. */
export type DriverRun = { pattern: string; uris: readonly string[]; count: number; collections?: number };

/** The bare driver inserts so many claims, each batch into all of the collections at once. */
export async function driverRound({ bench, figures, label }: DriverOn, run: DriverRun): Promise<void> {
  const { pattern, uris, count, collections = 1 } = run;
  const counts = [WARM_UP_CLAIMS, count, collections].map(String);
  const program = script('bench/peers/bare-driver.ts', pattern, ...counts, ...uris);
  const ready = /driver done stored=(?<stored>\d+) ms=(?<ms>\S+)\n/;
  const child = await bench.processes.start({ name: 'bare driver', ...program, ready, cores: undefined });
  await child.stop();
  const stored = Number(child.ready.stored) - WARM_UP_CLAIMS;
  const windowMs = Number(child.ready.ms);
  figures.add(label, {
    ...UNOBSERVED,
    sent: count,
    outcomes: { GRANTED: stored },
    perS: (count / windowMs) * 1_000,
    windowMs,
    latencyMs: null,
    voidReason: stored === count ? null : `${count} sent, ${stored} stored`,
  });
}
