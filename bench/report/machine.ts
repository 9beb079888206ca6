/** What the figures were measured on and with: without it they mean nothing. */
import { readFile, statfs } from 'node:fs/promises';
import { availableParallelism, cpus, loadavg, platform, release, totalmem } from 'node:os';
import { ROOT } from '../processes/child.ts';
import { redisVersion } from '../processes/redis.ts';

const TMPFS_MAGIC = 0x01021994;
const BUSY_LOAD = 0.5;

export type Machine = {
  cpu: string;
  cores: number;
  memoryGiB: number;
  system: string;
  /** Running processes in the minute before, by the kernel. */
  loadBefore: number;
  node: string;
  claimd: string;
  redis: string | null;
  warnings: string[];
};

/** `folder` is on the disk that is measured. */
export async function machineOf(folder: string): Promise<Machine> {
  const { version } = JSON.parse(await readFile(`${ROOT}package.json`, 'utf8')) as { version: string };
  const [loadBefore = 0] = loadavg();
  const { type } = await statfs(folder);
  const warnings = [
    ...(loadBefore > BUSY_LOAD ? [`the machine is not idle (load ${loadBefore.toFixed(2)}): trust ratios only`] : []),
    ...(type === TMPFS_MAGIC ? [`${folder} is in memory, where a sync costs nothing: give --dir on a disk`] : []),
  ];
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    system: `${platform()} ${release()}`,
    loadBefore,
    node: process.version,
    claimd: version,
    redis: redisVersion(),
    warnings,
  };
}

export function machineText({ cpu, cores, memoryGiB, system, node, claimd, redis, warnings }: Machine): string {
  const versions = [`claimd ${claimd}`, `node ${node}`, `redis ${redis ?? 'missing'}`];
  return [
    `${cpu}, ${cores} cores, ${memoryGiB} GiB, ${system}`,
    versions.join(', '),
    ...warnings.map((warning) => `warning: ${warning}`),
    '',
  ].join('\n');
}
