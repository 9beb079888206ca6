/**
 * One test file in a process of its own. The file's process tells by messages which test it is in and, at the end, its
 * tally; everything it prints is kept and shown in one piece. Invariant: the result comes, whatever the file does, and a
 * file that did not say how it went has failed.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import type { Tally } from './kit.ts';

const FILE_DEADLINE_MS = 180_000;
/** What a dead file left running may hold its output open; nobody waits for that longer than this. */
const OUTPUT_MS_MAX = 2_000;

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
  const child = spawn(process.execPath, ['--enable-source-maps', program, compiled], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  const said: { test: string | null; tally: Tally | null; left: string[] } = { test: null, tally: null, left: [] };
  child.on('message', (message: Message) => {
    if ('begins' in message) said.test = message.begins;
    else if ('tally' in message) said.tally = message.tally;
    else said.left = message.left;
  });
  const { output, code, signal, isHeld } = await outcomeOf(child);
  const { passed, failed, skipped } = said.tally ?? { passed: 0, failed: 0, skipped: [] };
  const seconds = (performance.now() - startedAt) / 1000;
  process.stdout.write(`\n${file} (${seconds.toFixed(1)} s)\n${output.replaceAll(folder, shown)}`);
  const died = said.tally === null || isHeld || (code !== 0 && failed === 0);
  if (said.left.length > 0) process.stdout.write(`  left open: ${[...new Set(said.left)].join(', ')}\n`);
  if (died) {
    const where = said.tally === null && said.test !== null ? ` in the test: ${said.test}` : '';
    process.stdout.write(`  the file ended with ${signal ?? `exit code ${code}`}${where}\n`);
  }
  return { file, passed, failed: failed + (died ? 1 : 0), skipped, seconds };
}

/** `isHeld` where a process that the file left behind held its output open. */
type Outcome = { output: string; code: number | null; signal: string | null; isHeld: boolean };

async function outcomeOf(child: ChildProcess): Promise<Outcome> {
  running.add(child);
  let output = '';
  let isHeld = false;
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  const alarm = setTimeout(() => {
    output += `\n  not finished after ${FILE_DEADLINE_MS / 1000} s\n`;
    child.kill('SIGKILL');
  }, FILE_DEADLINE_MS);
  return new Promise((resolve) => {
    child.on('exit', () => {
      running.delete(child);
      clearTimeout(alarm);
      const patience = setTimeout(() => {
        output += '\n  a process that the file left behind holds its output open\n';
        isHeld = true;
        child.stdout?.destroy();
        child.stderr?.destroy();
      }, OUTPUT_MS_MAX);
      child.on('close', () => clearTimeout(patience));
    });
    child.on('close', (code, signal) => resolve({ output, code, signal, isHeld }));
  });
}
