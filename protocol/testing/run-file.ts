/** Runs one test file in this process and ends it. Prints the tally as the last line for `run.ts`. */
import { pathToFileURL } from 'node:url';

const ALARM_MS = 5_000;

// uvu runs suites by a timer of its own unless it is told that a runner does it.
Object.assign(globalThis, { UVU_DEFER: 1, UVU_QUEUE: [[null]] });
const { runs, tally } = await import('./kit.ts');
const { exec } = await import('uvu');

await import(pathToFileURL(process.argv[2] as string).href);
for (const run of runs) run();
await exec();

const problems: string[] = [];
if (tally.registered === 0) problems.push('the file has no test');
// A hook that throws ends uvu's suite without counting anything.
if (tally.passed + tally.failed + tally.skipped.length !== tally.registered) problems.push('not every test ran');
for (const problem of problems) process.stdout.write(`  ${problem}\n`);
if (problems.length > 0) tally.failed++;

process.stdout.write(`\n#tally ${JSON.stringify(tally)}\n`);
// What keeps the process alive now was left open by a test.
setTimeout(() => {
  process.stdout.write(`  left open: ${process.getActiveResourcesInfo().join(', ')}\n#leak\n`, () => process.exit(1));
}, ALARM_MS).unref();
