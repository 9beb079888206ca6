/**
 * `npm test [-- part-of-a-path …]`: every `*.test.ts` of the tree, compiled, in a process of its own, a few at a time; one
 * that fails runs once more alone. The last line is `N passed, N failed` with `, N skipped` where some were.
 */
import { readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { killFiles, type Place, type Result, runFile } from './file-process.ts';
import { FOLDERS, snapshotOf } from './snapshot.ts';

const SLOWEST_COUNT = 10;
/** A file waits for disks, elections and timers about half of its time. */
const AT_ONCE = Math.min(4, availableParallelism() + 1);
const root = fileURLToPath(new URL('../..', import.meta.url));

/**
 * The first worker takes from the front, where whole programs run under load, and the others from the back: programs never
 * run beside programs, and what is left at the end, from the middle, is small.
 */
async function runAll(files: readonly string[], place: Place): Promise<Result[]> {
  const queue = [...files];
  const results: Result[] = [];
  async function work(next: () => string | undefined): Promise<void> {
    for (let file = next(); file !== undefined; file = next()) results.push(await runFile(file, place));
  }
  const others = Array.from({ length: AT_ONCE - 1 }, () => work(() => queue.pop()));
  await Promise.all([work(() => queue.shift()), ...others]);
  return results;
}

/**
 * Files that drive real processes may starve beside one another on a small machine. Each gets a second chance with the
 * machine to itself, and the summary names it: passing only alone is worth a look, failing alone is a failure.
 */
async function failedAgainAlone(results: readonly Result[], place: Place): Promise<Result[]> {
  const final: Result[] = [];
  for (const result of results) {
    final.push(result.failed === 0 ? result : await runFile(result.file, place));
    if (result.failed > 0) process.stdout.write(`ran again alone: ${result.file}\n`);
  }
  return final;
}

function print(results: readonly Result[]): void {
  for (const { file, skipped } of results) {
    for (const reason of skipped) process.stdout.write(`skipped in ${file}: ${reason}\n`);
  }
  const slowest = [...results].sort((a, b) => b.seconds - a.seconds).slice(0, SLOWEST_COUNT);
  if (results.length > SLOWEST_COUNT) {
    process.stdout.write('\nthe slowest files\n');
    for (const { file, seconds } of slowest) process.stdout.write(`${seconds.toFixed(1).padStart(6)} s ${file}\n`);
  }
  for (const { file } of results.filter(({ failed }) => failed > 0)) process.stdout.write(`failed: ${file}\n`);
}

/** Resolves with whether nothing failed. */
async function run(wanted: readonly string[], place: Place, fault: string | null): Promise<boolean> {
  const files = FOLDERS.flatMap((folder) =>
    readdirSync(`${place.folder}/${folder}`, { recursive: true }).map((name) => `${folder}/${name}`),
  )
    .filter((path) => path.endsWith('.test.ts') && (wanted.length === 0 || wanted.some((part) => path.includes(part))))
    .sort();
  const results = await failedAgainAlone(await runAll(files, place), place);
  print(results);
  // A file that cannot be compiled may be one that no test imports.
  if (fault !== null) process.stdout.write(`failed: the compiler\n${fault}\n`);
  const sum = (count: (result: Result) => number) => results.reduce((total, result) => total + count(result), 0);
  const passed = sum((result) => result.passed);
  const skipped = sum((result) => result.skipped.length);
  const failed = sum((result) => result.failed) + (passed === 0 || fault !== null ? 1 : 0);
  process.stdout.write(`\n${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}\n`);
  return failed === 0;
}

const { folder, fault, remove } = await snapshotOf(root);
process.on('exit', () => {
  killFiles();
  remove();
});
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    process.stdout.write(`\nthe run was ended by ${signal}\n`);
    process.exit(1);
  });
}
process.exitCode = (await run(process.argv.slice(2), { folder, shown: root.replace(/\/$/, '') }, fault)) ? 0 : 1;
