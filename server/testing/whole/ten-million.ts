/**
 * What a restart costs over many claims, as a check by hand that prints its figures: `npx tsx server/testing/whole/ten-million.ts
 * [CLAIMS [backlog|projected]]`. Claims are granted by batches through the journal of the embedded store; then kill -9, once with
 * most of them waiting to be projected, once with all of them in the store. It says how long the next start takes to be ready,
 * to grant the first claim, and to grant as quickly as an empty store did. Takes some minutes and no part in the suite.
 */
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { newTag } from '../../../bench/load/ids.ts';
import type { Job, JobResult } from '../../../bench/load/job.ts';
import { Processes } from '../../../bench/processes/child.ts';
import { type Claimd, clientOf, createEvents, startClaimd } from '../../../bench/processes/claimd.ts';
import { coresFor } from '../../../bench/processes/cores.ts';
import { cpuMsOf } from '../../../bench/processes/cpu.ts';
import { gaugeOf } from '../../../bench/processes/gauges.ts';
import { Generator } from '../../../bench/processes/generator.ts';
import { anonymousMiBOf } from '../../../bench/processes/memory.ts';

const CLAIMS = Number(process.argv[2] ?? 1_000_000);
const STATES = process.argv[3] === undefined ? ['backlog', 'projected'] : [process.argv[3]];
const EVENT = 'many';
const BACKLOG = 'claimd_journal_backlog_claims';
/** Full speed: this part of what the empty store did. */
const FULL = 0.9;
const FULL_MS_MAX = 300_000;
const BATCHES = { batchClaims: 1_000, connections: 8, depth: 2 } as const;
const SINGLES = { batchClaims: 1, connections: 50, depth: 16 } as const;

const cores = coresFor('on');
const processes = new Processes();
const folder = await mkdtemp(join(tmpdir(), 'claimd-ten-million-'));

function say(what: string, figures: object): void {
  process.stdout.write(`${what.padEnd(44)} ${JSON.stringify(figures)}\n`);
}

function rounded(value: number | null): number | null {
  return value === null ? null : Math.round(value * 100) / 100;
}

function start(data?: string): Promise<Claimd> {
  return startClaimd(processes, {
    parts: 'server',
    folder,
    cores: cores.system,
    ...(data === undefined ? {} : { data }),
  });
}

/** Of users who have no claim yet. */
async function grant(generator: Generator, claimd: Claimd, job: Partial<Job>): Promise<JobResult> {
  const result = await generator.run({
    dialect: { kind: 'claimd', credential: claimd.credentials.service },
    target: claimd.tcp,
    claims: { eventKeys: [EVENT], userTag: newTag(), requestTag: newTag(), userCount: null },
    ...{ pace: { kind: 'closed' }, warmUpMs: 0, measureMs: 600_000, claimsMax: null, ...SINGLES },
    ...job,
  });
  if (result.outcomes.GRANTED !== result.sent) throw new Error(JSON.stringify(result.outcomes));
  return result;
}

async function ratePerS(generator: Generator, claimd: Claimd, measureMs: number): Promise<number> {
  const { sent, windowMs } = await grant(generator, claimd, { measureMs });
  return Math.round((sent * 1_000) / windowMs);
}

async function gauges(claimd: Claimd): Promise<object> {
  const client = await clientOf(claimd);
  const backlog = await gaugeOf(client, BACKLOG);
  const indexMiB = ((await gaugeOf(client, 'claimd_index_bytes')) ?? 0) / 2 ** 20;
  const indexed = await gaugeOf(client, 'claimd_index_claims');
  client.close();
  return { backlog, indexed, indexMiB: rounded(indexMiB), anonymousMiB: rounded(anonymousMiBOf(claimd.pids)) };
}

async function projected(claimd: Claimd): Promise<void> {
  const client = await clientOf(claimd);
  while ((await gaugeOf(client, BACKLOG)) !== 0) await new Promise((resolve) => setTimeout(resolve, 500));
  client.close();
}

async function bytesIn(path: string): Promise<number> {
  const names = await readdir(path, { recursive: true });
  const sizes = await Promise.all(names.map(async (name) => (await stat(join(path, name))).size));
  return sizes.reduce((sum, size) => sum + size, 0);
}

async function restarted(generator: Generator, before: Claimd, state: string, emptyPerS: number): Promise<Claimd> {
  await before.kill();
  say(`${state}: on disk`, { MiB: rounded((await bytesIn(before.data)) / 2 ** 20) });
  const startedAt = performance.now();
  const since = () => rounded((performance.now() - startedAt) / 1_000);
  const claimd = await start(before.data);
  const readyS = since();
  // What it takes on a machine that has nothing else to do.
  const readyCpuS = rounded((cpuMsOf(claimd.pids) ?? 0) / 1_000);
  await grant(generator, claimd, { connections: 1, depth: 1, claimsMax: 1 });
  const firstClaimS = since();
  say(`${state}: after kill -9`, { readyS, readyCpuS, firstClaimS, ...(await gauges(claimd)) });
  const rates: (number | null)[][] = [];
  for (let perS = 0; perS < emptyPerS * FULL && performance.now() - startedAt < FULL_MS_MAX; ) {
    const at = since();
    perS = await ratePerS(generator, claimd, 1_000);
    rates.push([at, perS]);
  }
  say(`${state}: seconds since the start, claims/s`, { fullS: since(), rates: rates.slice(0, 5), last: rates.at(-1) });
  say(`${state}: then`, await gauges(claimd));
  return claimd;
}

try {
  const generator = await Generator.start(processes, cores.load);
  let claimd = await start();
  await createEvents(claimd, [EVENT]);
  await ratePerS(generator, claimd, 1_000);
  const emptyPerS = await ratePerS(generator, claimd, 3_000);
  say('an empty store', { perS: emptyPerS, ...(await gauges(claimd)) });
  const { sent, windowMs } = await grant(generator, claimd, { ...BATCHES, claimsMax: CLAIMS });
  say('granted in batches', { sent, perS: Math.round((sent * 1_000) / windowMs), ...(await gauges(claimd)) });
  say('and then', { perS: await ratePerS(generator, claimd, 3_000) });
  for (const state of STATES) {
    if (state === 'projected') {
      const startedAt = performance.now();
      await projected(claimd);
      say('projected', { seconds: rounded((performance.now() - startedAt) / 1_000), ...(await gauges(claimd)) });
      say('and then', { perS: await ratePerS(generator, claimd, 3_000) });
      await projected(claimd);
    }
    claimd = await restarted(generator, claimd, state, emptyPerS);
  }
  await claimd.stop();
} finally {
  await rm(folder, { recursive: true, force: true });
}
process.exit(0);
