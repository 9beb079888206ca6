/**
 * Direct mode on a real one-member replica set beside the bare driver's insertMany of the same documents into the same
 * indexes: what MongoDB itself takes, without a server that checks, decides and answers in front of it. Each side begins
 * with an empty collection and inserts the same number, because an insert costs more the larger the indexes are.
 */
import { newTag } from '../load/ids.ts';
import { script } from '../processes/child.ts';
import { createEvents } from '../processes/claimd.ts';
import type { Generator } from '../processes/generator.ts';
import { type Mongod, startMongod } from '../processes/mongod.ts';
import type { Figures } from '../report/figures.ts';
import { type Bench, type Case, claimdFor, jobOf, measure, Skipped, startGenerator } from './case.ts';
import { freshClaims } from './tcp.ts';

const GOAL = 0.8;
const WARM_UP_CLAIMS = 5_000;
const CLAIMS_PER_MEASURED_S = 15_000;
/** With 50 connections enough in flight for two full commits and the next two waiting. */
const DEPTH = 40;
const RUN_MS_MAX = 120_000;
const CLAIMD = 'claimd, direct mode';
const DRIVER = 'bare driver, insertMany(500) × 2';

export const mongo: Case = async (bench, figures) => {
  if (bench.options.running !== null) throw new Skipped('mongo starts a claimd and a mongod of its own');
  const mongod = await startMongod(bench.processes);
  if (typeof mongod === 'string') throw new Skipped(mongod);
  const generator = await startGenerator(bench);
  const count = Math.ceil((bench.options.measureMs / 1_000) * CLAIMS_PER_MEASURED_S);
  figures.notes.push(`mongod ${mongod.version}, one member`);
  figures.notes.push(`${count.toLocaleString('en-US')} claims a side and round, after ${WARM_UP_CLAIMS} to warm up`);
  for (let round = 0; round < bench.options.rounds; round++) {
    const database = `bench_${newTag()}`;
    const side = { bench, figures, mongod, database, count };
    // Claimd goes first in each round, because the driver takes its documents and indexes for a pattern.
    await claimdRound(side, generator);
    await driverRound(side);
  }
  figures.compare(CLAIMD, DRIVER, GOAL);
  await generator.stop();
  await mongod.stop();
};

type Side = { bench: Bench; figures: Figures; mongod: Mongod; database: string; count: number };

async function claimdRound({ bench, figures, mongod, database, count }: Side, generator: Generator): Promise<void> {
  const claimd = await claimdFor(bench, { parts: 'server', storeUri: mongod.uri(database) });
  const eventKey = 'bench';
  await createEvents(claimd, [eventKey]);
  const dialect = { kind: 'claimd', credential: claimd.credentials.service } as const;
  const bounds = { warmUpMs: 0, measureMs: RUN_MS_MAX };
  const job = (requestsMax: number) =>
    jobOf(bench, { dialect, target: claimd.tcp, claims: freshClaims(eventKey), depth: DEPTH, ...bounds, requestsMax });
  await generator.run(job(WARM_UP_CLAIMS));
  const pids = [...claimd.pids, ...mongod.pids];
  await measure(figures, CLAIMD, { generator, job: job(count), pids, expected: 'GRANTED' });
  await claimd.stop();
}

async function driverRound({ bench, figures, mongod, database, count }: Side): Promise<void> {
  const uris = [mongod.uri(database), mongod.uri(`${database}_driver`)];
  const program = script('bench/peers/bare-driver.ts', ...uris, `${WARM_UP_CLAIMS}`, `${count}`);
  const ready = /driver done stored=(?<stored>\d+) ms=(?<ms>\S+)\n/;
  const child = await bench.processes.start({ name: 'bare driver', ...program, ready, cores: undefined });
  await child.stop();
  const stored = Number(child.ready.stored) - WARM_UP_CLAIMS;
  const windowMs = Number(child.ready.ms);
  figures.add(DRIVER, {
    sent: count,
    outcomes: { GRANTED: stored },
    perS: (count / windowMs) * 1_000,
    windowMs,
    latencyMs: null,
    generatorCpu: null,
    systemCpu: null,
    systemUsPerAnswer: null,
    voidReason: stored === count ? null : `${count} sent, ${stored} stored`,
  });
}
