/**
 * One owner after another: whatever the first does when it wakes up, blocks behind the seal are never told to be durable, and
 * those that were told are there.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { extname } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { assert, suite } from '../../../protocol/testing/kit.ts';
import { chanceOf } from '../../../protocol/testing/random.ts';
import { realRuntime } from '../../lib/runtime.ts';
import { mongodReason, startReplicaSet } from '../../testing/mongod.ts';
import { readBlock } from '../block/reader.ts';
import type { Journal } from '../journal.ts';
import { blockIdOf, documentOfBlock, type JournalDocument } from './journal-schema.ts';
import { COLLECTION } from './schema.ts';
import { blocksOf, ClaimBlocks, usersOf } from './testing/claim-blocks.ts';
import { Homes, opened, openedLater } from './testing/homes.ts';

const test = suite('mongo journal fencing');
const set = mongodReason === null ? await startReplicaSet({ members: 1 }) : null;
const onMongod = { skip: mongodReason };
const timeouts = { leaseMs: 400, renewalMs: 100 };
const program = fileURLToPath(new URL(`./testing/journal-program${extname(import.meta.url)}`, import.meta.url));

type Context = { uri: string; homes: Homes };

async function withHomes(use: (context: Context) => Promise<void>): Promise<void> {
  const uri = set?.freshUri() ?? '';
  const homes = await Homes.open(uri);
  try {
    await use({ uri, homes });
  } finally {
    await homes.close();
  }
}

/** A machine whose timers stand still while it is paused. */
function createPausable() {
  let isPaused = false;
  const waiting: (() => void)[] = [];
  return {
    ...realRuntime,
    after: (ms: number, run: () => void) => realRuntime.after(ms, () => (isPaused ? waiting.push(run) : run())),
    pause() {
      isPaused = true;
    },
    resume() {
      isPaused = false;
      for (const run of waiting.splice(0)) run();
    },
  };
}

async function originsIn(journal: Journal): Promise<string[]> {
  return (await blocksOf(journal)).map((bytes) => {
    const block = readBlock(bytes, 0);
    return typeof block === 'string' ? block : block.origin;
  });
}

async function sequencesIn(journal: Journal, origin: string): Promise<number[]> {
  const blocks = (await blocksOf(journal)).map((bytes) => readBlock(bytes, 0));
  return blocks.flatMap((block) => (typeof block !== 'string' && block.origin === origin ? [block.sequence] : []));
}

test(
  'an owner that was paused is told of no durable block once another has begun',
  () =>
    withHomes(async ({ homes }) => {
      const runtime = createPausable();
      const first = await opened(homes.home('node1', { runtime, timeouts }), 'b1');
      const blocks = new ClaimBlocks(first);
      assert.is(await blocks.append(usersOf('a', 3)), 'DURABLE');
      const reasons: string[] = [];
      first.onFenced((reason) => reasons.push(reason));
      runtime.pause();
      const second = await openedLater(homes.home('node2', { timeouts }), 'b1');
      assert.equal(await sequencesIn(second, 'node1.b1'), [1]);
      assert.is(first.state().isWell, true, 'it knows of nothing');
      assert.is(await blocks.append(usersOf('b', 3)), 'FENCED');
      runtime.resume();
      assert.is(await blocks.append(usersOf('c', 3)), 'FENCED');
      assert.is(await new ClaimBlocks(second).append(usersOf('d', 3)), 'DURABLE');
      assert.equal(await sequencesIn(second, 'node1.b1'), [1]);
      assert.is(reasons.length, 1);
      assert.match(first.state().detail ?? '', /^fenced: sealed by node2\.b1/);
    }),
  onMongod,
);

test(
  'an owner that learns from the record that there is another stops before it meets the seal',
  () =>
    withHomes(async ({ homes }) => {
      const runtime = createPausable();
      const first = await opened(homes.home('node1', { runtime, timeouts }), 'b1');
      runtime.pause();
      const second = homes.home('node2', { timeouts });
      await openedLater(second, 'b1');
      const fenced = new Promise<string>((resolve) => first.onFenced(resolve));
      runtime.resume();
      assert.is(await fenced, 'node2 owns the journal now');
      assert.is(first.state().isWell, false);
      assert.is(await new ClaimBlocks(first).append(usersOf('a', 3)), 'FENCED');
      assert.equal(await second.owner(), { node: 'node2', boot: 'b1', address: 'node2.example:7100' });
    }),
  onMongod,
);

/** The lines of a program, as they come. */
function startProgram(uri: string, nodeId: string): { child: ChildProcess; lines: string[] } {
  const args = [...process.execArgv, program, uri, nodeId, String(timeouts.leaseMs)];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const lines: string[] = [];
  createInterface({ input: child.stdout as NodeJS.ReadableStream }).on('line', (line) => lines.push(line));
  return { child, lines };
}

const durableIn = (lines: readonly string[]) =>
  lines.filter((line) => line.endsWith('DURABLE')).map((line) => Number.parseInt(line, 10));

test(
  'a process that is frozen and thawed has said nothing that is not so',
  () =>
    withHomes(async ({ uri, homes }) => {
      const { child, lines } = startProgram(uri, 'node1');
      const exited = once(child, 'exit');
      while (lines.length < 20) await once(child.stdout as NodeJS.ReadableStream, 'data');
      child.kill('SIGSTOP');
      const second = await openedLater(homes.home('node2', { timeouts }), 'b1');
      const valid = await sequencesIn(second, 'node1.b1');
      assert.equal(
        valid,
        Array.from({ length: valid.length }, (_, index) => index + 1),
      );
      child.kill('SIGCONT');
      assert.is(await new ClaimBlocks(second).append(usersOf('later', 10)), 'DURABLE');
      await exited;
      const said = durableIn(lines);
      assert.ok(said.length >= 20);
      // What it had on its way when it was frozen may have been durable then.
      assert.equal(said, valid.slice(0, said.length));
      assert.ok(lines.at(-1)?.endsWith('FENCED'));
      assert.equal(await sequencesIn(second, 'node1.b1'), valid);
    }),
  onMongod,
);

test(
  'a seal races with blocks that are on their way: what was told is what is valid, round after round',
  () =>
    withHomes(async ({ homes }) => {
      const chance = chanceOf(20_261_123);
      const toldByOrigin = new Map<string, number>();
      // The record tells the owner within 200 ms, the seal perhaps before.
      const quick = { timeouts: { renewalMs: 200 } };
      let owner = await opened(homes.home('node1', quick), 'b0');
      for (let round = 1; round <= 8; round++) {
        const { origin } = owner;
        const blocks = new ClaimBlocks(owner);
        toldByOrigin.set(origin, 0);
        let isFenced = false;
        const appendOn = async () => {
          while (!isFenced) {
            const appended = await blocks.append(usersOf('u', 1 + chance.integer(300)));
            if (appended === 'FENCED') isFenced = true;
            else toldByOrigin.set(origin, (toldByOrigin.get(origin) ?? 0) + 1);
          }
        };
        const writing = Promise.all([appendOn(), appendOn()]);
        while ((toldByOrigin.get(origin) ?? 0) < chance.integer(6))
          await new Promise((resolve) => setImmediate(resolve));
        // The same node again needs not wait for the lease.
        owner = await opened(homes.home('node1', quick), `b${round}`);
        await writing;
      }
      const valid = await originsIn(owner);
      for (const [origin, told] of toldByOrigin) {
        const found = valid.filter((each) => each === origin).length;
        assert.is(found, told, `seed ${chance.seed}: ${origin}`);
      }
    }),
  onMongod,
);

test(
  'of two blocks on their way the second alone has arrived: the seal takes the place of the first',
  () =>
    withHomes(async ({ homes }) => {
      const first = await opened(homes.home('node1'), 'b1');
      const blocks = new ClaimBlocks(first);
      assert.is(await blocks.append(usersOf('a', 3)), 'DURABLE');
      const lost = blocks.make(usersOf('b', 3));
      const journal = homes.db.collection<JournalDocument>(COLLECTION.journal);
      await journal.insertOne(documentOfBlock(blocks.make(usersOf('c', 3))));
      const second = await opened(homes.home('node1'), 'b2');
      assert.equal(await sequencesIn(second, 'node1.b1'), [1]);
      const seal = await journal.findOne({ _id: blockIdOf('node1.b1', 2) });
      assert.equal(seal, { _id: blockIdOf('node1.b1', 2), seal: true, by: 'node1.b2' });
      assert.is(await blocks.send(lost), 'FENCED');
      // The third boot begins where the second, which has written nothing, did.
      const third = await opened(homes.home('node1'), 'b3');
      assert.is(third.startsAt, second.startsAt);
      assert.equal(await sequencesIn(third, 'node1.b1'), [1]);
    }),
  onMongod,
);

test(
  'a seal without its record, of one who died in between, is found and stands',
  () =>
    withHomes(async ({ homes }) => {
      const first = await opened(homes.home('node1'), 'b1');
      await new ClaimBlocks(first).append(usersOf('a', 3));
      const journal = homes.db.collection<JournalDocument>(COLLECTION.journal);
      await journal.insertOne({ _id: blockIdOf('node1.b1', 2), seal: true, by: 'node1.gone' });
      const second = await opened(homes.home('node1'), 'b2');
      assert.equal(await sequencesIn(second, 'node1.b1'), [1]);
    }),
  onMongod,
);

test(
  'a process that was fenced opens again under an origin of its own',
  () =>
    withHomes(async ({ homes }) => {
      const home = homes.home('node1', { timeouts });
      const first = await opened(home, 'b1');
      const second = await opened(homes.home('node1', { timeouts }), 'b2');
      await second.close();
      const again = await opened(home, 'b1');
      assert.is(again.origin, 'node1.b1-2');
      assert.is(await new ClaimBlocks(again).append(usersOf('a', 3)), 'DURABLE');
      assert.is(await new ClaimBlocks(first).append(usersOf('b', 3)), 'FENCED');
      await first.close();
    }),
  onMongod,
);

test(
  'who owns the journal is told while its lease runs, and an orderly end leaves nobody waiting',
  () =>
    withHomes(async ({ homes }) => {
      const [home, other] = [homes.home('node1'), homes.home('node2')];
      assert.is(await other.owner(), null);
      const journal = await opened(home, 'b1');
      assert.equal(await other.owner(), { node: 'node1', boot: 'b1', address: 'node1.example:7100' });
      assert.equal(await other.open('b1'), { elsewhere: 'node1.example:7100' });
      await journal.close();
      assert.is(await other.owner(), null);
      assert.is((await opened(other, 'b1')).origin, 'node2.b1');
    }),
  onMongod,
);

test('the replica set is stopped', async () => set?.stop());
