import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { assert, rejection, suite } from '../../protocol/testing/kit.ts';
import { LOADER, runnable } from '../../protocol/testing/launch.ts';
import { FolderInUse, lockFolder } from './folder-lock.ts';

const test = suite('folder lock');
const MODULE = runnable('./folder-lock.ts', import.meta.url).href;
const LOCK_AND_STAY = `
  const { lockFolder } = await import(${JSON.stringify(MODULE)});
  try {
    await lockFolder(process.argv[1]);
    console.log('locked');
    setInterval(() => {}, 60_000);
  } catch (error) {
    console.log(error.name + ': ' + error.message);
  }`;

async function withFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'claimd-lock-'));
  try {
    await body(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Another process that tries for the lock; resolves with the line it printed. */
async function contender(folder: string): Promise<{ child: ChildProcess; line: string }> {
  const child = spawn(process.execPath, [...LOADER, '--input-type=module', '-e', LOCK_AND_STAY, folder], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [chunk] = await once(child.stdout, 'data');
  return { child, line: String(chunk).trim() };
}

test('a second process is refused in one line that names the folder and the holder', () =>
  withFolder(async (folder) => {
    const lock = await lockFolder(folder);
    const { child, line } = await contender(folder);
    assert.is(line, `FolderInUse: the data folder ${folder} is in use by process ${process.pid}`);
    if (child.exitCode === null) await once(child, 'exit');
    await lock.release();
  }));

test('a second lock in the same process is refused, until the first is released', () =>
  withFolder(async (folder) => {
    const first = await lockFolder(folder);
    assert.instance(await rejection(lockFolder(folder)), FolderInUse);
    assert.instance(await rejection(lockFolder(join(folder, '.'))), FolderInUse);
    await first.release();
    await first.release();
    const second = await lockFolder(folder);
    assert.instance(await rejection(lockFolder(folder)), FolderInUse);
    await second.release();
  }));

test('kill -9 of the holder leaves no lock', () =>
  withFolder(async (folder) => {
    const { child, line } = await contender(folder);
    assert.is(line, 'locked');
    const refusal = await rejection(lockFolder(folder));
    assert.is(refusal.message, `the data folder ${folder} is in use by process ${child.pid}`);
    child.kill('SIGKILL');
    await once(child, 'exit');
    await (await lockFolder(folder)).release();
  }));

test('a folder that is not there is made', () =>
  withFolder(async (folder) => {
    const lock = await lockFolder(join(folder, 'a', 'b'));
    assert.instance(await rejection(lockFolder(join(folder, 'a', 'b'))), FolderInUse);
    await lock.release();
  }));
