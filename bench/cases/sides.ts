/**
 * The sides of a case on the embedded store: claimd and each peer, started for one run, measured and stopped again, so that
 * what one of them still has to do in the background is never part of another's figures.
 */
import type { Job, JobResult } from '../load/job.ts';
import { pgbench } from '../peers/pgbench.ts';
import { redisBenchmark } from '../peers/redis-benchmark.ts';
import { type ClaimdOptions, createEvents } from '../processes/claimd.ts';
import type { Generator } from '../processes/generator.ts';
import { POSTGRES_MISSING, postgresVersion, startPostgres } from '../processes/postgres.ts';
import { REDIS_MISSING, redisVersion, startRedis } from '../processes/redis.ts';
import { CLAIMS_SPACE, startTarantool, TARANTOOL_MISSING, tarantoolVersion } from '../processes/tarantool.ts';
import { type Figures, UNOBSERVED } from '../report/figures.ts';
import { type Bench, claimdFor, freshClaims, jobOf, measure, newEventKey, voidReasonOf } from './case.ts';

/** `job` is what differs from the usual: connections, depth, batches, window. */
export type Side = { label: string; job: Pick<Job, 'depth'> & Partial<Job> };
export type Sides = { bench: Bench; figures: Figures; generator: Generator };

/** Peers that are here; the figures note those that are not. */
export function presentPeers(figures: Figures): { redis: boolean; tarantool: boolean; postgres: boolean } {
  const present = {
    redis: redisVersion() !== null,
    tarantool: tarantoolVersion() !== null,
    postgres: postgresVersion() !== null,
  };
  if (!present.redis) figures.notes.push(REDIS_MISSING);
  if (!present.tarantool) figures.notes.push(TARANTOOL_MISSING);
  if (!present.postgres) figures.notes.push(POSTGRES_MISSING);
  return present;
}

/** `use` is for what a run that counts has to say beyond its rate. */
export async function claimdSide(
  { bench, figures, generator }: Sides,
  { label, job }: Side,
  options: Pick<ClaimdOptions, 'storeUri' | 'settings'> & { use?: (result: JobResult) => void } = {},
): Promise<void> {
  const { use, ...starting } = options;
  const claimd = await claimdFor(bench, { parts: 'server', ...starting });
  try {
    const eventKey = newEventKey();
    await createEvents(claimd, [eventKey]);
    const dialect = { kind: 'claimd', credential: claimd.credentials.service } as const;
    const whole = jobOf(bench, { dialect, target: claimd.tcp, claims: freshClaims(eventKey), ...job });
    const run = { generator, job: whole, pids: claimd.pids, expected: 'GRANTED' } as const;
    const result = await measure(bench, figures, label, run);
    if (voidReasonOf(result, 'GRANTED') === null) use?.(result);
  } finally {
    await claimd.stop();
  }
}

/** Redis's own load tool has its turn on a Redis of its own, to see that ours does not make Redis look slow. */
export async function redisSide(sides: Sides, side: Side, tool: string): Promise<void> {
  const { bench, figures } = sides;
  await peerSide(sides, side, { start: startRedis, dialect: { kind: 'resp' } });
  const { depth, connections = bench.options.connections } = side.job;
  const { perS = 0 } = figures.series.get(side.label)?.at(-1) ?? {};
  const requests = Math.ceil((perS * bench.options.measureMs) / 1_000);
  const redis = await startRedis(bench.processes, bench.folder, bench.cores.system);
  try {
    const options = { target: redis.target, connections, pipelined: depth, requests };
    const toolPerS = await redisBenchmark(options, bench.cores.load);
    if (toolPerS === null) return;
    const windowMs = (requests / toolPerS) * 1_000;
    const counted = { sent: requests, outcomes: {}, perS: toolPerS, windowMs, latencyMs: null, voidReason: null };
    figures.add(tool, { ...counted, ...UNOBSERVED });
  } finally {
    await redis.stop();
  }
}

export function tarantoolSide(sides: Sides, side: Side): Promise<void> {
  const dialect = { kind: 'iproto', spaceId: CLAIMS_SPACE } as const;
  return peerSide(sides, side, { start: startTarantool, dialect });
}

async function peerSide(
  { bench, figures, generator }: Sides,
  { label, job }: Side,
  { start, dialect }: { start: typeof startRedis; dialect: Job['dialect'] },
): Promise<void> {
  const peer = await start(bench.processes, bench.folder, bench.cores.system);
  try {
    const { target, pids } = peer;
    const whole = jobOf(bench, { dialect, target, claims: freshClaims('bench'), ...job });
    await measure(bench, figures, label, { generator, job: whole, pids, expected: 'GRANTED' });
  } finally {
    await peer.stop();
  }
}

/** By pgbench, because nothing else is at home in its protocol; `pipelined` inserts are one transaction. */
export async function postgresSide({ bench, figures }: Sides, label: string, pipelined: number): Promise<void> {
  const { processes, folder, cores, options } = bench;
  const peer = await startPostgres(processes, folder, cores.system);
  try {
    const { connections, measureMs } = options;
    const load = { target: peer.target, connections, pipelined, seconds: measureMs / 1_000, folder, cores: cores.load };
    const result = await pgbench(load);
    const stored = result.outcomes.GRANTED;
    const voidReason = stored === result.sent ? null : `${result.sent} sent, ${stored} stored`;
    figures.add(label, { ...UNOBSERVED, ...result, voidReason });
  } finally {
    await peer.stop();
  }
}
