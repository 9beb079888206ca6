/** On a real disk: the bytes are through before the answer, and a killed process leaves everything that it answered. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { assert, suite } from '../../../protocol/testing/kit.ts';
import { launchOf } from '../../../protocol/testing/launch.ts';
import { chanceOf } from '../../../protocol/testing/random.ts';
import { realRuntime } from '../../lib/runtime.ts';
import { AT } from '../block/layout.ts';
import { type Call, straceMissing, traced } from '../lmdb/testing/strace.ts';
import { blocksFrom } from '../testing/journal-writer.ts';
import type { Through } from './files.ts';
import { openLog } from './open.ts';
import { temporaryFolder } from './testing/temporary.ts';

const test = suite('log durability');
const skip = straceMissing();
const program = '../../log/testing/append-program.ts';
const CALLS = 'openat,pwrite64,fdatasync,write,close';
/** A slow disk, so that an answer that does not wait for it is seen to come first. */
const SLOW: Readonly<Record<Through, string>> = {
  flag: 'pwrite64:delay_enter=5000',
  sync: 'fdatasync:delay_enter=5000',
};
const BLOCKS = 24;

async function withFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = temporaryFolder();
  try {
    await body(folder.path);
  } finally {
    folder.remove();
  }
}

/** How each descriptor was opened at that point of the trace. */
function flagsAt(calls: readonly Call[], descriptor: string): string {
  return calls.findLast(({ name, line }) => name === 'openat' && new RegExp(`= ${descriptor}$`).test(line))?.line ?? '';
}

/** Blocks that were answered before their bytes were through. */
function answeredTooEarly(calls: readonly Call[], through: Through): number[] {
  return calls.flatMap(({ name, line }, answeredAt) => {
    const number = name === 'write' ? /"answered (\d+)\\n"/.exec(line)?.[1] : undefined;
    if (number === undefined) return [];
    const before = calls.slice(0, answeredAt);
    const writtenAt = before.findIndex(
      (call) => call.name === 'pwrite64' && call.line.includes(`durable-${number}-user`),
    );
    if (writtenAt === -1) return [Number(number)];
    const descriptor = /^pwrite64\((\d+),/.exec(before[writtenAt]?.line ?? '')?.[1] ?? '';
    const isThrough = flagsAt(before.slice(0, writtenAt), descriptor).includes('O_DSYNC');
    const isSynced = before
      .slice(writtenAt)
      .some(({ line }) => /^fdatasync\((\d+)/.exec(line)?.[1] === descriptor && / = 0( |$)/.test(line));
    return (through === 'flag' ? isThrough : isSynced) ? [] : [Number(number)];
  });
}

for (const through of ['flag', 'sync'] as const) {
  test(
    `every block is through, by ${through}, before it is answered`,
    () =>
      withFolder(async (folder) => {
        const args = [join(folder, 'journal'), 'b1', String(BLOCKS), through];
        const { output, calls } = await traced(folder, { program, args, inject: SLOW[through], calls: CALLS });
        assert.is(output.split('\n').filter((line) => line.startsWith('answered')).length, BLOCKS);
        assert.equal(answeredTooEarly(calls, through), []);
      }),
    { skip },
  );
}

/** Appends in another process until it is killed. Says how many blocks were answered. */
async function killed(directory: string, boot: string, answersMin: number): Promise<number> {
  const program = launchOf('./testing/append-program.ts', import.meta.url);
  const child = spawn(process.execPath, [...program, directory, boot, '0', 'flag']);
  const closed = new Promise((resolve) => child.on('close', resolve));
  let answered = 0;
  for await (const line of createInterface({ input: child.stdout })) {
    if (line.startsWith('answered ')) answered++;
    if (answered === answersMin) child.kill('SIGKILL');
  }
  await closed;
  return answered;
}

test('a killed process leaves every block that it answered', () =>
  withFolder(async (folder) => {
    const chance = chanceOf(20_261_122);
    const directory = join(folder, 'journal');
    const answered = new Map<string, number>();
    for (const boot of ['b1', 'b2', 'b3'])
      answered.set(`node-1.${boot}`, await killed(directory, boot, 1 + chance.integer(300)));
    const log = await openLog({ directory, nodeId: 'node-1', runtime: realRuntime }).open('last');
    const found = new Map<string, number>();
    for (const block of await blocksFrom(log, log.oldest)) {
      const origin = block.toString('latin1', AT.origin, AT.origin + block.readUInt16BE(AT.originBytes));
      found.set(origin, (found.get(origin) ?? 0) + 1);
    }
    await log.close();
    for (const [origin, count] of answered)
      assert.ok((found.get(origin) ?? 0) >= count, `${origin}: ${count} answered`);
  }));
