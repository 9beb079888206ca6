/** Journal blocks into claims on a real mongod: all of them, once, whatever dies, and every conflict found and kept. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { CollectionInfo } from 'mongodb';
import { assert, rejection, suite } from '../../../protocol/testing/kit.ts';
import { realRuntime } from '../../lib/runtime.ts';
import { mongodReason, startReplicaSet } from '../../testing/mongod.ts';
import type { Conflict, Projector } from '../journal.ts';
import { type ClaimRecord, StoreUnavailable } from '../store.ts';
import { documentOfBlock, type JournalDocument } from './journal-schema.ts';
import { type MongoStore, openMongoStore } from './open.ts';
import { Projection } from './projection.ts';
import { type ClaimDocument, COLLECTION, documentOfClaim } from './schema.ts';
import { ClaimBlocks, usersOf } from './testing/claim-blocks.ts';
import { Homes, opened } from './testing/homes.ts';

const test = suite('mongo projector');
const set = mongodReason === null ? await startReplicaSet({ members: 1 }) : null;
const onMongod = { skip: mongodReason };
const program = fileURLToPath(new URL(`./testing/projector-program${extname(import.meta.url)}`, import.meta.url));

type Context = {
  uri: string;
  store: MongoStore;
  homes: Homes;
  projector: Pick<Projector, 'mark' | 'advance'>;
  blocks: ClaimBlocks;
};

/** The same work without its thread, which takes a second to start. */
function inThisThread({ db }: Homes): Context['projector'] {
  const projection = new Projection({ db, majorityMs: 5_000, runtime: realRuntime });
  return {
    mark: () => projection.mark(),
    async advance(until, claimsMax) {
      const [{ info }] = (await db.listCollections({ name: COLLECTION.claims }).toArray()) as [CollectionInfo];
      const keeping = { [COLLECTION.claims]: info?.uuid?.toString() ?? '' };
      const { requestIdsAside: _, ...advanced } = await projection.advance({ until, claimsMax, keeping });
      return advanced;
    },
  };
}

async function withStore(use: (context: Context) => Promise<void>): Promise<void> {
  const uri = set?.freshUri() ?? '';
  const store = await openMongoStore({ uri, runtime: realRuntime, nodeId: 'node1' });
  const homes = await Homes.open(uri);
  try {
    const blocks = new ClaimBlocks(await opened(store.journal, 'b1'));
    await use({ uri, store, homes, projector: inThisThread(homes), blocks });
  } finally {
    await Promise.all([store.close(), homes.close()]);
  }
}

const claimsOf = ({ homes }: Context) => homes.db.collection<ClaimDocument>(COLLECTION.claims);

async function expectStored({ store }: Context, records: readonly ClaimRecord[]): Promise<void> {
  const stored = await store.claims.byKey(records.map(({ claimKey }) => claimKey));
  assert.equal(stored, records);
}

test(
  'blocks become claims with all their indexes, the mark moves, and doing it again changes nothing',
  () =>
    withStore(async (context) => {
      const { store, homes, blocks } = context;
      const projector = await store.projector();
      assert.is(await projector.mark(), 0);
      for (let i = 0; i < 6; i++) await blocks.append(usersOf(`u${i}.`, 300));
      await blocks.append([{ userId: 'ann', requestId: 'r', eventKey: 'sale', slot: 1 }]);
      const first = await projector.advance(blocks.end, 500);
      assert.is(first.claims, 600, 'whole blocks');
      assert.is(await projector.mark(), first.mark);
      const rest = await projector.advance(blocks.end, 10_000);
      assert.equal(rest, { mark: blocks.end, claims: 1_201, conflicts: [] });
      assert.equal(await projector.advance(blocks.end, 10_000), { mark: blocks.end, claims: 0, conflicts: [] });
      await expectStored(context, blocks.records);
      assert.is((await store.claims.list({}, { limit: 5_000 })).length, 1_801);
      assert.is(await store.claims.highestSlot('sale'), 1);
      assert.equal(await store.claims.byRequest([{ userId: 'ann', requestId: 'r' }]), [blocks.records.at(-1)]);

      await homes.db.collection<{ _id: string }>(COLLECTION.meta).deleteOne({ _id: 'projected' });
      assert.equal(await projector.advance(blocks.end, 10_000), { mark: blocks.end, claims: 1_801, conflicts: [] });
      await expectStored(context, blocks.records);
    }),
  onMongod,
);

test(
  'blocks of the boot before are projected, one behind its seal is not',
  () =>
    withStore(async (context) => {
      const { homes, projector, blocks } = context;
      await blocks.append(usersOf('a', 10));
      const valid = [...blocks.records];
      blocks.make(usersOf('lost', 10));
      const behind = documentOfBlock(blocks.make(usersOf('behind', 10)));
      await homes.db.collection<JournalDocument>(COLLECTION.journal).insertOne(behind);
      const next = new ClaimBlocks(await opened(homes.home('node1'), 'b2'));
      await next.append(usersOf('b', 10));
      const { claims, mark } = await projector.advance(next.end, 1_000);
      assert.equal([claims, mark], [20, next.end]);
      await expectStored(context, [...valid, ...next.records]);
      assert.is(await claimsOf(context).countDocuments(), 20);
    }),
  onMongod,
);

/** Another claim in the way of what `of` asks for. */
function planted(of: Partial<ClaimRecord> & { userId: string }): ClaimRecord {
  const { eventKey = 'summer', period = '-', userId } = of;
  return {
    requestId: 'planted',
    grantedAt: 1_795_348_800_000,
    configVersion: 1,
    slot: null,
    rewards: [],
    delivery: { state: 'PENDING', attempts: 0, fulfilledAt: null },
    attempt: `other.boot.${userId}`,
    ...of,
    ...{ eventKey, period, claimKey: `${eventKey}/${period}/${userId}` },
  };
}

test(
  'a key or a slot that another claim has is a conflict: told, recorded with both claims, overwritten never',
  () =>
    withStore(async (context) => {
      const { homes, projector, blocks } = context;
      const key = planted({ userId: 'ann' });
      const slot = planted({ userId: 'other', eventKey: 'sale', slot: 2 });
      await claimsOf(context).insertMany([key, slot].map((claim) => documentOfClaim(claim, claim.slot)));
      await blocks.append([
        { userId: 'ann', requestId: 'r1' },
        { userId: 'bob', requestId: 'r1', eventKey: 'sale', slot: 2 },
        { userId: 'cat', requestId: 'r1' },
      ]);
      const [ann, bob, cat] = blocks.records as [ClaimRecord, ClaimRecord, ClaimRecord];
      const { mark, conflicts } = await projector.advance(blocks.end, 1_000);
      assert.is(mark, blocks.end, 'it goes on');
      const pairs = (found: readonly Conflict[]) =>
        found
          .map(({ journaled, stored }) => ({ journaled, stored }))
          .sort((left, right) => (left.journaled.userId < right.journaled.userId ? -1 : 1));
      assert.equal(pairs(conflicts), [
        { journaled: ann, stored: key },
        { journaled: bob, stored: slot },
      ]);
      await expectStored(context, [key, slot, cat]);
      const recorded = await homes.db.collection(COLLECTION.conflicts).find().toArray();
      assert.equal(recorded.map(({ journaled, stored }) => [journaled._id, stored.attempt]).sort(), [
        [bob.claimKey, slot.attempt],
        [ann.claimKey, key.attempt],
      ]);

      await homes.db.collection<{ _id: string }>(COLLECTION.meta).deleteOne({ _id: 'projected' });
      const again = await projector.advance(blocks.end, 1_000);
      assert.equal(again.conflicts.sort(byUser), conflicts.sort(byUser), 'the same ones, of the same time');
      assert.is(await homes.db.collection(COLLECTION.conflicts).countDocuments(), 2);
    }),
  onMongod,
);

function byUser(left: Conflict, right: Conflict): number {
  return left.journaled.userId < right.journaled.userId ? -1 : 1;
}

test(
  'a request id that another claim of the user has leads there, and the journaled claim is stored all the same',
  () =>
    withStore(async (context) => {
      const { store, blocks } = context;
      const projector = await store.projector();
      const first = planted({ userId: 'ann', requestId: 'same', eventKey: 'winter' });
      await claimsOf(context).insertOne(documentOfClaim(first, null));
      await blocks.append([
        { userId: 'ann', requestId: 'same' },
        { userId: 'bob', requestId: 'same' },
      ]);
      assert.equal((await projector.advance(blocks.end, 1_000)).conflicts, []);
      // Read back, it has the request id that it was granted for.
      await expectStored(context, blocks.records);
      assert.equal(await store.claims.byRequest([{ userId: 'ann', requestId: 'same' }]), [first]);
      assert.is((await store.claims.ofUser('ann', { limit: 10 })).length, 2);
      assert.is(projector.requestIdsAside, 1);
    }),
  onMongod,
);

test(
  'kill -9 in the middle leaves nothing out and nothing twice',
  () =>
    withStore(async (context) => {
      const { uri, projector, blocks } = context;
      const ends = [0];
      for (let i = 0; i < 6; i++) {
        await blocks.append(usersOf(`u${i}.`, 500));
        ends.push(blocks.end);
      }
      const args = [...process.execArgv, program, uri, String(blocks.end), '1000'];
      const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'inherit'] });
      const exited = once(child, 'exit');
      while ((await claimsOf(context).countDocuments()) < 1_200) {
        const projected = ends.indexOf(await projector.mark()) * 500;
        assert.ok((await claimsOf(context).countDocuments()) >= projected, 'the mark is behind the claims');
      }
      child.kill('SIGKILL');
      await exited;
      const before = await claimsOf(context).countDocuments();
      assert.ok(before >= 1_200, String(before));
      const conflicts: Conflict[] = [];
      for (let mark = 0; mark < blocks.end; ) {
        const advanced = await projector.advance(blocks.end, 1_000);
        mark = advanced.mark;
        conflicts.push(...advanced.conflicts);
      }
      assert.equal(conflicts, []);
      assert.is(await claimsOf(context).countDocuments(), 3_000);
      await expectStored(context, blocks.records);
    }),
  onMongod,
);

test(
  'a block that is not seen yet is not passed over',
  () =>
    withStore(async (context) => {
      const { homes, projector, blocks } = context;
      const hidden: JournalDocument[] = [];
      const journal = homes.db.collection<JournalDocument>(COLLECTION.journal);
      for (let i = 0; i < 3; i++) {
        await blocks.append(usersOf(`u${i}.`, 10));
        hidden.push(
          ...(i === 0 ? [] : [(await journal.findOneAndDelete({ offset: { $gt: 4_096 } })) as JournalDocument]),
        );
      }
      const first = await projector.advance(blocks.end, 1_000);
      assert.is(first.claims, 10);
      assert.ok(first.mark < blocks.end);
      await journal.insertOne(hidden[1] as JournalDocument);
      assert.instance(await rejection(projector.advance(blocks.end, 1_000)), StoreUnavailable);
      assert.is(await projector.mark(), first.mark);
      await journal.insertOne(hidden[0] as JournalDocument);
      assert.is((await projector.advance(blocks.end, 1_000)).mark, blocks.end);
      await expectStored(context, blocks.records);
    }),
  onMongod,
);

test(
  'without its guards nothing is projected and the mark stays',
  () =>
    withStore(async (context) => {
      const { store, homes, blocks } = context;
      const projector = await store.projector();
      await blocks.append(usersOf('a', 10));
      await claimsOf(context).drop();
      assert.instance(await rejection(projector.advance(blocks.end, 1_000)), StoreUnavailable);
      assert.is(await projector.mark(), 0);
      assert.equal(await homes.db.listCollections({ name: COLLECTION.claims }).toArray(), []);
    }),
  onMongod,
);

test('the replica set is stopped', async () => set?.stop());
