/** Events that are split by day, claimed through their reset: each claim lies with its own period, and only there. */
import { MongoClient } from 'mongodb';
import type { ClaimReply } from '../clients/index.ts';
import { MODES } from '../protocol/mode.ts';
import { assert, suite } from '../protocol/testing/kit.ts';
import { realRuntime } from './lib/runtime.ts';
import { LATE_MS_MAX } from './rules/place.ts';
import { openMongoStore } from './store/mongo/open.ts';
import type { Store } from './store/store.ts';
import { mongodReason, startReplicaSet } from './testing/mongod.ts';
import { projectedStore } from './testing/projected.ts';
import { type Running, startServer } from './testing/servers.ts';

const test = suite('splits');
const set = mongodReason === null ? await startReplicaSet({ members: 1 }) : null;
const onMongod = { skip: mongodReason };

const USERS = 14;
const STEP_MS = 150;
const DAY_MS = 86_400_000;

type Passing = {
  running: Running;
  nowMs(): number;
  passTo(at: number): void;
  client: MongoClient;
  /** Resolves when so many claims of the journal are in the store, in all. */
  whenProjected(count: number): Promise<void>;
  /** Claims that the journal has granted. */
  ofJournal: number;
};

/**
 * One server for all tests, because each takes seconds to start: it remembers nobody, and its time goes on by itself and as the
 * tests say, from one of their resets to the next.
 */
async function startPassing(startsAt: number, uri: string): Promise<Passing & { stop(): Promise<void> }> {
  const begun = realRuntime.monotonicMs();
  let aheadMs = 0;
  const runtime = { ...realRuntime, monotonicMs: () => realRuntime.monotonicMs() + aheadMs };
  const nowMs = () => startsAt + runtime.monotonicMs() - begun;
  const opened = await openMongoStore({ uri, nodeId: 'n0', runtime: realRuntime });
  const { store, whenProjected } = projectedStore({ ...opened, timeMs: async () => nowMs() });
  const client = new MongoClient(uri);
  const options = { runtime, projectionIntervalMs: 20, load: () => 0, knownUsersMax: 0 };
  const running = await startServer(unaware(store), options);
  return {
    ...{ running, nowMs, client, whenProjected, ofJournal: 0 },
    passTo(at) {
      aheadMs += at - nowMs();
    },
    async stop() {
      await running.stop();
      await Promise.all([opened.close(), client.close()]);
    },
  };
}

/** As a server is that has not heard of another collection of claims yet. */
function unaware(store: Store): Store {
  return { ...store, claims: { ...store.claims, isSpread: false } };
}

type Scenario = { name: string; timeZone: string; reset: string; before: string; after: string };
/** In the order of time. */
const SCENARIOS: Scenario[] = [
  {
    name: 'New York in the night in which an hour is skipped',
    ...{ timeZone: 'America/New_York', reset: '2026-03-08T08:00:00.000Z', before: '20260307', after: '20260308' },
  },
  {
    name: 'Seoul',
    ...{ timeZone: 'Asia/Seoul', reset: '2026-05-17T19:00:00.000Z', before: '20260517', after: '20260518' },
  },
  {
    name: 'New York in the night in which an hour comes twice',
    ...{ timeZone: 'America/New_York', reset: '2026-11-01T09:00:00.000Z', before: '20261031', after: '20261101' },
  },
];
const LATE: Scenario = {
  name: 'late',
  ...{ timeZone: 'Asia/Seoul', reset: '2026-12-17T19:00:00.000Z', before: '20261217', after: '20261218' },
};

const started = set === null ? null : await startPassing(Date.parse('2026-03-08T07:00:00Z'), set.freshUri());

function passing(): Passing {
  if (started === null) throw new Error('there is no mongod');
  return started;
}

type Stored = { _id: string; eventKey: string; period: string; void?: true };

/** The claims of these events in each collection, by the name of its day. */
async function storedByDay(client: MongoClient, eventKeys: readonly string[]): Promise<Map<string, Stored[]>> {
  const db = client.db();
  const collections = await db.listCollections({ name: { $regex: '^user_events' } }, { nameOnly: true }).toArray();
  const days = collections.map(async ({ name }) => {
    const filter = { void: { $exists: false }, eventKey: { $in: [...eventKeys] } };
    return [name.replace('user_events_day_', ''), await db.collection<Stored>(name).find(filter).toArray()] as const;
  });
  return new Map(await Promise.all(days));
}

function claimOf(reply: ClaimReply) {
  if (!('claim' in reply)) throw new Error(reply.code);
  return reply.claim;
}

function answered<T extends { code: string }>(answer: T): Extract<T, { code: 'OK' }> {
  if (answer.code !== 'OK') throw new Error(answer.code);
  return answer as Extract<T, { code: 'OK' }>;
}

type Event = { eventKey: string; mode: (typeof MODES)[number] };

/** One of each mode, with claims in the same collections. */
async function createEvents({ running }: Passing, { name, timeZone, reset }: Scenario): Promise<Event[]> {
  const events = MODES.map((mode) => ({ eventKey: `${mode}-${name.replaceAll(' ', '_')}`, mode }));
  const startsAt = new Date(Date.parse(reset) - 3 * DAY_MS).toISOString();
  for (const event of events) {
    const made = await running.client.events.create({
      ...{ ...event, period: 'daily', timeZone, resetHour: 4, splitBy: 'day', startsAt },
    });
    assert.is(answered(made).event.splitBy, 'day');
  }
  return events;
}

/** Each user claims each event, some of them before the reset and some behind it. */
async function claimThrough({ running, nowMs, passTo }: Passing, events: readonly Event[]): Promise<ClaimReply[]> {
  const replies: Promise<ClaimReply>[] = [];
  for (let i = 0; i < USERS; i++) {
    const claims = events.map(({ eventKey }) =>
      running.client.claim({ eventKey, userId: `u${i}`, requestId: `first-${eventKey}-${i}` }),
    );
    replies.push(...claims);
    if (i % 3 === 0) await Promise.all(claims);
    passTo(nowMs() + STEP_MS);
  }
  return Promise.all(replies);
}

/** The same requests again find what they were granted first, in whichever period. */
async function expectReplays({ running }: Passing, first: readonly ClaimReply[]): Promise<void> {
  const again = first.map((reply) => {
    const { eventKey, userId, requestId } = claimOf(reply);
    return running.client.claim({ eventKey, userId, requestId });
  });
  for (const [i, reply] of (await Promise.all(again)).entries()) {
    assert.is(reply.code, 'REPLAYED');
    assert.is(claimOf(reply).claimKey, claimOf(first[i] as ClaimReply).claimKey);
  }
}

/** Resolves when those of the journal are in the store, with all before them. */
async function allStored(at: Passing, granted: readonly ClaimReply[]): Promise<void> {
  at.ofJournal += granted.filter((reply) => claimOf(reply).eventKey.startsWith('journal')).length;
  await at.whenProjected(at.ofJournal);
}

for (const scenario of SCENARIOS) {
  const { name, reset, before, after } = scenario;
  const resetAt = Date.parse(reset);
  test(
    `${name}: claims through the reset, in both modes`,
    async () => {
      const at = passing();
      const { client } = at.running;
      at.passTo(resetAt - 1_000);
      const events = await createEvents(at, scenario);
      at.passTo(resetAt - 1_000);
      const first = await claimThrough(at, events);
      for (const reply of first) {
        assert.is(reply.code, 'GRANTED');
        const { period, grantedAt } = claimOf(reply);
        assert.is(period, grantedAt < resetAt ? before : after);
      }
      const periods = new Set(first.map((reply) => claimOf(reply).period));
      assert.equal([...periods].sort(), [before, after], 'some before and some behind the reset');
      await expectReplays(at, first);

      // Another request is granted to those who claimed before the reset, and to nobody else.
      const second = first.map((reply) => {
        const { eventKey, userId } = claimOf(reply);
        return client.claim({ eventKey, userId, requestId: `second-${eventKey}-${userId}` });
      });
      const granted = [...first];
      for (const [i, reply] of (await Promise.all(second)).entries()) {
        const { period } = claimOf(first[i] as ClaimReply);
        assert.is(reply.code, period === before ? 'GRANTED' : 'ALREADY_CLAIMED');
        assert.is(claimOf(reply).period, after);
        if (reply.code === 'GRANTED') granted.push(reply);
      }

      await allStored(at, granted);
      const eventKeys = events.map(({ eventKey }) => eventKey);
      const days = await storedByDay(at.client, eventKeys);
      for (const [day, stored] of days) for (const { period } of stored) assert.is(period, day);
      const keys = [...days.values()].flat().map(({ _id }) => _id);
      assert.equal(keys.toSorted(), granted.map((reply) => claimOf(reply).claimKey).sort());
      for (const eventKey of eventKeys) {
        const listed = answered(await client.claims.list({ eventKey, limit: 200 }));
        const own = keys.filter((key) => key.startsWith(`${eventKey}/`));
        assert.equal(listed.items.map(({ claimKey }) => claimKey).sort(), own.sort());
      }
    },
    onMongod,
  );
}

test(
  'a retry long after the reset, with nothing to shut out any more, finds the claim of the period before',
  async () => {
    const at = passing();
    const resetAt = Date.parse(LATE.reset);
    at.passTo(resetAt - 60_000);
    const events = await createEvents(at, LATE);
    const claimAll = (requestId: string) =>
      Promise.all(
        events.map(({ eventKey }) =>
          at.running.client.claim({ eventKey, userId: 'late', requestId: `${requestId}-${eventKey}` }),
        ),
      );
    const first = await claimAll('first');
    assert.ok(first.every((reply) => reply.code === 'GRANTED' && reply.claim.period === LATE.before));
    await allStored(at, first);
    at.passTo(resetAt + LATE_MS_MAX + 1_000);
    await expectReplays(at, first);
    const behind = at.client.db().collection(`user_events_day_${LATE.after}`);
    assert.is(await behind.countDocuments(), 0, 'and nothing is granted for it');
    const next = await claimAll('next');
    assert.ok(next.every((reply) => reply.code === 'GRANTED' && reply.claim.period === LATE.after));
  },
  onMongod,
);

test('the server and its replica set are stopped', async () => {
  await started?.stop();
  await set?.stop();
});
