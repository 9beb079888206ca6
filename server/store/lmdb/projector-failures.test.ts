/** What may go wrong beside or inside a projection: a full disk, a thread or a process that dies, a look that is too old. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Worker } from 'node:worker_threads';
import { assert, rejection, suite } from '../../../protocol/testing/kit.ts';
import { launchOf, runnable } from '../../../protocol/testing/launch.ts';
import { chanceOf } from '../../../protocol/testing/random.ts';
import { realRuntime } from '../../lib/runtime.ts';
import type { ClaimRecord } from '../store.ts';
import { createDraft, many } from '../testing/fixtures.ts';
import { startThread } from '../thread-start.ts';
import { LmdbClaims } from './claims.ts';
import { openEnvironment, openRoot } from './environment.ts';
import { identify } from './identity.ts';
import { openLmdbStore } from './open.ts';
import { LmdbProjector } from './projector.ts';
import type { Asked } from './projector-messages.ts';
import { mountMissing, mountSmall, remount, temporaryFolder, unmount } from './testing/folder.ts';
import { type Journaled, openJournaled } from './testing/journaled.ts';
import { Transactions } from './transactions.ts';

const test = suite('lmdb projector failures');
const program = runnable('./projector-program.ts', import.meta.url);

type Bench = {
  transactions: Transactions;
  claims: LmdbClaims;
  projector: LmdbProjector;
  journal: Journaled;
  /** Threads that were started, oldest first. */
  threads: Worker[];
  /** So many turns of the event loop after it is first told to write the next thread ends, and so on. */
  ending: number[];
};

/** The tables lie in `folder`, the journal apart from them. */
async function withBench(folder: string, body: (bench: Bench) => Promise<void>): Promise<void> {
  const elsewhere = temporaryFolder();
  const root = openRoot(folder);
  await identify(root, { directory: folder, runtime: realRuntime }).finally(() => root.close());
  const transactions = new Transactions(folder, openEnvironment(folder), () => {});
  const threads: Worker[] = [];
  const ending: number[] = [];
  const start = () => {
    const thread = startThread(program, { folder, journal: join(elsewhere.path, 'journal') });
    threads.push(thread);
    const turns = ending.shift();
    if (turns !== undefined) endInTurn(thread, turns);
    return thread;
  };
  const projector = new LmdbProjector({ transactions, start, runtime: realRuntime });
  const journal = await openJournaled(elsewhere.path, 'b1');
  try {
    await body({ transactions, claims: new LmdbClaims(transactions), projector, journal, threads, ending });
  } finally {
    await Promise.all([transactions.close(), projector.close()]);
    await journal.close();
    elsewhere.remove();
  }
}

async function withFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = temporaryFolder();
  try {
    await body(folder.path);
  } finally {
    folder.remove();
  }
}

/** Ends a thread so many turns of the event loop after it was told to write. */
function endInTurn(thread: Worker, turns: number): void {
  const post = thread.postMessage.bind(thread);
  thread.postMessage = (asked: Asked) => {
    post(asked);
    if (asked === 'end' || asked.question.kind !== 'write') return;
    const wait = (left: number) => (left === 0 ? void thread.terminate() : void setImmediate(wait, left - 1));
    wait(turns);
  };
}

async function projectTo(projector: LmdbProjector, until: number): Promise<number> {
  let conflicts = 0;
  while ((await projector.mark()) < until) conflicts += (await projector.advance(until, 2_000)).conflicts.length;
  return conflicts;
}

test('a read after a turn sees what was written in it, whatever was read before', () =>
  withFolder((folder) =>
    withBench(folder, async ({ transactions }) => {
      const flag = new Int32Array(new SharedArrayBuffer(4));
      const thread = startThread(runnable('./testing/write-program.ts', import.meta.url), { folder, flag });
      thread.ref();
      const exit = once(thread, 'exit');
      await once(thread, 'message');
      const written = () => transactions.read(({ meta }) => meta.get('written'));
      await transactions.turn(async () => {
        assert.is(await written(), undefined);
        thread.postMessage(7);
        // Nothing else runs here until it is written, so that the look from before is still the last one.
        Atomics.wait(flag, 0, 0);
      });
      assert.is(await written(), 7);
      await exit;
    }),
  ));

test('a turn and the commits that wait go one after the other, and one that fails keeps nobody', () =>
  withFolder((folder) =>
    withBench(folder, async ({ transactions }) => {
      const order: string[] = [];
      const guest = { release: async () => void order.push('released') };
      transactions.admit(guest);
      const commit = (name: string) => transactions.commit(() => order.push(name));
      const turn = (name: string) =>
        transactions.turn(async () => {
          order.push(`${name} begins`);
          await new Promise((resolve) => setImmediate(resolve));
          order.push(`${name} ends`);
        });
      const all = [commit('a'), turn('b'), turn('c'), commit('d')];
      const failing = rejection(transactions.turn(() => Promise.reject(new Error('broken'))));
      await Promise.all([...all, commit('e')]);
      assert.is((await failing).name, 'StoreUnavailable');
      await commit('f');
      assert.equal(order, ['a', 'd', 'e', 'b begins', 'b ends', 'c begins', 'c ends', 'released', 'f']);
      transactions.dismiss(guest);
    }),
  ));

test(
  'on a full disk nothing moves, neither thread hinders the other, and both go on when there is room',
  () =>
    withFolder(async (folder) => {
      mountSmall(folder, '1m');
      try {
        await withBench(folder, async ({ transactions, claims, projector, journal }) => {
          const draft = createDraft();
          const journaled: ClaimRecord[] = [];
          for (let i = 0; i < 16; i++) journaled.push(...(await journal.append(many(500, () => draft()))));
          let mark = 0;
          const failed = await rejection(
            (async () => {
              while (mark < journal.head) mark = (await projector.advance(journal.head, 500)).mark;
            })(),
          );
          assert.is(failed.name, 'StoreUnavailable');
          assert.is(await projector.mark(), mark);
          assert.ok(mark > 0 && mark < journal.head);
          const direct = many(900, () => draft({ eventKey: 'direct' }));
          assert.is((await claims.insert(direct))[0]?.kind, 'unavailable');
          assert.is((await rejection(projector.advance(journal.head, 500))).name, 'StoreUnavailable');
          remount(folder, '32m');
          assert.is((await claims.insert(direct))[0]?.kind, 'inserted');
          assert.is(await projectTo(projector, journal.head), 0);
          assert.equal(await claims.byKey(journaled.map(({ claimKey }) => claimKey)), journaled);
          assert.is((await transactions.commit(() => 1)).kind, 'done');
        });
      } finally {
        unmount(folder);
      }
    }),
  { skip: mountMissing() },
);

test('a thread that dies, even while it writes, is followed by another that goes on', () =>
  withFolder((folder) =>
    withBench(folder, async ({ transactions, claims, projector, journal, threads, ending }) => {
      const draft = createDraft();
      const journaled: ClaimRecord[] = [];
      for (let i = 0; i < 5; i++) journaled.push(...(await journal.append(many(900, () => draft()))));
      ending.push(0, 50, 400);
      for (let steps = 0; (await projector.mark()) < journal.head; steps++) {
        const conflicts = await projector.advance(journal.head, 900).then(
          (advanced) => advanced.conflicts,
          () => [],
        );
        assert.equal(conflicts, []);
        assert.is((await transactions.commit(() => 1)).kind, 'done');
        assert.ok(steps < 20, 'it does not get on');
      }
      assert.ok(threads.length >= 3);
      assert.equal(await claims.byKey(journaled.map(({ claimKey }) => claimKey)), journaled);
      assert.is((await claims.list({}, { limit: 5_000 })).length, journaled.length);
    }),
  ));

test('killed at any moment it goes on where the mark says, and ends with every claim once', () =>
  withFolder(async (directory) => {
    const chance = chanceOf(20_261_122);
    const draft = createDraft();
    const journal = await openJournaled(directory, 'b1');
    const journaled: ClaimRecord[] = [];
    for (let i = 0; i < 90; i++) journaled.push(...(await journal.append(many(40, () => draft()))));
    const killable = launchOf('./testing/project-program.ts', import.meta.url);
    for (let round = 0; round < 3; round++) {
      const child = spawn(process.execPath, [...killable, directory, String(journal.head)]);
      const exit = once(child, 'exit');
      let steps = 5 + chance.integer(15);
      for await (const _ of createInterface({ input: child.stdout })) if (--steps === 0) child.kill('SIGKILL');
      assert.is((await exit)[1], 'SIGKILL');
    }
    const store = await openLmdbStore({ directory, runtime: realRuntime, nodeId: 'node' });
    const projector = (await store.projector?.()) as LmdbProjector;
    assert.ok((await projector.mark()) > 0);
    assert.is(await projectTo(projector, journal.head), 0);
    assert.equal(await store.claims.byKey(journaled.map(({ claimKey }) => claimKey)), journaled);
    assert.equal(await store.claims.byRequest(journaled), journaled);
    assert.is((await store.claims.list({}, { limit: 5_000 })).length, journaled.length);
    await store.close();
    await journal.close();
  }));
