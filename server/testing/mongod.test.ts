/** That what a test starts cannot outlive it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { assert, suite } from '../../protocol/testing/kit.ts';
import { LOADER, runnable } from '../../protocol/testing/launch.ts';
import { isAlive } from './alive.ts';
import { mongodReason } from './mongod.ts';

const test = suite('mongod for tests');

const CHILD = `
const { startStandalone } = await import(process.argv[1]);
const standalone = await startStandalone();
const { members } = standalone;
process.stdout.write('#' + JSON.stringify({ pid: members[0].pid, dataFolder: members[0].dataFolder }) + '\\n');
setInterval(() => {}, 1000);
`;

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}

test(
  'kill -9 of the test process ends its mongod and removes its data',
  async () => {
    const { href } = runnable('./mongod.ts', import.meta.url);
    const child = spawn(process.execPath, [...LOADER, '--input-type=module', '-e', CHILD, href], {
      cwd: dirname(fileURLToPath(import.meta.url)),
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let output = '';
    child.stdout.on('data', (chunk) => (output += chunk));
    await until(() => /#.*\n/.test(output) || child.exitCode !== null);
    const { pid, dataFolder } = JSON.parse(/#(.*)\n/.exec(output)?.[1] ?? '{}');
    assert.ok(isAlive(pid));
    child.kill('SIGKILL');
    await once(child, 'exit');
    await until(() => !isAlive(pid) && !existsSync(dirname(dataFolder)));
  },
  { skip: mongodReason },
);
