import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { assert, suite } from '../../protocol/testing/kit.ts';
import { newTag } from '../load/ids.ts';
import type { Job } from '../load/job.ts';
import { runJob } from '../load/run-job.ts';
import { pgbench } from '../peers/pgbench.ts';
import { Processes } from './child.ts';
import { anonymousMiBOf } from './memory.ts';
import { POSTGRES_MISSING, postgresVersion, startPostgres } from './postgres.ts';
import { REDIS_MISSING, redisVersion, startRedis } from './redis.ts';
import { CLAIMS_SPACE, startTarantool, TARANTOOL_MISSING, tarantoolVersion } from './tarantool.ts';

const test = suite('peers of the bench');

async function withFolder(use: (processes: Processes, folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'claimd-peers-test-'));
  const processes = new Processes();
  try {
    await use(processes, folder);
  } finally {
    await processes.close();
    await rm(folder, { recursive: true, force: true });
  }
}

/** The same users twice: each is granted once. */
async function twice(job: Pick<Job, 'dialect' | 'target'>): Promise<Record<string, number>[]> {
  const claims = { eventKeys: ['bench'], userTag: newTag(), requestTag: newTag(), userCount: null };
  const pace = { kind: 'closed' } as const;
  const window = { warmUpMs: 0, measureMs: 20_000, claimsMax: 200 };
  const whole = { ...job, claims, batchClaims: 1, connections: 3, depth: 4, pace, ...window };
  return [(await runJob(whole)).outcomes, (await runJob(whole)).outcomes];
}

for (const { name, start, dialect, skip } of [
  {
    name: 'redis',
    start: startRedis,
    dialect: { kind: 'resp' } as const,
    skip: redisVersion() === null ? REDIS_MISSING : null,
  },
  {
    name: 'tarantool',
    start: startTarantool,
    dialect: { kind: 'iproto', spaceId: CLAIMS_SPACE } as const,
    skip: tarantoolVersion() === null ? TARANTOOL_MISSING : null,
  },
]) {
  test(
    `${name} takes each key once`,
    async () => {
      await withFolder(async (processes, folder) => {
        const { target, pids, stop } = await start(processes, folder, undefined);
        assert.equal(await twice({ dialect, target }), [{ GRANTED: 200 }, { ALREADY_CLAIMED: 200 }]);
        if (process.platform === 'linux') assert.ok((anonymousMiBOf(pids) ?? 0) > 0.1);
        await stop();
      });
    },
    { skip },
  );
}

test(
  'postgresql stores what pgbench has sent',
  async () => {
    await withFolder(async (processes, folder) => {
      const { target } = await startPostgres(processes, folder, undefined);
      const load = { target, connections: 2, seconds: 1, folder, cores: undefined };
      for (const pipelined of [1, 3]) {
        const { sent, outcomes, perS } = await pgbench({ ...load, pipelined });
        assert.ok(sent > 0 && perS > 0);
        assert.equal(outcomes, { GRANTED: sent });
      }
    });
  },
  { skip: postgresVersion() === null ? POSTGRES_MISSING : null },
);
