/** Runs one test file in this process and ends it. Tells `run.ts` by messages how it went, or prints it where nobody listens. */
import { pathToFileURL } from 'node:url';
import type { Message } from './file-process.ts';

const ALARM_MS = 5_000;

// uvu runs suites by a timer of its own unless it is told that a runner does it.
Object.assign(globalThis, { UVU_DEFER: 1, UVU_QUEUE: [[null]] });
const { runs, tally, watch } = await import('./kit.ts');
const { exec } = await import('uvu');

function tell(message: Message, then: () => void = () => {}): void {
  if (process.send !== undefined) process.send(message, then);
  else {
    if (!('begins' in message)) process.stdout.write(`${JSON.stringify(message)}\n`);
    then();
  }
}
// The channel is no reason to live on, and its end is one to die: nobody would stop a file whose runner is gone.
process.once('disconnect', () => process.exit(1));
process.channel?.unref();
watch((begins) => tell({ begins }));

await import(pathToFileURL(process.argv[2] as string).href);
for (const run of runs) run();
await exec();

const problems: string[] = [];
if (tally.registered === 0) problems.push('the file has no test');
// A hook that throws ends uvu's suite without counting anything.
if (tally.passed + tally.failed + tally.skipped.length !== tally.registered) problems.push('not every test ran');
for (const problem of problems) process.stdout.write(`  ${problem}\n`);
if (problems.length > 0) tally.failed++;
tell({ tally });

// What keeps the process alive now was left open by a test.
setTimeout(() => tell({ left: process.getActiveResourcesInfo() }, () => process.exit(1)), ALARM_MS).unref();
