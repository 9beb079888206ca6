/** Redis's own load tool on the same command, to see that our generator does not make Redis look slow. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { requestIdOf } from '../load/ids.ts';
import type { Target } from '../load/job.ts';

const run = promisify(execFile);
/** As far as the tool's own integer goes: next to no key comes twice. */
const KEY_SPACE = `${2 ** 31 - 1}`;
const VALUE = requestIdOf(0, 'crosscheck');

export type RedisBenchmark = { target: Target; connections: number; pipelined: number; requests: number };

/** Requests per second; null where the tool is missing. */
export async function redisBenchmark(
  { target: { host, port }, connections, pipelined, requests }: RedisBenchmark,
  cores: string | undefined,
): Promise<number | null> {
  const load = ['-c', `${connections}`, '-P', `${pipelined}`, '-n', `${requests}`, '-r', KEY_SPACE, '--csv'];
  const set = ['SET', 'bench/-/u__rand_int__xyz', VALUE, 'NX'];
  const words = ['redis-benchmark', '-h', host, '-p', `${port}`, ...load, ...set];
  const [command = '', ...args] = cores === undefined ? words : ['taskset', '-c', cores, ...words];
  try {
    const { stdout } = await run(command, args);
    const last = stdout.trim().split('\n').at(-1) ?? '';
    return Number(/^".*?","([\d.]+)"/.exec(last)?.[1] ?? Number.NaN);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}
