/** Events that are split by day, claimed through their reset: each claim lies with its own period, and only there. */
import { MongoClient } from 'mongodb';
import type { ClaimReply } from '../clients/index.ts';
import type { Mode } from '../protocol/mode.ts';
import { assert, suite } from '../protocol/testing/kit.ts';
import { realRuntime } from './lib/runtime.ts';
import { openMongoStore } from './store/mongo/open.ts';
import { mongodReason, startReplicaSet } from './testing/mongod.ts';
import { type Running, startServer } from './testing/servers.ts';

const test = suite('splits');
const set = mongodReason === null ? await startReplicaSet({ members: 1 }) : null;
const onMongod = { skip: mongodReason };

const USERS = 14;
const STEP_MS = 150;

type Passing = { running: Running; nowMs(): number; pass(ms: number): void; client: MongoClient };

/** A server that remembers nobody, whose time begins at `startsAt` and goes on by itself and as the test says. */
async function withServerAt(startsAt: number, use: (passing: Passing) => Promise<void>): Promise<void> {
  const uri = set?.freshUri() ?? '';
  const begun = realRuntime.monotonicMs();
  let aheadMs = 0;
  const runtime = { ...realRuntime, monotonicMs: () => realRuntime.monotonicMs() + aheadMs };
  const store = await openMongoStore({ uri, nodeId: 'n0', runtime: realRuntime });
  const nowMs = () => startsAt + runtime.monotonicMs() - begun;
  const client = new MongoClient(uri);
  try {
    const running = await startServer(
      { ...store, timeMs: async () => nowMs() },
      { runtime, projectionIntervalMs: 100, knownUsersMax: 0 },
    );
    const pass = (ms: number) => {
      aheadMs += ms;
    };
    await use({ running, nowMs, pass, client }).finally(() => running.stop());
  } finally {
    await Promise.all([store.close(), client.close()]);
  }
}

type Scenario = { name: string; timeZone: string; reset: string; before: string; after: string };
const SCENARIOS: Scenario[] = [
  {
    name: 'Seoul',
    ...{ timeZone: 'Asia/Seoul', reset: '2026-05-17T19:00:00.000Z', before: '20260517', after: '20260518' },
  },
  {
    name: 'New York in the night in which an hour is skipped',
    ...{ timeZone: 'America/New_York', reset: '2026-03-08T08:00:00.000Z', before: '20260307', after: '20260308' },
  },
  {
    name: 'New York in the night in which an hour comes twice',
    ...{ timeZone: 'America/New_York', reset: '2026-11-01T09:00:00.000Z', before: '20261031', after: '20261101' },
  },
];

type Stored = { _id: string; period: string; void?: true };

/** The claims of each collection of a day, by the name of the day. */
async function storedByDay(client: MongoClient): Promise<Map<string, Stored[]>> {
  const db = client.db();
  const collections = await db.listCollections({ name: { $regex: '^user_events' } }, { nameOnly: true }).toArray();
  const days = collections.map(async ({ name }) => {
    const found = await db
      .collection<Stored>(name)
      .find({ void: { $exists: false } })
      .toArray();
    return [name.replace('user_events_day_', ''), found] as const;
  });
  return new Map(await Promise.all(days));
}

async function untilStored(client: MongoClient, count: number): Promise<Map<string, Stored[]>> {
  for (;;) {
    const days = await storedByDay(client);
    const stored = [...days.values()].flat().length;
    if (stored >= count) return days;
    // The projection gives way to a process that is busy, and this one would be.
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

function claimOf(reply: ClaimReply) {
  if (!('claim' in reply)) throw new Error(reply.code);
  return reply.claim;
}

function answered<T extends { code: string }>(answer: T): Extract<T, { code: 'OK' }> {
  if (answer.code !== 'OK') throw new Error(answer.code);
  return answer as Extract<T, { code: 'OK' }>;
}

for (const mode of ['direct', 'journal'] as const satisfies Mode[]) {
  for (const { name, timeZone, reset, before, after } of SCENARIOS) {
    const resetAt = Date.parse(reset);
    test(
      `${mode}, ${name}: claims through the reset`,
      () =>
        withServerAt(resetAt - 60_000, async ({ running, nowMs, pass, client }) => {
          const eventKey = 'daily';
          const made = await running.client.events.create({
            ...{ eventKey, period: 'daily', timeZone, resetHour: 4, splitBy: 'day', mode },
            startsAt: new Date(resetAt - 3 * 86_400_000).toISOString(),
          });
          assert.is(answered(made).event.splitBy, 'day');
          pass(resetAt - nowMs() - 1_000);
          const first: ClaimReply[] = [];
          const pending: Promise<unknown>[] = [];
          for (let i = 0; i < USERS; i++) {
            const claim = { eventKey, userId: `u${i}`, requestId: `first-${i}` };
            pending.push(running.client.claim(claim).then((reply) => first.push(reply)));
            if (i % 3 === 0) await pending.at(-1);
            pass(STEP_MS);
          }
          await Promise.all(pending);
          for (const reply of first) {
            assert.is(reply.code, 'GRANTED');
            const { period, grantedAt } = claimOf(reply);
            assert.is(period, grantedAt < resetAt ? before : after);
          }
          const periods = new Set(first.map((reply) => claimOf(reply).period));
          assert.equal([...periods].sort(), [before, after], 'some before and some behind the reset');

          // The same requests again find what they were granted first, in whichever period.
          for (const reply of first) {
            const { userId, requestId, claimKey } = claimOf(reply);
            const again = await running.client.claim({ eventKey, userId, requestId });
            assert.is(again.code, 'REPLAYED');
            assert.is(claimOf(again).claimKey, claimKey);
          }
          // Another request is granted to those who claimed before the reset, and to nobody else.
          let granted = first.length;
          for (const reply of first) {
            const { userId, period } = claimOf(reply);
            const second = await running.client.claim({ eventKey, userId, requestId: `second-${userId}` });
            assert.is(second.code, period === before ? 'GRANTED' : 'ALREADY_CLAIMED');
            assert.is(claimOf(second).period, after);
            if (second.code === 'GRANTED') granted++;
          }

          const days = await untilStored(client, granted);
          for (const [day, stored] of days) for (const { period } of stored) assert.is(period, day);
          const keys = [...days.values()].flat().map(({ _id }) => _id);
          assert.is(keys.length, granted);
          assert.is(new Set(keys).size, granted);
          const listed = answered(await running.client.claims.list({ eventKey, limit: 200 }));
          assert.equal(listed.items.map(({ claimKey }) => claimKey).sort(), keys.sort());
        }),
      onMongod,
    );
  }
}

test('the replica set is stopped', async () => set?.stop());
