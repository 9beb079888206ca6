/** Two replica sets as one store: where claims go, what a store that is away stops, and that exchanged stores are refused. */
import { MongoClient } from 'mongodb';
import { assert, rejection, suite } from '../../../protocol/testing/kit.ts';
import { openStores } from '../../bin/open-store.ts';
import { createLog } from '../../lib/log.ts';
import { realRuntime } from '../../lib/runtime.ts';
import { mongodReason, startReplicaSet } from '../../testing/mongod.ts';
import { type Running, startServer } from '../../testing/servers.ts';
import { type Store, StoreRefused } from '../store.ts';
import { createDraft, eventOf, recordOf } from '../testing/fixtures.ts';

const test = suite('named stores');
const onMongod = { skip: mongodReason };
const [setMain, setB] =
  mongodReason === null ? await Promise.all([startReplicaSet({ members: 1 }), startReplicaSet({ members: 1 })]) : [];

type Uris = { main: string; b: string };
const freshUris = (): Uris => ({ main: setMain?.freshUri() ?? '', b: setB?.freshUri() ?? '' });

function open({ main, b }: Uris): Promise<Store> {
  const uris = {
    main: { name: 'main', kind: 'mongo', uri: main },
    named: [{ name: 'b', kind: 'mongo', uri: b }],
  } as const;
  const log = createLog({ level: 'silent' });
  return openStores(uris, { nodeId: 'n0', allowStandalone: false, runtime: realRuntime, log, advertised: () => '' });
}

async function withServer(use: (running: Running, uris: Uris) => Promise<void>): Promise<void> {
  const uris = freshUris();
  const store = await open(uris);
  try {
    const running = await startServer(store, { log: createLog({ level: 'silent' }) });
    await use(running, uris).finally(() => running.stop());
  } finally {
    await store.close();
  }
}

function answered<T extends { code: string }>(answer: T): Extract<T, { code: 'OK' }> {
  if (answer.code !== 'OK') throw new Error(JSON.stringify(answer));
  return answer as Extract<T, { code: 'OK' }>;
}

async function keysIn(uri: string, collection: string): Promise<string[]> {
  const client = new MongoClient(uri);
  const found = await client.db().collection<{ _id: string }>(collection).find().toArray();
  await client.close();
  return found.map(({ _id }) => _id).sort();
}

async function makeEvents({ client }: Running): Promise<void> {
  answered(await client.events.create({ eventKey: 'here' }));
  answered(await client.events.create({ eventKey: 'there', store: 'b' }));
  answered(await client.events.create({ eventKey: 'sale', store: 'b', splitBy: 'event', stock: 2 }));
}

test(
  'claims lie in the store of their event, and lists are of all',
  () =>
    withServer(async (running, uris) => {
      const { client } = running;
      await makeEvents(running);
      for (const eventKey of ['here', 'there', 'sale']) {
        const reply = await client.claim({ eventKey, userId: 'anna', requestId: `r-${eventKey}` });
        assert.is(reply.code, 'GRANTED');
      }
      assert.equal(await keysIn(uris.main, 'user_events'), ['here/-/anna']);
      assert.equal(await keysIn(uris.b, 'user_events'), ['there/-/anna']);
      assert.equal(await keysIn(uris.b, 'user_events_event_sale'), ['sale/-/anna']);
      const listed = answered(await client.claims.ofUser({ userId: 'anna' }));
      assert.equal(listed.items.map(({ eventKey }) => eventKey).sort(), ['here', 'sale', 'there']);
      assert.is(listed.incomplete, null);
      const again = await client.claim({ eventKey: 'there', userId: 'anna', requestId: 'r-there' });
      assert.is(again.code, 'REPLAYED');
      const reused = await client.claim({ eventKey: 'here', userId: 'bert', requestId: 'r' });
      assert.is(reused.code, 'GRANTED');
      assert.is((await client.claim({ eventKey: 'there', userId: 'bert', requestId: 'r' })).code, 'KEY_REUSED');
    }),
  onMongod,
);

test(
  'the store of an event is one that is there, without a journal, and never another',
  () =>
    withServer(async ({ client }) => {
      const fields = async (input: Parameters<typeof client.events.create>[0]) => {
        const answer = await client.events.create(input);
        return answer.code === 'BAD_REQUEST' ? answer.faults?.map(({ field }) => field) : answer.code;
      };
      assert.equal(await fields({ eventKey: 'x', store: 'c' }), ['store']);
      assert.equal(await fields({ eventKey: 'x', store: 'b', mode: 'journal' }), ['mode']);
      assert.equal(await fields({ eventKey: 'x', splitBy: 'day' }), ['splitBy']);
      assert.is(await fields({ eventKey: 'there', store: 'b' }), 'OK');
      assert.is((await client.events.change('there', { store: 'main' })).code, 'EVENT_FIELD_FIXED');
      assert.is((await client.events.change('there', { store: 'b', title: 'same' })).code, 'OK');
      assert.is((await client.events.change('there', { splitBy: 'event' })).code, 'OK');
      assert.is((await client.claim({ eventKey: 'there', userId: 'anna' })).code, 'GRANTED');
      assert.is((await client.events.change('there', { splitBy: 'none' })).code, 'EVENT_FIELD_FIXED');
      assert.is((await client.events.setMode('there', 'journal')).code, 'BAD_REQUEST');
    }),
  onMongod,
);

test(
  'what is archived leaves the store of its event',
  async () => {
    const store = await open(freshUris());
    try {
      const place = { store: 'b', splitBy: 'event' } as const;
      await store.events.create(eventOf({ eventKey: 'gifts', ...place }));
      const draft = createDraft();
      const drafts = [draft({ eventKey: 'gifts', place }), draft({ eventKey: 'gifts', place })];
      await store.claims.insert([...drafts, draft({ eventKey: 'here' })]);
      const series = { eventKey: 'gifts', period: '-', ...place };
      assert.equal(await store.archive.periods(series), ['-']);
      assert.equal(await store.archive.periods({ ...series, store: 'main' }), []);
      const records = drafts.map((one) => recordOf(one));
      assert.is(await store.archive.remove(series, records), 2);
      await store.archive.clear(series);
      const retired = await store.archive.retire({ dayMax: '', events: [series] });
      assert.equal(retired, ['b: user_events_event_gifts']);
      assert.is((await store.claims.list({}, { limit: 5 })).length, 1);
    } finally {
      await store.close();
    }
  },
  onMongod,
);

test(
  'stores that were exchanged are refused, and so is the main store under another name',
  async () => {
    const uris = freshUris();
    await (await open(uris)).close();
    const other = freshUris();
    assert.instance(await rejection(open({ main: other.main, b: uris.b })), StoreRefused);
    assert.instance(await rejection(open({ main: uris.main, b: uris.main })), StoreRefused);
  },
  onMongod,
);

test(
  'a store that is killed stops its own events only, is named in lists, and has everything when it is back',
  () =>
    withServer(async (running) => {
      const { client } = running;
      await makeEvents(running);
      const granted: string[] = [];
      const claim = async (eventKey: string, userId: string) => {
        const startedAt = performance.now();
        const reply = await client.claim({ eventKey, userId, requestId: `${eventKey}-${userId}`, retry: 'never' });
        if (reply.code === 'GRANTED') granted.push(reply.claim.claimKey);
        return { code: reply.code, ms: performance.now() - startedAt };
      };
      for (let i = 0; i < 20; i++) await Promise.all([claim('here', `u${i}`), claim('there', `u${i}`)]);
      assert.is(granted.length, 40);

      const [member] = setB?.members ?? [];
      const during = Array.from({ length: 20 }, (_, i) => claim('there', `v${i}`));
      await member?.kill('SIGKILL');
      const codes = new Set((await Promise.all(during)).map(({ code }) => code));
      for (const code of codes)
        assert.ok(['GRANTED', 'OUTCOME_UNKNOWN', 'STORE_UNAVAILABLE', 'BUSY'].includes(code), code);
      for (let i = 0; i < 20; i++) {
        const { code, ms } = await claim('here', `w${i}`);
        assert.is(code, 'GRANTED');
        assert.ok(ms < 2_000, `${ms} ms beside a store that is away`);
      }
      const refused = await claim('there', 'late');
      assert.ok(['OUTCOME_UNKNOWN', 'STORE_UNAVAILABLE', 'BUSY'].includes(refused.code), refused.code);
      assert.ok(refused.ms < 15_000);
      const listed = answered(await client.claims.ofUser({ userId: 'u1' }));
      assert.equal(listed.incomplete, ['b']);
      assert.equal(
        listed.items.map(({ eventKey }) => eventKey),
        ['here'],
      );

      await member?.start();
      let back = await claim('there', 'back');
      while (back.code !== 'GRANTED' && back.code !== 'REPLAYED') back = await claim('there', 'back');
      const all = answered(await client.claims.list({ eventKey: 'there', limit: 200 }));
      assert.is(all.incomplete, null);
      const found = new Set(all.items.map(({ claimKey }) => claimKey));
      for (const key of granted) if (key.startsWith('there/')) assert.ok(found.has(key), `${key} is missing`);
    }),
  onMongod,
);

test('the replica sets are stopped', async () => {
  await Promise.all([setMain?.stop(), setB?.stop()]);
});
