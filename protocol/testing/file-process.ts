/**
 * One test file in a process of its own. The file's process tells by messages which test it is in and, at the end, its
 * tally; everything it prints is kept and shown in one piece. Invariant: the result comes, whatever the file does, and a
 * file that did not say how it went has failed.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Tally } from './kit.ts';

const FILE_DEADLINE_MS = 180_000;

export type Result = { file: string; passed: number; failed: number; skipped: string[]; seconds: number };
/** What a file's process says to the runner. */
export type Message = { begins: string } | { tally: Tally } | { left: string[] };
/** `shown` replaces `folder` in what is printed: a failure names the file that one edits. */
export type Place = { folder: string; shown: string };

const running = new Set<ChildProcess>();

/** For when the run itself is ended. */
export function killFiles(): void {
  for (const child of running) child.kill('SIGKILL');
}

/** Prints the file's output and resolves with how it went. */
export async function runFile(file: string, { folder, shown }: Place): Promise<Result> {
  const startedAt = performance.now();
  const program = join(folder, 'protocol/testing/run-file.js');
  const compiled = join(folder, file.replace(/\.ts$/, '.js'));
  const printed = join(folder, `${file}.output`);
  // A file takes what is printed at once, where a pipe loses what is on its way when the process is ended.
  const descriptor = openSync(printed, 'w');
  const child = spawn(process.execPath, ['--enable-source-maps', program, compiled], {
    cwd: folder,
    stdio: ['ignore', descriptor, descriptor, 'ipc'],
  });
  closeSync(descriptor);
  const said: { test: string | null; tally: Tally | null; left: string[] } = { test: null, tally: null, left: [] };
  child.on('message', (message: Message) => {
    if ('begins' in message) said.test = message.begins;
    else if ('tally' in message) said.tally = message.tally;
    else said.left = message.left;
  });
  const { code, signal, isLate } = await endOf(child);
  const { passed, failed, skipped } = said.tally ?? { passed: 0, failed: 0, skipped: [] };
  const seconds = (performance.now() - startedAt) / 1000;
  process.stdout.write(
    `\n${file} (${seconds.toFixed(1)} s)\n${readFileSync(printed, 'utf8').replaceAll(folder, shown)}`,
  );
  const died = said.tally === null || (code !== 0 && failed === 0);
  if (said.left.length > 0) process.stdout.write(`  left open: ${[...new Set(said.left)].join(', ')}\n`);
  if (isLate) process.stdout.write(`\n  not finished after ${FILE_DEADLINE_MS / 1000} s\n`);
  if (died) {
    const where = said.tally === null && said.test !== null ? ` in the test: ${said.test}` : '';
    process.stdout.write(`  the file ended with ${signal ?? `exit code ${code}`}${where}\n`);
  }
  return { file, passed, failed: failed + (died ? 1 : 0), skipped, seconds };
}

type End = { code: number | null; signal: string | null; isLate: boolean };

/** When it is gone and all that it said is heard. It is killed at the deadline. */
function endOf(child: ChildProcess): Promise<End> {
  running.add(child);
  let isLate = false;
  const alarm = setTimeout(() => {
    isLate = true;
    child.kill('SIGKILL');
  }, FILE_DEADLINE_MS);
  return new Promise((resolve) => {
    child.on('close', (code, signal) => {
      running.delete(child);
      clearTimeout(alarm);
      resolve({ code, signal, isLate });
    });
  });
}
