/**
 * Three members and a primary that goes away while claims are being inserted. Nothing that was said to be durable may be
 * missing afterwards, and inserting the same draft again must settle whatever was left unknown.
 */
import { MongoClient } from 'mongodb';
import { assert, suite } from '../../../protocol/testing/kit.ts';
import { realRuntime } from '../../lib/runtime.ts';
import { mongodReason, type ReplicaSet, startReplicaSet } from '../../testing/mongod.ts';
import type { ClaimDraft, InsertOutcome, Store } from '../store.ts';
import { revocationOf } from '../testing/accounts-fixtures.ts';
import { createDraft, many } from '../testing/fixtures.ts';
import { openMongoStore } from './open.ts';
import { type ClaimDocument, COLLECTION } from './schema.ts';

const test = suite('mongo failover');
const set = mongodReason === null ? await startReplicaSet({ members: 3 }) : null;

const BATCH = 25;
/** A step-down is seen only by inserts that are under way, so writers go on until this many batches after it. */
const BATCHES_AFTER = 8;
const SETTLE_MS_MAX = 25_000;

type Insert = (drafts: readonly ClaimDraft[]) => Promise<InsertOutcome[]>;
type Said = { draft: ClaimDraft; outcome: InsertOutcome };

/** Inserts each batch until no draft of it is in doubt. Returns the last outcome of each draft and how many were in doubt. */
async function settle(insert: Insert, drafts: readonly ClaimDraft[]): Promise<{ said: Said[]; doubts: number }> {
  const said: Said[] = [];
  let doubts = 0;
  const deadlineMs = realRuntime.monotonicMs() + SETTLE_MS_MAX;
  for (let open = drafts; open.length > 0; ) {
    if (realRuntime.monotonicMs() > deadlineMs) throw new Error(`${open.length} drafts are still in doubt`);
    const outcomes = await insert(open);
    const answers = open.map((draft, index) => ({ draft, outcome: outcomes[index] ?? ({ kind: 'unknown' } as const) }));
    const isDoubtful = ({ outcome }: Said) => outcome.kind === 'unknown' || outcome.kind === 'unavailable';
    said.push(...answers.filter((answer) => !isDoubtful(answer)));
    open = answers.filter(isDoubtful).map(({ draft }) => draft);
    doubts += open.length;
  }
  return { said, doubts };
}

async function withStores(use: (stores: [Store, Store], replicaSet: ReplicaSet, uri: string) => Promise<void>) {
  if (set === null) throw new Error('no replica set');
  const uri = set.freshUri();
  const open = () => openMongoStore({ uri, runtime: realRuntime });
  const stores: [Store, Store] = [await open(), await open()];
  try {
    await use(stores, set, uri);
  } finally {
    await Promise.all(stores.map((store) => store.close()));
  }
}

async function storedClaims(uri: string): Promise<Map<string, ClaimDocument>> {
  const client = new MongoClient(uri);
  const options = { readConcern: { level: 'majority' } } as const;
  const found = await client.db().collection<ClaimDocument>(COLLECTION.claims).find({}, options).toArray();
  await client.close();
  return new Map(found.map((document) => [document._id, document]));
}

/** Four writers insert until some batches after `disturb` has resolved. */
async function insertThrough(stores: [Store, Store], disturb: () => Promise<void>) {
  const draft = createDraft();
  let isDisturbed = false;
  const results: { said: Said[]; doubts: number }[] = [];
  const write = async (store: Store) => {
    for (let left = BATCHES_AFTER; left > 0; left -= isDisturbed ? 1 : 0) {
      results.push(
        await settle(
          (drafts) => store.claims.insert(drafts),
          many(BATCH, () => draft()),
        ),
      );
    }
  };
  const disturbance = disturb().then(() => {
    isDisturbed = true;
  });
  await Promise.all([disturbance, ...[...stores, ...stores].map(write)]);
  return {
    said: results.flatMap((result) => result.said),
    doubts: results.reduce((sum, { doubts }) => sum + doubts, 0),
  };
}

function expectStored(said: readonly Said[], stored: Map<string, ClaimDocument>): void {
  for (const { draft, outcome } of said) {
    assert.is(outcome.kind, 'inserted');
    assert.is(stored.get(draft.claimKey)?.attempt, draft.attempt);
  }
  assert.is(stored.size, said.length);
}

test(
  'inserts go on through a step-down and each ends up stored once',
  () =>
    withStores(async (stores, replicaSet, uri) => {
      const { said } = await insertThrough(stores, () => replicaSet.stepDown());
      expectStored(said, await storedClaims(uri));
    }),
  { skip: mongodReason },
);

test(
  'kill -9 of the primary loses no acknowledged claim and what was in flight is settled by inserting again',
  () =>
    withStores(async (stores, replicaSet, uri) => {
      const primary = await replicaSet.primary();
      const { said, doubts } = await insertThrough(stores, async () => {
        await primary.kill('SIGKILL');
        await replicaSet.primary();
      });
      assert.ok(doubts > 0, 'some inserts were in flight');
      expectStored(said, await storedClaims(uri));
      await primary.start();
    }),
  { skip: mongodReason },
);

test(
  'two servers sell a stock through a step-down without a gap',
  () =>
    withStores(async (stores, replicaSet, uri) => {
      const stock = 400;
      const draft = createDraft();
      const calls = stores.flatMap((store) =>
        [0, 1].map(() => ({ store, drafts: many(BATCH * 8, () => draft({ eventKey: 'sale' })) })),
      );
      const sales = calls.map(async ({ store, drafts }) => {
        const said: Said[] = [];
        for (let from = 0; from < drafts.length; from += BATCH) {
          const insert: Insert = (open) => store.claims.insertStock(open, stock);
          said.push(...(await settle(insert, drafts.slice(from, from + BATCH))).said);
        }
        return said;
      });
      await replicaSet.stepDown();
      const said = (await Promise.all(sales)).flat();
      const sold = said.filter(({ outcome }) => outcome.kind === 'inserted');
      assert.is(sold.length, stock);
      assert.is(said.filter(({ outcome }) => outcome.kind === 'soldOut').length, said.length - stock);
      const stored = await storedClaims(uri);
      expectStored(sold, stored);
      const slots = [...stored.values()].map(({ slot }) => slot).sort((left, right) => Number(left) - Number(right));
      assert.equal(
        slots,
        Array.from({ length: stock }, (_, index) => index + 1),
      );
    }),
  { skip: mongodReason },
);

/** Adds one after the other until some after `isDisturbed`. Returns those whose add was answered. */
async function revokeThrough({ accounts }: Store, name: string, isDisturbed: () => boolean): Promise<string[]> {
  const answered: string[] = [];
  for (let left = BATCHES_AFTER, number = 0; left > 0; number++) {
    const userId = `${name}.${number}`;
    const isAdded = await accounts.revocations.add([revocationOf({ userId })]).then(
      () => true,
      () => false,
    );
    if (isAdded) answered.push(userId);
    if (isAdded && isDisturbed()) left--;
  }
  return answered;
}

test(
  'who polls through a kill -9 of the primary misses no revocation that was answered',
  () =>
    withStores(async (stores, replicaSet) => {
      const primary = await replicaSet.primary();
      let isDisturbed = false;
      let isDone = false;
      const seen = new Set<string>();
      const poll = async (mark: string | null): Promise<string | null> => {
        const read = await stores[0].accounts.revocations.since(mark).catch(() => null);
        for (const { userId } of read?.revocations ?? []) seen.add(userId);
        return read?.mark ?? mark;
      };
      const pollOn = async () => {
        let mark: string | null = null;
        while (!isDone) mark = await poll(mark);
        await poll(mark);
      };
      const write = async () => {
        const writers = [...stores, ...stores].map((store, at) => revokeThrough(store, `w${at}`, () => isDisturbed));
        const answered = (await Promise.all(writers)).flat();
        isDone = true;
        return answered;
      };
      const disturb = async () => {
        await primary.kill('SIGKILL');
        await replicaSet.primary();
        isDisturbed = true;
      };
      const [answered] = await Promise.all([write(), pollOn(), disturb()]);
      assert.equal(
        answered.filter((userId) => !seen.has(userId)),
        [],
      );
      assert.ok(answered.length >= 4 * BATCHES_AFTER);
      await primary.start();
    }),
  { skip: mongodReason },
);

test('the replica set is stopped', async () => set?.stop());
