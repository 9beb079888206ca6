/** The sync comes before the answer, and a disk that fails gives a true answer. Seen in the system calls themselves. */

import { assert, suite } from '../../../protocol/testing/kit.ts';
import { realRuntime } from '../../lib/runtime.ts';
import { createDraft } from '../testing/fixtures.ts';
import { openLmdbStore } from './open.ts';
import { temporaryFolder } from './testing/folder.ts';
import { openJournaled } from './testing/journaled.ts';
import { type Call, straceMissing, traced } from './testing/strace.ts';

const test = suite('lmdb durability');
const skip = straceMissing();
const program = './insert-program.ts';
/** A slow disk, so that an answer that does not wait for it is seen to come first. */
const SLOW_SYNC = 'fdatasync:delay_enter=20000';

/** With an empty store in it: a fault is injected at the n-th call of any thread, and making the store is not its place. */
async function withFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = temporaryFolder();
  try {
    await (await openLmdbStore({ directory: folder.path, runtime: realRuntime })).close();
    await body(folder.path);
  } finally {
    folder.remove();
  }
}

/** The users whose answer was written before their page, a sync after it and the page that points at it were on disk. */
function answeredTooEarly(calls: readonly Call[]): string[] {
  return calls.flatMap(({ name, line }, answeredAt) => {
    const user = name === 'write' ? /answered (durable-\d+-user) inserted/.exec(line)?.[1] : undefined;
    if (user === undefined) return [];
    const before = calls.slice(0, answeredAt);
    const pageAt = before.findIndex((call) => /^pwrite|^writev/.test(call.name) && call.line.includes(user));
    const syncAt = before.findIndex(
      (call, at) => at > pageAt && call.name === 'fdatasync' && /= 0( \(DELAYED\))?$/.test(call.line),
    );
    const metaAt = before.findIndex((call, at) => at > syncAt && call.name === 'pwrite64');
    return pageAt >= 0 && syncAt >= 0 && metaAt >= 0 ? [] : [user];
  });
}

function answers(output: string): string[] {
  return output.split('\n').flatMap((line) => /^answered \S+ (\S+)/.exec(line)?.slice(1) ?? []);
}

test(
  'each answer comes after its pages are synced and the page that points at them is written through',
  () =>
    withFolder(async (folder) => {
      const { output, calls } = await traced(folder, { program, args: [folder, 'together'], inject: SLOW_SYNC });
      assert.equal(answers(output), Array(12).fill('inserted'));
      assert.equal(answeredTooEarly(calls), []);
    }),
  { skip },
);

/** Projects six blocks of a claim each, which lie in a folder with a journal. */
async function projected(folder: string, inject?: string): Promise<{ output: string; calls: Call[] }> {
  const journal = await openJournaled(folder, 'b1');
  const draft = createDraft();
  for (let i = 0; i < 6; i++) await journal.append([draft({ userId: `durable-${i}-user` })]);
  await journal.close();
  const args = [folder, String(journal.head)];
  return traced(folder, { program: './project-program.ts', args, ...(inject === undefined ? {} : { inject }) });
}

test(
  'what is projected is synced before the mark is reported, because the journal behind it is deleted then',
  () =>
    withFolder(async (folder) => {
      const { output, calls } = await projected(folder, SLOW_SYNC);
      assert.equal(answers(output), Array(6).fill('inserted'));
      assert.equal(answeredTooEarly(calls), []);
    }),
  { skip },
);

test(
  'where the write of the last page of a projection fails both threads go on, and nothing is missing',
  () =>
    withFolder(async (folder) => {
      let metaWrite = 0;
      await withFolder(async (dry) => {
        metaWrite = metaWriteOf('durable-3-user', (await projected(dry)).calls);
      });
      const { output } = await projected(folder, `pwrite64:error=EIO:when=${metaWrite}`);
      assert.equal(answers(output), [...Array(3).fill('inserted'), 'failed', ...Array(3).fill('inserted')]);
      assert.equal(keptIn(output), 6 + 7);
    }),
  { skip },
);

test(
  'the same look at lmdb without syncs finds answers that came too early',
  () =>
    withFolder(async (folder) => {
      const { output, calls } = await traced(folder, { program, args: [folder, 'unsynced'], inject: SLOW_SYNC });
      assert.is(answers(output).length, 12);
      assert.is(answeredTooEarly(calls).length, 12);
    }),
  { skip },
);

test(
  'a sync that fails stores nothing and says so, and the store goes on',
  () =>
    withFolder(async (folder) => {
      const inject = 'fdatasync:error=EIO:when=6';
      const { output } = await traced(folder, { program, args: [folder, 'in-turn'], inject });
      assert.equal(answers(output), [...Array(5).fill('inserted'), 'unavailable', ...Array(7).fill('inserted')]);
      assert.equal(keptIn(output), 12);
    }),
  { skip },
);

test(
  'a write of the last page that fails is unknown, until the same draft inserted again settles it',
  () =>
    withFolder(async (folder) => {
      let metaWrite = 0;
      await withFolder(async (dry) => {
        const { calls } = await traced(dry, { program, args: [dry, 'in-turn'] });
        metaWrite = metaWriteOf('durable-5-user', calls);
      });
      const inject = `pwrite64:error=EIO:when=${metaWrite}`;
      const { output } = await traced(folder, { program, args: [folder, 'in-turn'], inject });
      assert.equal(answers(output), [...Array(5).fill('inserted'), 'unknown', ...Array(7).fill('inserted')]);
      assert.equal(keptIn(output), 12);
    }),
  { skip },
);

function keptIn(output: string): number {
  return Number(/^kept (\d+)$/m.exec(output)?.[1]);
}

/** Which of its thread's pwrites makes the insert of `user` true: the one after the sync that follows its pages. */
function metaWriteOf(user: string, calls: readonly Call[]): number {
  const page = calls.findIndex(({ name, line }) => /^pwrite|^writev/.test(name) && line.includes(user));
  const thread = calls[page]?.thread;
  const own = calls.filter((call) => call.thread === thread);
  const sync = own.findIndex((call) => calls.indexOf(call) > page && call.name === 'fdatasync');
  const meta = own.findIndex((call, at) => at > sync && call.name === 'pwrite64');
  return own.slice(0, meta + 1).filter(({ name }) => name === 'pwrite64').length;
}
