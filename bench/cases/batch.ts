/**
 * Batch frames on the embedded store, 1,000 claims of an event in each, from a few connections, beside Redis and Tarantool
 * with deep pipelines: what a game server that collects claims can have.
 */
import type { Job } from '../load/job.ts';
import { attempt, type Case, inTurn, startGenerator } from './case.ts';
import { claimdSide, presentPeers, redisSide, tarantoolSide } from './sides.ts';

const GOAL = 3;
const REDIS_DEPTH = 128;
/** Two frames in flight on each connection, so that there is always one to work on. */
export const BATCHES: Pick<Job, 'connections' | 'depth' | 'batchClaims'> = {
  connections: 8,
  depth: 2,
  batchClaims: 1_000,
};
const CLAIMD = 'claimd, batches of 1,000';
const REDIS = `redis -P ${REDIS_DEPTH}`;
const TOOL = `redis-benchmark -P ${REDIS_DEPTH}`;
const TARANTOOL = `tarantool × ${REDIS_DEPTH}`;

export const batch: Case = async (bench, figures) => {
  const present = presentPeers(figures);
  const generator = await startGenerator(bench);
  const sides = { bench, figures, generator };
  for (let round = 0; round < bench.options.rounds; round++) {
    const job = { depth: REDIS_DEPTH };
    const runs: Record<string, (side: string) => Promise<void>> = {
      [CLAIMD]: (label) => claimdSide(sides, { label, job: BATCHES }),
      ...(present.redis && { [REDIS]: (label) => redisSide(sides, { label, job }, TOOL) }),
      ...(present.tarantool && { [TARANTOOL]: (label) => tarantoolSide(sides, { label, job }) }),
    };
    for (const [label, run] of inTurn(round, Object.entries(runs))) await attempt(figures, label, () => run(label));
  }
  figures.compare(CLAIMD, REDIS, GOAL);
  figures.compare(CLAIMD, TOOL, GOAL);
  figures.compare(CLAIMD, TARANTOOL);
  await generator.stop();
};
