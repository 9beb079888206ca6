/**
 * Two processes on one data folder: the second stops with one line and changes nothing for the first; after kill -9 the next
 * one starts at once.
 */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { ROOT } from '../../processes/child.ts';
import type { Campaign, Context } from '../campaign.ts';
import { commandOf, ServerProcess } from '../server-process.ts';

/** Not 78: the settings are right, and the same start works once the other process is gone. */
const REFUSED_EXIT_CODE = 1;
/** A start that waits for a stale lock to time out would take longer. */
const RESTART_MS_MAX = { full: 5_000, short: 30_000 } as const;

export const lock: Campaign = {
  help: 'two processes on one data folder, and a start right after kill -9',
  rounds: { lmdb: 5, mongo: 0 },
  stores: ['lmdb'],
  modes: ['direct'],
  run: locks,
};

async function locks({ rounds, folder, processes, findings, length }: Context): Promise<void> {
  const data = join(folder, 'data');
  let server = await ServerProcess.start(processes, { data });
  for (let round = 1; round <= rounds; round++) {
    const second = await refusedStart(data);
    findings.expect(second.code === REFUSED_EXIT_CODE, `the second process ended with ${second.code}`);
    const isOneLine = /^claimd: [^\n]+\n$/.test(second.stderr) && second.stdout === '';
    findings.expect(isOneLine, `the second process said ${JSON.stringify(second.stderr + second.stdout)}`);
    await server.with((client) => client.events.list());
    await server.kill();
    server = await ServerProcess.start(processes, { data });
    await server.with((client) => client.events.list());
    const restartMs = Math.round(performance.now() - server.spawnedAtMs);
    findings.expect(restartMs < RESTART_MS_MAX[length], `the start after kill -9 took ${restartMs} ms`);
    findings.row({ round, 'exit code': second.code ?? -1, 'restart ms': restartMs, said: second.stderr.trim() });
  }
  findings.add('rounds', rounds);
  await server.stop();
}

async function refusedStart(data: string) {
  const { command, args } = commandOf({ data });
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('CLAIMD_')));
  const child = spawn(command, args, { cwd: ROOT, env, stdio: ['ignore', 'pipe', 'pipe'] });
  const code = new Promise<number | null>((resolve) => child.once('exit', resolve));
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  return { code: await code, stdout, stderr };
}
