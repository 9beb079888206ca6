/**
 * A PostgreSQL of one's own, made by initdb in a folder of the bench, with one table whose primary key is the claim key.
 * It is durable before it answers (`fsync` and `synchronous_commit` on). It refuses to run as root, so root starts it as
 * the user that its package made.
 */
import { execFile, execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { chmod, chown, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Processes } from './child.ts';
import { type Peer, versionBy } from './peer.ts';
import { freePort } from './port.ts';

export const POSTGRES_MISSING = 'PostgreSQL is not on this machine: apt-get install postgresql';
const USER = 'postgres';
/** Debian keeps the server's programs by major version and off the PATH. */
const DEBIAN_HOME = '/usr/lib/postgresql';
const TABLE = 'create table claims (key text primary key, request_id text not null)';
const SETTINGS = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  fsync: 'on',
  synchronous_commit: 'on',
  max_connections: '300',
  shared_buffers: '1GB',
  // No checkpoint in the middle of a measurement.
  max_wal_size: '16GB',
  checkpoint_timeout: '1h',
} as const;

const run = promisify(execFile);

export function postgresVersion(): string | null {
  return versionBy(programOf('postgres'), /\(PostgreSQL\) (\S+)/);
}

/** Needs `postgresVersion()`. */
export async function startPostgres(processes: Processes, folder: string, cores: string | undefined): Promise<Peer> {
  const owner = ownerOf();
  // The folder around it is this user's own, and the server's user has to pass through it.
  await chmod(folder, 0o711);
  const data = await mkdtemp(join(folder, 'postgres-'));
  if (owner !== null) await chown(data, owner.uid, owner.gid);
  const init = ['-D', data, '-U', USER, '-A', 'trust', '-E', 'UTF8', '--locale', 'C'];
  await run(programOf('initdb'), init, { ...owner, cwd: '/' });
  const port = await freePort();
  const settings = Object.entries({ ...SETTINGS, port }).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const program = { command: programOf('postgres'), args: ['-D', data, ...settings], ...owner };
  const ready = /database system is ready to accept connections/;
  const child = await processes.start({ name: 'postgres', ...program, ready, cores });
  await run(programOf('psql'), ['-h', '127.0.0.1', '-p', `${port}`, '-U', USER, '-c', TABLE]);
  return {
    target: { host: '127.0.0.1', port },
    pids: [child.pid],
    async stop() {
      await child.stop();
      await rm(data, { recursive: true, force: true });
    },
  };
}

/** Where a program of PostgreSQL is, of the newest version here; its bare name leaves it to the PATH. */
export function programOf(name: string): string {
  try {
    const majors = readdirSync(DEBIAN_HOME).filter((entry) => /^\d+$/.test(entry));
    const newest = Math.max(...majors.map(Number));
    return majors.length === 0 ? name : join(DEBIAN_HOME, `${newest}`, 'bin', name);
  } catch {
    return name;
  }
}

/** Null where this process may be it. */
function ownerOf(): { uid: number; gid: number } | null {
  if (process.getuid?.() !== 0) return null;
  const idOf = (flag: string) => Number(execFileSync('id', [flag, USER], { encoding: 'utf8' }));
  return { uid: idOf('-u'), gid: idOf('-g') };
}
