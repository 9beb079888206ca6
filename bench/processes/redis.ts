/** A Redis of one's own that syncs its log before it answers, which is what claimd promises too. */
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import type { Target } from '../load/job.ts';
import type { Processes } from './child.ts';

export const REDIS_MISSING = 'redis-server is not on this machine: apt-get install redis-server redis-tools';

export type Redis = { target: Target; pids: readonly number[]; stop(): Promise<void> };

/** The version, or null when there is no Redis here. */
export function redisVersion(): string | null {
  try {
    const output = execFileSync('redis-server', ['--version'], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    return /v=(\S+)/.exec(output)?.[1] ?? null;
  } catch {
    return null;
  }
}

/** Needs `redisVersion()`. */
export async function startRedis(processes: Processes, folder: string, cores: string | undefined): Promise<Redis> {
  const data = await mkdtemp(join(folder, 'redis-'));
  const port = await freePort();
  const server = ['--bind', '127.0.0.1', '--port', `${port}`, '--dir', data, '--daemonize', 'no'];
  // No rewrite of the log in the middle of a measurement, no snapshots beside it.
  const durable = [
    '--appendonly',
    'yes',
    '--appendfsync',
    'always',
    '--auto-aof-rewrite-percentage',
    '0',
    '--save',
    '',
  ];
  const program = { command: 'redis-server', args: [...server, ...durable] };
  const child = await processes.start({ name: 'redis', ...program, ready: /Ready to accept connections/, cores });
  return {
    target: { host: '127.0.0.1', port },
    pids: [child.pid],
    async stop() {
      await child.stop();
      await rm(data, { recursive: true, force: true });
    },
  };
}

/** A port that was free a moment ago. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}
