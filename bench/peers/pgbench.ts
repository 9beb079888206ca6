/**
 * PostgreSQL's own load tool on the same question: one claim a transaction, `on conflict do nothing`, prepared. Keys are
 * random of 62 bits, so that next to none comes twice; its table then holds as many rows as it was asked to write.
 */
import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { requestIdOf } from '../load/ids.ts';
import type { JobResult, Target } from '../load/job.ts';
import { programOf } from '../processes/postgres.ts';

const run = promisify(execFile);
const REQUEST_ID = requestIdOf(0, 'pgbench');
const INSERT = `insert into claims values ('bench/-/u' || :user, '${REQUEST_ID}') on conflict do nothing;\n`;
const USER = '\\set user random(1, 4611686018427387904)\n';
/** Of which latencies are written down. */
const LATENCY_SHARE = 0.05;

export type PgbenchOptions = {
  target: Target;
  connections: number;
  /** Inserts that are sent together and synced together, as one transaction. */
  pipelined: number;
  seconds: number;
  folder: string;
  cores: string | undefined;
};

/** Rejects when a transaction failed. */
export async function pgbench(
  options: PgbenchOptions,
): Promise<Pick<JobResult, 'sent' | 'outcomes' | 'perS' | 'windowMs' | 'latencyMs'>> {
  const { pipelined, seconds } = options;
  const folder = await mkdtemp(join(options.folder, 'pgbench-'));
  try {
    await writeFile(join(folder, 'claim.sql'), scriptOf(pipelined));
    const before = await rowsOf(options.target);
    const output = await load(options, folder);
    const stored = (await rowsOf(options.target)) - before;
    const transactions = Number(/transactions actually processed: (\d+)/.exec(output)?.[1]);
    const perS = Number(/tps = ([\d.]+)/.exec(output)?.[1]) * pipelined;
    const sent = transactions * pipelined;
    const latencyMs = await latencyIn(folder);
    return { sent, outcomes: { GRANTED: stored }, perS, windowMs: seconds * 1_000, latencyMs };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function scriptOf(pipelined: number): string {
  if (pipelined === 1) return USER + INSERT;
  return `\\startpipeline\n${(USER + INSERT).repeat(pipelined)}\\endpipeline\n`;
}

async function load({ target, connections, seconds, cores }: PgbenchOptions, folder: string): Promise<string> {
  const load = [
    '-c',
    `${connections}`,
    '-j',
    '1',
    '-T',
    `${Math.ceil(seconds)}`,
    '-n',
    '-M',
    'prepared',
    '-f',
    'claim.sql',
  ];
  const log = ['--log', '--log-prefix', 'latency', '--sampling-rate', `${LATENCY_SHARE}`];
  const words = [programOf('pgbench'), ...addressOf(target), ...load, ...log, 'postgres'];
  const [command = '', ...args] = cores === undefined ? words : ['taskset', '-c', cores, ...words];
  const { stdout } = await run(command, args, { cwd: folder });
  return stdout;
}

async function rowsOf(target: Target): Promise<number> {
  const { stdout } = await run(programOf('psql'), [
    ...addressOf(target),
    '-Atc',
    'select count(*) from claims',
    'postgres',
  ]);
  return Number(stdout);
}

function addressOf({ host, port }: Target): string[] {
  return ['-h', host, '-p', `${port}`, '-U', 'postgres'];
}

/** Lines are client, transaction, microseconds, script, and the time. */
async function latencyIn(folder: string): Promise<JobResult['latencyMs']> {
  const names = (await readdir(folder)).filter((name) => name.startsWith('latency'));
  const logs = await Promise.all(names.map((name) => readFile(join(folder, name), 'latin1')));
  const lines = logs.flatMap((log) => log.trim().split('\n'));
  const sorted = lines.map((line) => Number(line.split(' ')[2]) / 1_000).sort((a, b) => a - b);
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
  return { p50: at(0.5), p99: at(0.99), p999: at(0.999), max: at(1) };
}
