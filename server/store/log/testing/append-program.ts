/**
 * Run by tests as a process of its own, to be traced or killed: `append-program DIRECTORY BOOT BLOCKS THROUGH`. Appends
 * blocks, small and large in turn, and says `answered N` on stdout by a plain write when the N-th is durable, so that its
 * place among the other system calls is the moment of the answer. BLOCKS is 0 for ever.
 */
import { writeSync } from 'node:fs';
import { realRuntime } from '../../../lib/runtime.ts';
import { JournalWriter } from '../../testing/journal-writer.ts';
import { filesOf, type Through } from '../files.ts';
import { openLog } from '../open.ts';

const IN_FLIGHT = 4;
const SMALL_CLAIMS = 3;
const LARGE_CLAIMS = 300;
const [, , directory = '', boot = '', blocks = '', through = ''] = process.argv;
const last = Number(blocks) || Number.POSITIVE_INFINITY;

const files = filesOf(through as Through);
const log = await openLog({ directory, nodeId: 'node-1', runtime: realRuntime, files }).open(boot);
const writer = new JournalWriter(log);
let next = 1;

async function work(): Promise<void> {
  while (next <= last) {
    const number = next++;
    const claims = number % 3 === 0 ? LARGE_CLAIMS : SMALL_CLAIMS;
    await writer.append(claims, { userId: `durable-${number}-user` });
    writeSync(1, `answered ${number}\n`);
  }
}

await Promise.all(Array.from({ length: IN_FLIGHT }, work));
await log.close();
