/**
 * `npm test [-- part-of-a-path …]`: every `*.test.ts` of the tree in a process of its own, two at a time; one that fails
 * runs once more alone. The last line is `N passed, N failed` with `, N skipped` where some were.
 */
import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import type { Tally } from './kit.ts';

const FILE_DEADLINE_MS = 180_000;
const root = fileURLToPath(new URL('../..', import.meta.url));
const wanted = process.argv.slice(2);

const files = ['protocol', 'server', 'edge', 'clients', 'bench']
  .flatMap((folder) => readdirSync(root + folder, { recursive: true }).map((name) => `${folder}/${name}`))
  .filter((path) => path.endsWith('.test.ts') && (wanted.length === 0 || wanted.some((part) => path.includes(part))))
  .sort();

type Result = { file: string; passed: number; failed: number; skipped: string[]; seconds: number };

function runFile(file: string): Promise<Result> {
  return new Promise((resolve) => {
    const startedAt = performance.now();
    const child = spawn(process.execPath, ['--import', 'tsx', `${root}protocol/testing/run-file.ts`, root + file], {
      cwd: root,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    child.stdout.on('data', (chunk) => (output += chunk));
    child.stderr.on('data', (chunk) => (output += chunk));
    const alarm = setTimeout(() => child.kill('SIGKILL'), FILE_DEADLINE_MS);
    child.on('close', (code, signal) => {
      clearTimeout(alarm);
      const found = /#tally (.*)\n/.exec(output);
      const tally: Tally = found
        ? JSON.parse(found[1] as string)
        : { registered: 0, passed: 0, failed: 0, skipped: [] };
      const died = found === null || output.includes('#leak') || (code !== 0 && tally.failed === 0);
      const seconds = (performance.now() - startedAt) / 1000;
      process.stdout.write(
        `\n${file} (${seconds.toFixed(1)} s)\n${output.replace(/\n#tally .*\n/, '').replace('#leak\n', '')}`,
      );
      if (died) process.stdout.write(`  the file ended with ${signal ?? `exit code ${code}`}\n`);
      resolve({ file, passed: tally.passed, failed: tally.failed + (died ? 1 : 0), skipped: tally.skipped, seconds });
    });
  });
}

const queue = [...files];
const results: Result[] = [];
async function work(): Promise<void> {
  for (let file = queue.shift(); file !== undefined; file = queue.shift()) results.push(await runFile(file));
}
await Promise.all(Array.from({ length: Math.min(2, availableParallelism()) }, work));

// Files that drive real processes may starve beside one another on a small machine. Each gets a second chance with the
// machine to itself, and the summary names it: passing only alone is worth a look, failing alone is a failure.
for (const [i, { file, failed }] of results.entries()) {
  if (failed === 0) continue;
  results[i] = await runFile(file);
  process.stdout.write(`ran again alone: ${file}\n`);
}

for (const { file, skipped } of results) {
  for (const reason of skipped) process.stdout.write(`skipped in ${file}: ${reason}\n`);
}
const sum = (count: (result: Result) => number) => results.reduce((total, result) => total + count(result), 0);
const passed = sum((result) => result.passed);
const skipped = sum((result) => result.skipped.length);
const failed = sum((result) => result.failed) + (passed === 0 ? 1 : 0);
for (const { file } of results.filter((result) => result.failed > 0)) process.stdout.write(`failed: ${file}\n`);
process.stdout.write(`\n${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}\n`);
process.exitCode = failed > 0 ? 1 : 0;
