/**
 * A Tarantool of one's own: an in-memory space with a log that is synced before the answer (`wal_mode = 'fsync'`). It may
 * have more requests at work than it would by default, and writes no snapshot in the middle of a measurement.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Processes } from './child.ts';
import { type Peer, versionBy } from './peer.ts';
import { freePort } from './port.ts';

export const TARANTOOL_MISSING = 'tarantool is not on this machine: apt-get install tarantool';
export const CLAIMS_SPACE = 512;
const MEMORY_BYTES = 4 * 2 ** 30;

export function tarantoolVersion(): string | null {
  return versionBy('tarantool', /^Tarantool (\S+?)-/);
}

/** Needs `tarantoolVersion()`. */
export async function startTarantool(processes: Processes, folder: string, cores: string | undefined): Promise<Peer> {
  const data = await mkdtemp(join(folder, 'tarantool-'));
  const port = await freePort();
  const program = join(data, 'claims.lua');
  await writeFile(program, luaOf(data, port));
  const ready = /claims ready/;
  const child = await processes.start({ name: 'tarantool', command: 'tarantool', args: [program], ready, cores });
  return {
    target: { host: '127.0.0.1', port },
    pids: [child.pid],
    async stop() {
      await child.stop();
      await rm(data, { recursive: true, force: true });
    },
  };
}

function luaOf(data: string, port: number): string {
  return `
box.cfg{
  listen = '127.0.0.1:${port}', work_dir = '${data}', wal_mode = 'fsync', memtx_memory = ${MEMORY_BYTES},
  net_msg_max = 16384, checkpoint_interval = 0, checkpoint_wal_threshold = 10^15, log_level = 2,
}
local claims = box.schema.space.create('claims', { id = ${CLAIMS_SPACE} })
claims:create_index('primary', { type = 'hash', parts = { { 1, 'string' } } })
box.schema.user.grant('guest', 'read,write', 'space', 'claims')
print('claims ready')
io.stdout:flush()
`;
}
