/**
 * What a million rows cost, as a check by hand that prints its figures: `npx tsx server/testing/whole/million-rows.ts [ROWS [rates]]`.
 * Server and edge are processes of their own on the embedded store. Files are loaded over HTTP as CSV and NDJSON, again,
 * with a kill -9 in the middle, and by the command line with Ctrl-C in the middle; then claims of a listed event and of an
 * open one are made in turns. Takes some minutes and no part in the suite.
 */
import { execFileSync, spawn } from 'node:child_process';
import { createReadStream, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { newTag, userIdOf } from '../../../bench/load/ids.ts';
import type { Job } from '../../../bench/load/job.ts';
import { Processes, ROOT } from '../../../bench/processes/child.ts';
import { type Claimd, clientOf, createEvents, startClaimd } from '../../../bench/processes/claimd.ts';
import { coresFor } from '../../../bench/processes/cores.ts';
import { cpuMsOf } from '../../../bench/processes/cpu.ts';
import { gaugeOf } from '../../../bench/processes/gauges.ts';
import { Generator } from '../../../bench/processes/generator.ts';
import { anonymousMiBOf } from '../../../bench/processes/memory.ts';
import type { Client } from '../../../clients/index.ts';

const ROWS = Number(process.argv[2] ?? 1_000_000);
const ROUNDS = 3;
/** Of one run. */
const CLAIMS_MAX = 500_000;
const BAD_LINES = [2, 3, 1_000, 5_001, 5_002, 70_000, 99_999, 100_000, 150_000, 190_000];
const CLAIMD = ['--import', 'tsx', `${ROOT}server/bin/claimd.ts`];

const cores = coresFor('on');
const processes = new Processes();
const folder = await mkdtemp(join(tmpdir(), 'claimd-million-'));
const tag = newTag();

function say(what: string, figures: object): void {
  process.stdout.write(`${what.padEnd(44)} ${JSON.stringify(figures)}\n`);
}

function rssMiBOf(pid: number): number {
  const [, kib] = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1')) ?? [];
  return Math.round(Number(kib) / 1_024);
}

async function files(): Promise<{ csv: string; ndjson: string }> {
  const ids = Array.from({ length: ROWS }, (_, index) => userIdOf(index, tag));
  const lines = ids.map((userId) => `{"userId":"${userId}"}`);
  for (const line of BAD_LINES) lines.splice(line - 1, 0, '{"userId":"no id"}');
  const [csv, ndjson] = [join(folder, 'users.csv'), join(folder, 'users.ndjson')];
  await writeFile(csv, `userId\r\n${ids.join('\r\n')}\r\n`);
  await writeFile(ndjson, `${lines.join('\n')}\n`);
  return { csv, ndjson };
}

function tokenFor({ data }: Claimd): string {
  const words = [...CLAIMD, 'token', '--user', 'operator', '--roles', 'OPERATOR', '--ttl', '1h', '--data', data];
  return execFileSync(process.execPath, words).toString().trim();
}

type Put = { event: string; file: string; method?: 'PUT' | 'DELETE' };
type Answer = { seconds: number; perS: number; status: number; body: Record<string, unknown> };

async function put(claimd: Claimd, token: string, { event, file, method = 'PUT' }: Put): Promise<Answer> {
  const { host, port } = claimd.http ?? claimd.tcp;
  const startedAt = performance.now();
  const response = await fetch(`http://${host}:${port}/v1/events/${event}/qualifications`, {
    method,
    headers: {
      authorization: `Bearer ${token}`,
      'content-type': file.endsWith('.csv') ? 'text/csv' : 'application/x-ndjson',
    },
    body: Readable.toWeb(createReadStream(file)) as ReadableStream,
    duplex: 'half',
  } as RequestInit);
  const body = (await response.json()) as Record<string, unknown>;
  const seconds = (performance.now() - startedAt) / 1_000;
  return { seconds: Math.round(seconds * 10) / 10, perS: Math.round(ROWS / seconds), status: response.status, body };
}

function brief({ seconds, perS, status, body: { errors, type: _, title: __, ...body } }: Answer): object {
  return {
    seconds,
    perS,
    status,
    ...body,
    errors: (errors as { line: number }[] | undefined)?.map(({ line }) => line),
  };
}

async function loads(claimd: Claimd, token: string, { csv, ndjson }: { csv: string; ndjson: string }): Promise<void> {
  const peaks = claimd.pids.map(() => 0);
  const watch = setInterval(() => {
    for (const [i, pid] of claimd.pids.entries()) peaks[i] = Math.max(peaks[i] ?? 0, rssMiBOf(pid));
  }, 100);
  const before = claimd.pids.map(rssMiBOf);
  say('CSV, first load', brief(await put(claimd, token, { event: 'vip', file: csv })));
  say('CSV, second load', brief(await put(claimd, token, { event: 'vip', file: csv })));
  say('NDJSON with ten bad rows, third load', brief(await put(claimd, token, { event: 'vip', file: ndjson })));
  say('NDJSON, first load of another event', brief(await put(claimd, token, { event: 'second', file: ndjson })));
  say('NDJSON, removed again', brief(await put(claimd, token, { event: 'second', file: ndjson, method: 'DELETE' })));
  clearInterval(watch);
  say('RSS in MiB: server, edge', { before, peaks, after: claimd.pids.map(rssMiBOf) });
}

async function killed(claimd: Claimd, file: string): Promise<Claimd> {
  const token = tokenFor(claimd);
  const client = await clientOf(claimd);
  const under = put(claimd, token, { event: 'killed', file }).catch((error: unknown) => String(error));
  const last = userIdOf(Math.floor(ROWS / 3), tag);
  for (let isThere = false; !isThere; ) {
    const answer = await client.qualifications.has('killed', last);
    isThere = answer.code === 'OK' && answer.qualified;
  }
  client.close();
  const [server] = claimd.pids;
  process.kill(server as number, 'SIGKILL');
  const answer = await under;
  say('killed in the middle: the edge says', typeof answer === 'string' ? { answer } : brief(answer));
  await claimd.kill();
  const again = await startClaimd(processes, { parts: 'apart', folder, data: claimd.data, cores: cores.system });
  say('and again', brief(await put(again, token, { event: 'killed', file })));
  return again;
}

async function byHand(claimd: Claimd, file: string): Promise<void> {
  const { host, port } = claimd.tcp;
  const words = [...CLAIMD, 'qualify', 'hand', file, '--data', claimd.data, '--server', `${host}:${port}`];
  for (let run = 1; run <= 3; run++) {
    const startedAt = performance.now();
    const child = spawn(process.execPath, words, { stdio: ['ignore', 'pipe', 'pipe'] });
    let [stdout, steps] = ['', 0];
    child.stdout.on('data', (chunk) => {
      stdout += chunk;
    });
    child.stderr.on('data', () => {
      steps++;
      // Once cleanly, once without a word.
      if (run < 3 && steps === 4) child.kill(run === 1 ? 'SIGINT' : 'SIGKILL');
    });
    const code = await new Promise((resolve) => child.once('close', resolve));
    const seconds = Math.round((performance.now() - startedAt) / 100) / 10;
    say(`command line, run ${run}`, {
      code,
      seconds,
      ...(stdout === '' ? {} : (JSON.parse(stdout) as object)),
      errors: [],
    });
  }
}

/** What a run leaves to be projected is not the next one's work. */
async function projected(client: Client): Promise<void> {
  while ((await gaugeOf(client, 'claimd_journal_backlog_claims')) !== 0) {
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

type Rate = { perS: number; cpuUs: number };

async function rate(claimd: Claimd, generator: Generator, event: string, client: Client): Promise<Rate> {
  await projected(client);
  const job: Job = {
    dialect: { kind: 'claimd', credential: claimd.credentials.service },
    target: claimd.tcp,
    claims: { eventKeys: [event], userTag: tag, requestTag: newTag(), userCount: null },
    ...{ batchClaims: 1, connections: 50, depth: 16, pace: { kind: 'closed' }, warmUpMs: 500, measureMs: 60_000 },
    claimsMax: Math.min(ROWS, CLAIMS_MAX),
  };
  const [server = 0] = claimd.pids;
  const [startedAt, cpuBefore] = [performance.now(), cpuMsOf([server]) ?? 0];
  const { sent, outcomes } = await generator.run(job);
  if (outcomes.GRANTED !== sent) throw new Error(`${event}: ${JSON.stringify(outcomes)}`);
  const cpuUs = (((cpuMsOf([server]) ?? 0) - cpuBefore) * 1_000) / sent;
  return { perS: Math.round((sent * 1_000) / (performance.now() - startedAt)), cpuUs: Math.round(cpuUs * 100) / 100 };
}

async function remembered(claimd: Claimd, client: Client, event: string): Promise<void> {
  const [server = 0] = claimd.pids;
  const before = {
    bytes: (await gaugeOf(client, 'claimd_eligibility_bytes')) ?? 0,
    anonymousMiB: anonymousMiBOf([server]),
  };
  const users = ((await gaugeOf(client, 'claimd_eligibility_users')) ?? 0) + ROWS;
  const startedAt = performance.now();
  await client.claim({ eventKey: event, userId: 'nobody' });
  while ((await gaugeOf(client, 'claimd_eligibility_users')) !== users) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const bytesEach = (((await gaugeOf(client, 'claimd_eligibility_bytes')) ?? 0) - before.bytes) / ROWS;
  const readMs = Math.round(performance.now() - startedAt);
  say(`${event} in memory`, { readMs, bytesEach, before, anonymousMiB: anonymousMiBOf([server]) });
}

/** Lists are loaded before the first run, since what an upload leaves behind would be the next run's burden. */
async function rates(claimd: Claimd, token: string, file: string): Promise<void> {
  const generator = await Generator.start(processes, cores.load);
  const client = await clientOf(claimd);
  const rounds = Array.from({ length: ROUNDS }, (_, n) => ({ open: `open-${n}`, listed: `list-${n}` }));
  const mode = { mode: 'journal' } as const;
  await createEvents(claimd, ['warm', ...rounds.map(({ open }) => open)], mode);
  for (const { listed } of rounds) {
    await createEvents(claimd, [listed], { ...mode, eligibility: { kind: 'listed' } });
    await put(claimd, token, { event: listed, file });
    await remembered(claimd, client, listed);
  }
  await rate(claimd, generator, 'warm', client);
  const ratios: number[] = [];
  for (const [round, { open, listed }] of rounds.entries()) {
    const runs = new Map<string, Rate>();
    const order = round % 2 === 0 ? [open, listed] : [listed, open];
    for (const event of order) runs.set(event, await rate(claimd, generator, event, client));
    const ratio = (runs.get(listed)?.perS ?? 0) / (runs.get(open)?.perS ?? 1);
    ratios.push(ratio);
    say(`round ${round}: claims`, { ...Object.fromEntries(runs), ratio: Math.round(ratio * 100) / 100 });
  }
  const [, median = 0] = ratios.sort((one, other) => one - other);
  say('listed beside open, median', { ratio: Math.round(median * 100) / 100 });
  client.close();
  await generator.stop();
}

try {
  let claimd = await startClaimd(processes, { parts: 'apart', folder, cores: cores.system });
  const listed = { eligibility: { kind: 'listed' } } as const;
  await createEvents(claimd, ['vip', 'second', 'killed', 'hand'], listed);
  const token = tokenFor(claimd);
  const { csv, ndjson } = await files();
  if (process.argv[3] !== 'rates') {
    await loads(claimd, token, { csv, ndjson });
    claimd = await killed(claimd, ndjson);
    await byHand(claimd, csv);
  }
  await rates(claimd, token, csv);
  await claimd.stop();
} finally {
  await rm(folder, { recursive: true, force: true });
}
process.exit(0);
