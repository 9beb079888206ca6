/** What the figures were measured on and with: without it they mean nothing. */
import { readFile, statfs } from 'node:fs/promises';
import { availableParallelism, cpus, loadavg, platform, release, totalmem } from 'node:os';
import { ROOT } from '../processes/child.ts';
import { POSTGRES_MISSING, postgresVersion } from '../processes/postgres.ts';
import { REDIS_MISSING, redisVersion } from '../processes/redis.ts';
import { TARANTOOL_MISSING, tarantoolVersion } from '../processes/tarantool.ts';

const TMPFS_MAGIC = 0x01021994;
const BUSY_LOAD = 0.5;

export type Machine = {
  cpu: string;
  cores: number;
  memoryGiB: number;
  system: string;
  /** Which cores serve and which generate load; null where the system decides. */
  pinned: string | null;
  /** Running processes in the minute before, by the kernel. */
  loadBefore: number;
  /** Of claimd, of node and of the peers that are here. */
  versions: Record<string, string>;
  /** Missing peers, with what installs them. */
  missing: string[];
  warnings: string[];
};

/** `folder` is on the disk that is measured. */
export async function machineOf(folder: string, pinned: string | null): Promise<Machine> {
  const { version } = JSON.parse(await readFile(`${ROOT}package.json`, 'utf8')) as { version: string };
  const [loadBefore = 0] = loadavg();
  const { type } = await statfs(folder);
  const peers = [
    { name: 'redis', version: redisVersion(), missing: REDIS_MISSING },
    { name: 'tarantool', version: tarantoolVersion(), missing: TARANTOOL_MISSING },
    { name: 'postgresql', version: postgresVersion(), missing: POSTGRES_MISSING },
  ];
  const here = peers.flatMap((peer) => (peer.version === null ? [] : [[peer.name, peer.version] as const]));
  const warnings = [
    ...(loadBefore > BUSY_LOAD ? [`the machine was not idle (load ${loadBefore.toFixed(2)}): trust ratios only`] : []),
    ...(type === TMPFS_MAGIC ? [`${folder} is in memory, where a sync costs nothing: give --dir on a disk`] : []),
  ];
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    system: `${platform()} ${release()}`,
    pinned,
    loadBefore,
    versions: { claimd: version, node: process.versions.node, ...Object.fromEntries(here) },
    missing: peers.flatMap((peer) => (peer.version === null ? [peer.missing] : [])),
    warnings,
  };
}

export function machineText({ cpu, cores, memoryGiB, system, pinned, versions, missing, warnings }: Machine): string {
  const parts = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  return [
    `${cpu}, ${cores} cores, ${memoryGiB} GiB, ${system}; ${pinned ?? 'no core is set apart'}`,
    parts.join(', '),
    ...missing,
    ...warnings.map((warning) => `warning: ${warning}`),
    '',
  ].join('\n');
}
