/**
 * Latency at a rate that does not wait for answers: half of the peak measured just before (or `--rate`), over TCP on the
 * embedded store and on MongoDB in both modes, over HTTP, and of Redis at claimd's own rate. Latency counts from when a
 * request was due.
 */

import type { Mode } from '../../protocol/mode.ts';
import { newTag } from '../load/ids.ts';
import type { Job } from '../load/job.ts';
import { createEvents } from '../processes/claimd.ts';
import type { Generator } from '../processes/generator.ts';
import { REDIS_MISSING, redisVersion, startRedis } from '../processes/redis.ts';
import type { Figures } from '../report/figures.ts';
import {
  attempt,
  type Bench,
  type Case,
  claimdFor,
  freshClaims,
  jobOf,
  measure,
  newEventKey,
  Skipped,
  startGenerator,
  voidReasonOf,
} from './case.ts';
import { knownTokens } from './http.ts';
import { type Members, mongodFor } from './mongo.ts';

/** In flight on one connection; far more than half of the peak needs unless the server stalls. */
const OPEN_DEPTH = 256;
const TCP_DEPTH = 16;
/** Enough for the commits of MongoDB, which take longer. */
const MONGO_DEPTH = 40;
const GOAL_MS = { embedded: 5, 1: 15, 3: 30 } as const;

export const openLoop: Case = async (bench, figures) => {
  const generator = await startGenerator(bench);
  const sides = { bench, figures, generator };
  const hasRedis = redisVersion() !== null;
  if (!hasRedis) figures.notes.push(REDIS_MISSING);
  for (let round = 0; round < bench.options.rounds; round++) {
    const ratePerS = await overTcp(sides, { label: 'embedded', depth: TCP_DEPTH, goalMs: GOAL_MS.embedded });
    if (hasRedis) await overResp(sides, ratePerS);
    await overHttp(sides);
  }
  await generator.stop();
};

export const openLoopOne: Case = (bench, figures) => onMembers(bench, figures, 1);
export const openLoopThree: Case = (bench, figures) => onMembers(bench, figures, 3);

async function onMembers(bench: Bench, figures: Figures, members: Members): Promise<void> {
  const mongod = await mongodFor(bench, members);
  const generator = await startGenerator(bench);
  for (let round = 0; round < bench.options.rounds; round++) {
    for (const mode of ['direct', 'journal'] as const) {
      const storeUri = mongod.uri(`bench_${newTag()}`);
      const side = { label: mode, depth: MONGO_DEPTH, goalMs: GOAL_MS[members], mode, storeUri };
      await attempt(figures, mode, () => overTcp({ bench, figures, generator }, side));
    }
  }
  await generator.stop();
  await mongod.stop();
}

type Sides = { bench: Bench; figures: Figures; generator: Generator };
type TcpSide = { label: string; depth: number; goalMs: number; mode?: Mode; storeUri?: string };

/** Resolves to the rate that was kept. */
async function overTcp({ bench, figures, generator }: Sides, side: TcpSide): Promise<number> {
  const { label, depth, goalMs, mode, storeUri } = side;
  const claimd = await claimdFor(bench, { parts: 'server', ...(storeUri === undefined ? {} : { storeUri }) });
  try {
    const eventKey = newEventKey();
    await createEvents(claimd, [eventKey], mode === undefined ? {} : { mode });
    const dialect = { kind: 'claimd', credential: claimd.credentials.service } as const;
    const job = () => jobOf(bench, { dialect, target: claimd.tcp, claims: freshClaims(eventKey), depth });
    const run = { generator, pids: claimd.pids, expected: 'GRANTED' } as const;
    const { perS } = await measure(bench, figures, `${label}, peak`, { ...run, job: job() });
    const ratePerS = rateOf(bench, perS);
    const open = { ...run, job: atRate(job(), ratePerS, OPEN_DEPTH) };
    const result = await measure(bench, figures, `${label}, open`, open);
    if (voidReasonOf(result, 'GRANTED') !== null) return ratePerS;
    const bound = { unit: 'ms', goal: { atMost: goalMs } };
    figures.value(`${label}, p99 at half of the peak`, result.latencyMs.p99, bound);
    return ratePerS;
  } finally {
    await claimd.stop();
  }
}

async function overResp({ bench, figures, generator }: Sides, ratePerS: number): Promise<void> {
  const { target, pids, stop } = await startRedis(bench.processes, bench.folder, bench.cores.system);
  const job = jobOf(bench, { dialect: { kind: 'resp' }, target, claims: freshClaims('bench'), depth: OPEN_DEPTH });
  const run = { generator, pids, expected: 'GRANTED', job: atRate(job, ratePerS, OPEN_DEPTH) } as const;
  await measure(bench, figures, 'redis, open at the rate of embedded', run);
  await stop();
}

async function overHttp({ bench, figures, generator }: Sides): Promise<void> {
  const claimd = await claimdFor(bench, { parts: 'apart' });
  if (claimd.http === null) throw new Skipped('the running claimd needs --http');
  const { http: target, pids } = claimd;
  const dialect = { kind: 'http', signer: claimd.credentials.signer } as const;
  const run = { generator, pids, expected: 'GRANTED' } as const;
  const job = async () => {
    const claims = knownTokens(bench);
    await createEvents(claimd, claims.eventKeys);
    return jobOf(bench, { dialect, target, claims, depth: 1 });
  };
  const { perS } = await measure(bench, figures, 'HTTP, peak', { ...run, job: await job() });
  const paced = { ...atRate(await job(), rateOf(bench, perS), 1), connections: bench.options.connections * 2 };
  await measure(bench, figures, 'HTTP, open', { ...run, job: paced });
  await claimd.stop();
}

function rateOf({ options }: Bench, peakPerS: number): number {
  return options.ratePerS ?? Math.max(1, peakPerS / 2);
}

function atRate(job: Job, ratePerS: number, depth: number): Job {
  return { ...job, depth, pace: { kind: 'open', ratePerS } };
}
