/**
 * Latency at a rate that does not wait for answers: half of the peak measured just before (or `--rate`), over TCP, over
 * HTTP, and of Redis at claimd's own rate. Latency counts from when a request was due.
 */

import { newTag } from '../load/ids.ts';
import type { Job } from '../load/job.ts';
import { createEvents } from '../processes/claimd.ts';
import type { Generator } from '../processes/generator.ts';
import { REDIS_MISSING, redisVersion, startRedis } from '../processes/redis.ts';
import type { Figures } from '../report/figures.ts';
import { type Bench, type Case, claimdFor, jobOf, measure, startGenerator } from './case.ts';
import { knownTokens } from './http.ts';
import { freshClaims } from './tcp.ts';

/** In flight on one connection; far more than half of the peak needs unless the server stalls. */
const TCP_DEPTH = 16;
const OPEN_DEPTH = 256;

export const openLoop: Case = async (bench, figures) => {
  const generator = await startGenerator(bench);
  const hasRedis = redisVersion() !== null;
  if (!hasRedis) figures.notes.push(REDIS_MISSING);
  for (let round = 0; round < bench.options.rounds; round++) {
    const ratePerS = await overTcp(bench, figures, generator);
    if (hasRedis) await overResp(bench, figures, { generator, ratePerS });
    await overHttp(bench, figures, generator);
  }
  await generator.stop();
};

/** Resolves to the rate that was kept. */
async function overTcp(bench: Bench, figures: Figures, generator: Generator): Promise<number> {
  const claimd = await claimdFor(bench, { parts: 'server' });
  const eventKey = `bench-${newTag()}`;
  await createEvents(claimd, [eventKey]);
  const dialect = { kind: 'claimd', credential: claimd.credentials.service } as const;
  const job = () => jobOf(bench, { dialect, target: claimd.tcp, claims: freshClaims(eventKey), depth: TCP_DEPTH });
  const run = { generator, pids: claimd.pids, expected: 'GRANTED' } as const;
  const { perS } = await measure(figures, 'claimd TCP, peak', { ...run, job: job() });
  const ratePerS = rateOf(bench, perS);
  await measure(figures, 'claimd TCP, open', { ...run, job: atRate(job(), ratePerS, OPEN_DEPTH) });
  await claimd.stop();
  return ratePerS;
}

async function overResp(
  bench: Bench,
  figures: Figures,
  { generator, ratePerS }: { generator: Generator; ratePerS: number },
): Promise<void> {
  const { target, pids, stop } = await startRedis(bench.processes, bench.folder, bench.cores.system);
  const job = jobOf(bench, { dialect: { kind: 'resp' }, target, claims: freshClaims('bench'), depth: OPEN_DEPTH });
  const paced = atRate(job, ratePerS, OPEN_DEPTH);
  await measure(figures, 'redis, open at the rate of TCP', { generator, pids, expected: 'GRANTED', job: paced });
  await stop();
}

async function overHttp(bench: Bench, figures: Figures, generator: Generator): Promise<void> {
  const claimd = await claimdFor(bench, { parts: 'apart' });
  if (claimd.http === null) {
    figures.notes.push('HTTP needs --http of the running claimd');
    return;
  }
  const { http: target, pids } = claimd;
  const dialect = { kind: 'http', signer: claimd.credentials.signer } as const;
  const run = { generator, pids, expected: 'GRANTED' } as const;
  const job = async () => {
    const claims = knownTokens(bench);
    await createEvents(claimd, claims.eventKeys);
    return jobOf(bench, { dialect, target, claims, depth: 1 });
  };
  const { perS } = await measure(figures, 'claimd HTTP, peak', { ...run, job: await job() });
  const paced = { ...atRate(await job(), rateOf(bench, perS), 1), connections: bench.options.connections * 2 };
  await measure(figures, 'claimd HTTP, open', { ...run, job: paced });
  await claimd.stop();
}

function rateOf({ options }: Bench, peakPerS: number): number {
  return options.ratePerS ?? Math.max(1, peakPerS / 2);
}

function atRate(job: Job, ratePerS: number, depth: number): Job {
  return { ...job, depth, pace: { kind: 'open', ratePerS } };
}
