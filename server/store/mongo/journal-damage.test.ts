/** What an opener finds wrong is refused with a report, and what is released is deleted, whenever the owner dies. */
import { assert, rejection, suite } from '../../../protocol/testing/kit.ts';
import { realRuntime } from '../../lib/runtime.ts';
import { mongodReason, startReplicaSet } from '../../testing/mongod.ts';
import { StoreRefused } from '../store.ts';
import { blockIdOf, type JournalDocument, OWNER_ID, type OwnerRecord } from './journal-schema.ts';
import { openMongoStore } from './open.ts';
import { COLLECTION } from './schema.ts';
import { blocksOf, ClaimBlocks, usersOf } from './testing/claim-blocks.ts';
import { Homes, opened } from './testing/homes.ts';

const test = suite('mongo journal damage and release');
const set = mongodReason === null ? await startReplicaSet({ members: 1 }) : null;
const onMongod = { skip: mongodReason };
const timeouts = { leaseMs: 400, renewalMs: 20 };
/** Whatever is put off, is put off for a twentieth of the time. */
const hasty = { ...realRuntime, after: (ms: number, run: () => void) => realRuntime.after(ms / 20, run) };

async function withHomes(use: (homes: Homes) => Promise<void>): Promise<void> {
  const homes = await Homes.open(set?.freshUri() ?? '');
  try {
    await use(homes);
  } finally {
    await homes.close();
  }
}

const journalOf = ({ db }: Homes) => db.collection<JournalDocument>(COLLECTION.journal);
const recordsOf = ({ db }: Homes) => db.collection<OwnerRecord>(COLLECTION.nodes);

/** A boot with so many blocks of three claims, of which the record knows. */
async function withBlocks(homes: Homes, count: number): Promise<ClaimBlocks> {
  const journal = await opened(homes.home('node1', { timeouts }), 'b1');
  const blocks = new ClaimBlocks(journal);
  for (let i = 0; i < count; i++) await blocks.append(usersOf(`u${i}.`, 3));
  for (let durable = 0; durable < count; ) {
    const record = await recordsOf(homes).findOne({ _id: OWNER_ID });
    durable = record?.boots.at(-1)?.durable ?? 0;
  }
  return blocks;
}

const DAMAGES: { name: string; damage: (homes: Homes) => Promise<unknown>; report: RegExp }[] = [
  {
    name: 'a block in the middle is gone',
    damage: (homes) => journalOf(homes).deleteOne({ _id: blockIdOf('node1.b1', 2) }),
    report: /block node1\.b1\/0+2 is missing/,
  },
  {
    name: 'the last block is gone',
    damage: (homes) => journalOf(homes).deleteOne({ _id: blockIdOf('node1.b1', 4) }),
    report: /block node1\.b1\/0+4 is missing, and the boot had 4 durable ones/,
  },
  {
    name: 'the collection was dropped',
    damage: (homes) => journalOf(homes).drop(),
    report: /collection journal was dropped or replaced/,
  },
  {
    name: 'the owner record is gone',
    damage: async (homes) => {
      await homes.db.collection<{ _id: string }>(COLLECTION.nodes).deleteOne({ _id: OWNER_ID });
    },
    report: /journal holds blocks, but/,
  },
];

for (const { name, damage, report } of DAMAGES) {
  test(
    `refused: ${name}`,
    () =>
      withHomes(async (homes) => {
        await withBlocks(homes, 4);
        await damage(homes);
        const error = await rejection(homes.home('node1').open('b2'));
        assert.instance(error, StoreRefused);
        assert.match(error.message, report);
      }),
    onMongod,
  );
}

test(
  'a block whose bytes have changed is refused when it is read',
  () =>
    withHomes(async (homes) => {
      await withBlocks(homes, 3);
      const _id = blockIdOf('node1.b1', 2);
      const found = await journalOf(homes).findOne({ _id });
      if (found === null || 'seal' in found) throw new Error('no block');
      found.block.buffer[100] = (found.block.buffer[100] as number) ^ 1;
      await journalOf(homes).replaceOne({ _id }, found);
      const journal = await opened(homes.home('node1'), 'b2');
      const error = await rejection(blocksOf(journal));
      assert.instance(error, StoreRefused);
      assert.match(error.message, /block node1\.b1\/0+2 has a wrong checksum/);
    }),
  onMongod,
);

test(
  'an owner whose collection is dropped grants nothing more',
  () =>
    withHomes(async (homes) => {
      const blocks = await withBlocks(homes, 1);
      await journalOf(homes).drop();
      assert.is(await blocks.append(usersOf('late', 3)), 'FENCED');
      assert.equal(await homes.db.listCollections({ name: COLLECTION.journal }).toArray(), []);
    }),
  onMongod,
);

async function idsIn(homes: Homes): Promise<string[]> {
  const found = await journalOf(homes)
    .find({}, { projection: { _id: 1 }, sort: { _id: 1 } })
    .toArray();
  return found.map(({ _id }) => _id);
}

test(
  'what is released is deleted, and a boot that is released whole leaves its seal alone',
  () =>
    withHomes(async (homes) => {
      const blocks = await withBlocks(homes, 3);
      const journal = await opened(homes.home('node1', { runtime: hasty }), 'b2');
      const next = new ClaimBlocks(journal);
      for (let i = 0; i < 3; i++) await next.append(usersOf(`n${i}.`, 3));
      journal.release(blocks.end);
      const seal = blockIdOf('node1.b1', 4);
      const own = [1, 2, 3].map((sequence) => blockIdOf('node1.b2', sequence));
      while ((await idsIn(homes)).length > 4);
      assert.equal(await idsIn(homes), [seal, ...own]);
      const bytes = journal.state().bytes;
      journal.release(next.end);
      while ((await idsIn(homes)).length > 1);
      assert.ok(journal.state().bytes < bytes);
      // Sequences go on behind what is gone.
      await next.append(usersOf('more', 3));
      const last = await opened(homes.home('node1'), 'b3');
      assert.is((await blocksOf(last)).length, 1);
      assert.equal(await idsIn(homes), [seal, blockIdOf('node1.b2', 4), blockIdOf('node1.b2', 5)]);
    }),
  { ...onMongod, deadlineMs: 20_000 },
);

test(
  'blocks that were released and not deleted when their owner died are not missed, and deleted by the next',
  () =>
    withHomes(async (homes) => {
      const blocks = await withBlocks(homes, 4);
      const record = await recordsOf(homes).findOne({ _id: OWNER_ID });
      const [boot] = record?.boots ?? [];
      if (boot === undefined) throw new Error('no boot');
      const from = { sequence: 5, offset: blocks.end };
      // As if the owner had died right behind the record, with half of them gone in no order; the epoch stops its renewals.
      const died = { $set: { boots: [{ ...boot, from }] }, $inc: { epoch: 1 } };
      await recordsOf(homes).updateOne({ _id: OWNER_ID }, died);
      await journalOf(homes).deleteMany({ _id: { $in: [blockIdOf('node1.b1', 1), blockIdOf('node1.b1', 3)] } });
      const second = await opened(homes.home('node1', { runtime: hasty }), 'b2');
      assert.equal(await blocksOf(second), []);
      assert.ok(second.startsAt > blocks.end);
      while ((await idsIn(homes)).some((id) => id.startsWith('node1.b1/') && id !== blockIdOf('node1.b1', 5)));
    }),
  onMongod,
);

test(
  'a journal at its bound is full until something is released',
  () =>
    withHomes(async (homes) => {
      const journal = await opened(homes.home('node1', { bytesMax: 5_000, runtime: hasty }), 'b1');
      const blocks = new ClaimBlocks(journal);
      assert.is(journal.state().isFull, false);
      while (!journal.state().isFull) await blocks.append(usersOf('u', 20));
      assert.ok(journal.state().bytes >= 5_000);
      journal.release(blocks.end);
      while (journal.state().isFull) await new Promise((resolve) => setImmediate(resolve));
      assert.is(journal.state().bytes, 0);
    }),
  onMongod,
);

test(
  'with a journal the data has a format that a program without one refuses',
  async () => {
    const uri = set?.freshUri() ?? '';
    const store = await openMongoStore({ uri, runtime: realRuntime, nodeId: 'node1' });
    const homes = await Homes.open(uri);
    const formatVersion = async () => {
      const meta = homes.db.collection<{ _id: string; formatVersion: number }>(COLLECTION.meta);
      return (await meta.findOne({ _id: 'store' }))?.formatVersion;
    };
    assert.is(await formatVersion(), 1);
    await store.journal.open('b1');
    assert.is(await formatVersion(), 2);
    await Promise.all([store.close(), homes.close()]);
    await (await openMongoStore({ uri, runtime: realRuntime, nodeId: 'node1' })).close();
  },
  onMongod,
);

test('the replica set is stopped', async () => set?.stop());
