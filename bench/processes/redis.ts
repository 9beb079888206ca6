/** A Redis of one's own that syncs its log before it answers, which is what claimd promises too. */
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Processes } from './child.ts';
import { type Peer, versionBy } from './peer.ts';
import { freePort } from './port.ts';

export const REDIS_MISSING = 'redis-server is not on this machine: apt-get install redis-server redis-tools';

/** The version, or null when there is no Redis here. */
export function redisVersion(): string | null {
  return versionBy('redis-server', /v=(\S+)/);
}

/** Needs `redisVersion()`. */
export async function startRedis(processes: Processes, folder: string, cores: string | undefined): Promise<Peer> {
  const data = await mkdtemp(join(folder, 'redis-'));
  const port = await freePort();
  const server = ['--bind', '127.0.0.1', '--port', `${port}`, '--dir', data, '--daemonize', 'no'];
  // No rewrite of the log in the middle of a measurement, no snapshots beside it.
  const log = ['--appendonly', 'yes', '--appendfsync', 'always', '--auto-aof-rewrite-percentage', '0', '--save', ''];
  const program = { command: 'redis-server', args: [...server, ...log] };
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
