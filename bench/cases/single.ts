/**
 * Single claims over TCP on the embedded store beside Redis `SET NX` with `appendfsync always`, Tarantool and PostgreSQL:
 * fresh users, a key and a value of the same length, durable before the answer. With 16 in flight claimd and Redis go on
 * for as long as it takes to see what lasts, and claimd's memory is looked at when they are done.
 */
import { attempt, type Case, inTurn, startGenerator } from './case.ts';
import { claimdSide, postgresSide, presentPeers, redisSide, type Side, type Sides, tarantoolSide } from './sides.ts';

const GOALS = { redis16: 1.5, redis1: 1.1, tarantool: 5, postgres: 25, p99Ms: 10, anonymousMiB: 1_024 } as const;
const POSTGRES = 'postgresql, 50 clients';
/** Where others have 16 requests in flight. */
const POSTGRES_16 = `${POSTGRES}, 16 inserts a transaction`;

export const single: Case = async (bench, figures) => {
  const present = presentPeers(figures);
  const generator = await startGenerator(bench);
  const sides = { bench, figures, generator };
  const sustained = { measureMs: bench.options.sustainedMs };
  for (let round = 0; round < bench.options.rounds; round++) {
    const runs: Record<string, (side: string) => Promise<void>> = {
      'claimd × 16': (label) => claimd16(sides, { label, job: { depth: 16, ...sustained } }),
      ...(present.redis && { 'redis -P 16': (label) => redis(sides, { label, job: { depth: 16, ...sustained } }) }),
      ...(present.tarantool && { 'tarantool × 16': (label) => tarantoolSide(sides, { label, job: { depth: 16 } }) }),
      ...(present.postgres && { [POSTGRES]: (label) => postgresSide(sides, label, 1) }),
      ...(present.postgres && { [POSTGRES_16]: (label) => postgresSide(sides, label, 16) }),
      'claimd × 1': (label) => claimdSide(sides, { label, job: { depth: 1 } }),
      ...(present.redis && { 'redis -P 1': (label) => redis(sides, { label, job: { depth: 1 } }) }),
      ...(present.tarantool && { 'tarantool × 1': (label) => tarantoolSide(sides, { label, job: { depth: 1 } }) }),
    };
    for (const [label, run] of inTurn(round, Object.entries(runs))) await attempt(figures, label, () => run(label));
  }
  figures.compare('claimd × 16', 'redis -P 16', GOALS.redis16);
  figures.compare('claimd × 16', 'redis-benchmark -P 16', GOALS.redis16);
  figures.compare('claimd × 16', 'tarantool × 16', GOALS.tarantool);
  figures.compare('claimd × 16', POSTGRES, GOALS.postgres);
  figures.compare('claimd × 16', POSTGRES_16);
  figures.compare('claimd × 1', 'redis -P 1', GOALS.redis1);
  figures.compare('claimd × 1', 'redis-benchmark -P 1', GOALS.redis1);
  figures.compare('claimd × 1', 'tarantool × 1');
  await generator.stop();
};

function redis(sides: Sides, side: Side): Promise<void> {
  return redisSide(sides, side, `redis-benchmark -P ${side.job.depth}`);
}

async function claimd16(sides: Sides, side: Side): Promise<void> {
  const { figures } = sides;
  await claimdSide(sides, side, {
    use({ latencyMs, sent }) {
      figures.value(`${side.label}, p99`, latencyMs.p99, { unit: 'ms', goal: { atMost: GOALS.p99Ms } });
      const { anonymousMiB } = figures.series.get(side.label)?.at(-1) ?? {};
      if (typeof anonymousMiB !== 'number') return;
      const bound = { unit: 'MiB', goal: { atMost: GOALS.anonymousMiB } };
      figures.value(`${side.label}, anonymous memory at the end`, anonymousMiB, bound);
      figures.value(`${side.label}, claims at the end`, sent / 1e6, { unit: 'million' });
    },
  });
}
