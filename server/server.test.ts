/**
 * The promise, seen from a client over real sockets, on each real store and through two servers at once. Starting these
 * takes longer than most tests, so those of one case share them, each with events and players of its own.
 */
import type { ClaimReply, ClaimView, EventInput } from '../clients/index.ts';
import type { Mode } from '../protocol/mode.ts';
import { assert, suite } from '../protocol/testing/kit.ts';
import { freePort, type Running, startServer, storeAhead } from './testing/servers.ts';
import { STORE_CASES, stopStores } from './testing/stores.ts';

const test = suite('server');

type World = { servers: Running[]; clientOf(i: number): Running['client'] };
type Use = (world: World) => Promise<void>;

/** What `open` lends is opened for the first who asks, and lent until the end. */
function sharedBy(open: (use: Use) => Promise<void>) {
  let end = () => {};
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  let closed: Promise<void> | null = null;
  let lent: Promise<World> | null = null;
  function lend(): Promise<World> {
    lent ??= new Promise((resolve, reject) => {
      closed = open(async (world) => {
        resolve(world);
        await ended;
      });
      closed.catch(reject);
    });
    return lent;
  }
  return {
    use: async (use: Use) => use(await lend()),
    async end() {
      end();
      await closed;
    },
  };
}

function claimOf(reply: ClaimReply) {
  if (!('claim' in reply)) throw new Error(`${reply.code} carries no claim`);
  return reply.claim;
}

function countByCode(replies: readonly ClaimReply[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { code } of replies) counts[code] = (counts[code] ?? 0) + 1;
  return counts;
}

/** Operators' lists may be behind by what is not projected yet. */
async function projected(world: World, eventKey: string, count: number): Promise<void> {
  for (let seen = 0; seen < count; ) {
    const page = await world.clientOf(0).claims.list({ eventKey, limit: count });
    seen = page.code === 'OK' ? page.items.length : 0;
  }
}

/** Open for a while already: servers know the store's time to within a few milliseconds of one another. */
async function createEvent({ servers }: World, event: EventInput): Promise<void> {
  const startsAt = new Date(Date.now() - 60_000).toISOString();
  const answer = await (servers[0] as Running).client.events.create({ startsAt, ...event });
  assert.is(answer.code, 'OK', JSON.stringify(answer));
}

/** The journal of the embedded store has one server. On MongoDB the second one sends its callers to the first. */
const CASES = STORE_CASES.flatMap((store) =>
  (['direct', 'journal'] as const).map((mode) => ({
    ...{ ...store, name: `${store.name}, ${mode}`, mode: mode as Mode },
    servers: mode === 'journal' && store.name === 'lmdb' ? 1 : 2,
  })),
);

for (const { name, skip, mode, servers: count, withStores } of CASES) {
  async function withOwnServers(options: { isLocking?: boolean }, use: Use): Promise<void> {
    await withStores(count, async (stores, advertise) => {
      const servers: Running[] = [];
      for (const [i, store] of stores.entries()) {
        const port = await freePort();
        advertise(i, `127.0.0.1:${port}`);
        const how = { nodeId: `n${i}`, modeDefault: mode, projectionIntervalMs: 100, port };
        servers.push(await startServer(store, { ...how, ...options }));
      }
      try {
        await use({ servers, clientOf: (i) => (servers[i % servers.length] as Running).client });
      } finally {
        for (const server of servers) await server.stop();
      }
    });
  }
  const shared = sharedBy((use) => withOwnServers({}, use));

  for (const isLocking of [true, false]) {
    test(
      `${name}, lock queue ${isLocking ? 'on' : 'off'}: 200 players × 10 claims at once, each granted once`,
      async () => {
        const withServers = isLocking ? shared.use : (use: Use) => withOwnServers({ isLocking }, use);
        await withServers(async (world) => {
          await createEvent(world, { eventKey: 'rush' });
          const claims = Array.from({ length: 2_000 }, (_, i) => ({ userId: `rusher${i % 200}`, requestId: `r${i}` }));
          const replies = await Promise.all(
            claims.map((claim, i) => world.clientOf(Math.floor(i / 200)).claim({ eventKey: 'rush', ...claim })),
          );
          assert.equal(countByCode(replies), { GRANTED: 200, ALREADY_CLAIMED: 1_800 });
          const winners = new Map(
            replies.filter(({ code }) => code === 'GRANTED').map((reply) => [claimOf(reply).userId, claimOf(reply)]),
          );
          assert.is(winners.size, 200);
          for (const reply of replies) assert.equal(claimOf(reply), winners.get(claimOf(reply).userId));
        });
      },
      { skip, deadlineMs: 60_000 },
    );
  }

  test(
    `${name}: the last 50 of stock, 600 players through two servers`,
    async () => {
      await shared.use(async (world) => {
        await createEvent(world, { eventKey: 'scarce', stock: 50 });
        const replies = await Promise.all(
          Array.from({ length: 600 }, (_, i) => world.clientOf(i).claim({ eventKey: 'scarce', userId: `buyer${i}` })),
        );
        assert.equal(countByCode(replies), { GRANTED: 50, SOLD_OUT: 550 });
        const slots = replies.filter(({ code }) => code === 'GRANTED').map((reply) => claimOf(reply).slot as number);
        assert.equal(
          slots.sort((a, b) => a - b),
          Array.from({ length: 50 }, (_, i) => i + 1),
        );
      });
    },
    { skip, deadlineMs: 60_000 },
  );

  test(
    `${name}: a request id that was granted gets its claim whatever the window says, on every server`,
    async () => {
      await shared.use(async (world) => {
        await createEvent(world, { eventKey: 'gone' });
        await createEvent(world, { eventKey: 'other' });
        const ask = { eventKey: 'gone', userId: 'late1', requestId: 'r1' };
        const granted = await world.clientOf(0).claim(ask);
        assert.is(granted.code, 'GRANTED');
        await world.clientOf(0).events.change('gone', { state: 'ENDED' });
        for (const i of [0, 1]) {
          const replayed = await world.clientOf(i).claim(ask);
          assert.is(replayed.code, 'REPLAYED');
          assert.equal(claimOf(replayed), claimOf(granted));
          assert.is((await world.clientOf(i).claim({ ...ask, eventKey: 'other' })).code, 'KEY_REUSED');
          assert.is((await world.clientOf(i).claim({ ...ask, userId: 'late2' })).code, 'ENDED');
        }
      });
    },
    { skip },
  );

  test(
    `${name}: a pause holds on the other server within a second`,
    async () => {
      await shared.use(async (world) => {
        await createEvent(world, { eventKey: 'live' });
        assert.is((await world.clientOf(1).claim({ eventKey: 'live', userId: 'watcher0' })).code, 'GRANTED');
        const pausedAt = performance.now();
        await world.clientOf(0).events.pause('live');
        assert.is((await world.clientOf(0).claim({ eventKey: 'live', userId: 'watcher1' })).code, 'PAUSED');
        let codes = '';
        for (let i = 2; !codes.includes('PAUSED'); i++) {
          codes += (await world.clientOf(1).claim({ eventKey: 'live', userId: `watcher${i}` })).code;
        }
        assert.ok(performance.now() - pausedAt < 1_000);
      });
    },
    { skip },
  );

  // Two clocks decide here, and a journal has one writer.
  if (mode === 'direct')
    test(
      `${name}: a retry across the reset through another server is the claim of the first period`,
      async () => {
        await withStores(2, async ([one, two]) => {
          if (one === undefined || two === undefined) throw new Error('two handles');
          const before = await startServer(one, { nodeId: 'before' });
          const after = await startServer(storeAhead(two, 86_400_000), { nodeId: 'after' });
          try {
            const startsAt = new Date(Date.now() - 3 * 86_400_000).toISOString();
            await before.client.events.create({ eventKey: 'daily', period: 'daily', startsAt });
            const ask = { eventKey: 'daily', userId: 'u1', requestId: 'r1' };
            const granted = await before.client.claim(ask);
            assert.is(granted.code, 'GRANTED');
            const retried = await after.client.claim(ask);
            assert.is(retried.code, 'REPLAYED');
            assert.is(claimOf(retried).period, claimOf(granted).period);
            const next = await after.client.claim({ ...ask, requestId: 'r2' });
            assert.is(next.code, 'GRANTED', 'the next period has its own claim');
            assert.not(claimOf(next).period === claimOf(granted).period);
            assert.is((await after.client.claim(ask)).code, 'REPLAYED', 'also once the next period is claimed');
            assert.is((await after.client.claim({ ...ask, requestId: 'r3' })).code, 'ALREADY_CLAIMED');
          } finally {
            await before.stop();
            await after.stop();
          }
        });
      },
      { skip },
    );

  test(
    `${name}: a listed event is for those in its table`,
    async () => {
      await shared.use(async (world) => {
        await createEvent(world, { eventKey: 'vip', eligibility: { kind: 'listed' } });
        await world.clientOf(0).qualifications.add('vip', ['vip1', 'vip2']);
        assert.is((await world.clientOf(1).claim({ eventKey: 'vip', userId: 'vip1' })).code, 'GRANTED');
        const refused = await world.clientOf(1).claim({ eventKey: 'vip', userId: 'vip3' });
        assert.equal(refused.code === 'NOT_ELIGIBLE' && refused.reasons, ['NOT_LISTED']);
      });
    },
    { skip },
  );

  test(
    `${name}: what is fixed after the first claim, and a stock below what is granted, are refused`,
    async () => {
      await shared.use(async (world) => {
        await createEvent(world, { eventKey: 'fixed', stock: 5 });
        const { events } = world.clientOf(0);
        const changed = await events.change('fixed', { period: 'daily' });
        assert.is(changed.code, 'OK', 'without a claim everything can change');
        for (let i = 0; i < 3; i++) await world.clientOf(1).claim({ eventKey: 'fixed', userId: `fixed${i}` });
        for (const patch of [{ period: 'bogus' }, { timeZone: 'Asia/Seoul' }, { resetHour: 99 }, { stock: null }]) {
          assert.is((await events.change('fixed', patch as object)).code, 'EVENT_FIELD_FIXED', JSON.stringify(patch));
        }
        assert.is((await events.change('fixed', { stock: 2 })).code, 'STOCK_BELOW_GRANTED');
        assert.is((await events.change('fixed', { stock: 3 })).code, 'OK');
        assert.is((await world.clientOf(1).claim({ eventKey: 'fixed', userId: 'fixed9' })).code, 'SOLD_OUT');
      });
    },
    { skip },
  );

  test(
    `${name}: lists show every claim, newest first, by pages`,
    async () => {
      await shared.use(async (world) => {
        for (const eventKey of ['a', 'b']) await createEvent(world, { eventKey });
        for (let i = 0; i < 25; i++) await world.clientOf(0).claim({ eventKey: 'a', userId: `listed${i}` });
        await world.clientOf(0).claim({ eventKey: 'b', userId: 'listed1', requestId: 'mine' });
        const seen: ClaimView[] = [];
        await projected(world, 'a', 25);
        let cursor: string | undefined;
        do {
          const page = await world.clientOf(1).claims.list({ eventKey: 'a', limit: 10, ...(cursor ? { cursor } : {}) });
          if (page.code !== 'OK') throw new Error(page.code);
          seen.push(...page.items);
          cursor = page.nextCursor ?? undefined;
        } while (cursor !== undefined);
        assert.is(seen.length, 25);
        assert.is(new Set(seen.map(({ userId }) => userId)).size, 25);
        const times = seen.map(({ grantedAt }) => grantedAt);
        assert.equal(
          times,
          [...times].sort((a, b) => b - a),
        );
        const mine = await world.clientOf(1).claims.ofUser({ userId: 'listed1' });
        assert.equal(mine.code === 'OK' && mine.items.map(({ eventKey }) => eventKey), ['b', 'a']);
        const found = await world.clientOf(1).claims.byRequest({ userId: 'listed1', requestId: 'mine' });
        assert.is(found.code === 'OK' && found.claim.eventKey, 'b');
      });
    },
    { skip },
  );

  test(`${name}: the servers are stopped`, shared.end, { skip });
}

test('the stores are stopped', stopStores);
