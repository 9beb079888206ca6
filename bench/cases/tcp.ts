/**
 * Claims over TCP on the embedded store beside Redis `SET NX` with `appendfsync always`: fresh users, one load generator
 * for both, a key and a value of the same length, both durable before the answer.
 */
import { newTag } from '../load/ids.ts';
import type { Claims, Dialect } from '../load/job.ts';
import { redisBenchmark } from '../peers/redis-benchmark.ts';
import { type Claimd, createEvents } from '../processes/claimd.ts';
import type { Generator } from '../processes/generator.ts';
import { REDIS_MISSING, type Redis, redisVersion, startRedis } from '../processes/redis.ts';
import type { Figures } from '../report/figures.ts';
import { type Bench, type Case, claimdFor, inTurn, jobOf, measure, startGenerator } from './case.ts';

const DEPTHS = [1, 16] as const;

export const tcp: Case = async (bench, figures) => {
  const hasRedis = redisVersion() !== null;
  if (!hasRedis) figures.notes.push(REDIS_MISSING);
  const generator = await startGenerator(bench);
  for (let round = 0; round < bench.options.rounds; round++) {
    const claimd = await claimdFor(bench, { parts: 'server' });
    const redis = hasRedis ? await startRedis(bench.processes, bench.folder, bench.cores.system) : null;
    await oneRound({ bench, figures, generator, claimd, redis, round });
    if (redis !== null && round === bench.options.rounds - 1) await crossCheck(bench, figures, redis);
    await redis?.stop();
    await claimd.stop();
  }
  await generator.stop();
};

type Round = {
  bench: Bench;
  figures: Figures;
  generator: Generator;
  claimd: Claimd;
  redis: Redis | null;
  round: number;
};

async function oneRound({ bench, figures, generator, claimd, redis, round }: Round): Promise<void> {
  const eventKey = `bench-${newTag()}`;
  await createEvents(claimd, [eventKey]);
  const speaking: Dialect = { kind: 'claimd', credential: claimd.credentials.service };
  const sides = [
    { label: (depth: number) => `claimd × ${depth}`, dialect: speaking, target: claimd.tcp, pids: claimd.pids },
    ...(redis === null ? [] : [{ label: redisLabel, dialect: { kind: 'resp' } as const, ...redis }]),
  ];
  for (const depth of DEPTHS) {
    for (const { label, dialect, target, pids } of inTurn(round, sides)) {
      const job = jobOf(bench, { dialect, target, claims: freshClaims(eventKey), depth });
      await measure(figures, label(depth), { generator, job, pids, expected: 'GRANTED' });
    }
    figures.compare(`claimd × ${depth}`, redisLabel(depth));
  }
}

export function freshClaims(eventKey: string): Claims {
  return { eventKeys: [eventKey], userTag: newTag(), requestTag: newTag(), userCount: null };
}

function redisLabel(depth: number): string {
  return `redis -P ${depth}`;
}

/** As many requests as took about as long with our own generator. */
async function crossCheck({ options, cores }: Bench, figures: Figures, { target }: Redis): Promise<void> {
  for (const depth of DEPTHS) {
    const { perS = 0 } = figures.series.get(redisLabel(depth))?.at(-1) ?? {};
    const requests = Math.ceil((perS * options.measureMs) / 1_000);
    const rate = await redisBenchmark(
      { target, connections: options.connections, pipelined: depth, requests },
      cores.load,
    );
    const figure = rate === null ? 'is missing' : `has ${Math.round(rate).toLocaleString('en-US')} per second`;
    figures.notes.push(`cross-check: redis-benchmark -P ${depth} ${figure}`);
  }
}
