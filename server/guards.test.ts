/** A collection of claims that loses its guard stops its own event, in both modes, and nothing else; then it goes on. */
import { MongoClient } from 'mongodb';
import { MODES, type Mode } from '../protocol/mode.ts';
import { assert, suite } from '../protocol/testing/kit.ts';
import { realRuntime } from './lib/runtime.ts';
import { openMongoStore } from './store/mongo/open.ts';
import { collectionOf } from './store/mongo/places.ts';
import { REQUEST_INDEX, SLOT_INDEX } from './store/mongo/schema.ts';
import { AccountClient } from './testing/account-client.ts';
import { mongodReason, startReplicaSet } from './testing/mongod.ts';
import { projectedStore } from './testing/projected.ts';
import { type Running, startServer } from './testing/servers.ts';

const test = suite('guards');
const set = mongodReason === null ? await startReplicaSet({ members: 1 }) : null;
const onMongod = { skip: mongodReason };

const MINUTE_MS = 60_000;
/** One event for each place there is. */
const EVENTS = [
  { name: 'alone', fields: { splitBy: 'event' } },
  { name: 'days', fields: { splitBy: 'day', period: 'daily' } },
  { name: 'common', fields: {} },
] as const;

type Context = {
  running: Running;
  client: MongoClient;
  projected: number;
  whenProjected(count: number): Promise<void>;
  /** Lets the store believe that so much time has passed. */
  pass(ms: number): void;
};

async function withServer(use: (context: Context) => Promise<void>): Promise<void> {
  const uri = set?.freshUri() ?? '';
  let aheadMs = 0;
  const runtime = { ...realRuntime, monotonicMs: () => realRuntime.monotonicMs() + aheadMs };
  const opened = await openMongoStore({ uri, nodeId: 'test', runtime });
  const { store, whenProjected } = projectedStore(opened);
  const client = new MongoClient(uri);
  const pass = (ms: number) => {
    aheadMs += ms;
  };
  try {
    const running = await startServer(store, { projectionIntervalMs: 20, load: () => 0 });
    await use({ running, client, projected: 0, whenProjected, pass }).finally(() => running.stop());
  } finally {
    await Promise.all([store.close(), client.close()]);
  }
}

const keyOf = (mode: Mode, name: string) => `${mode}-${name}`;

async function createEvents({ running }: Context): Promise<void> {
  for (const mode of MODES) {
    for (const { name, fields } of EVENTS) {
      const made = await running.client.events.create({ eventKey: keyOf(mode, name), mode, ...fields });
      assert.is(made.code, 'OK');
    }
  }
}

/**
 * What a user is told who claims each event under request ids of their own. Whatever the journal grants must come into the
 * store, or this does not end.
 */
async function codes(context: Context, userId: string): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const mode of MODES) {
    for (const { name } of EVENTS) {
      const eventKey = keyOf(mode, name);
      const claim = { eventKey, userId, requestId: `${userId}-${eventKey}`, retry: 'never' } as const;
      const { code } = await context.running.client.claim(claim);
      found[eventKey] = code;
      if (mode === 'journal' && code === 'GRANTED') context.projected++;
    }
  }
  await context.whenProjected(context.projected);
  return found;
}

async function checksOf({ running }: Context): Promise<Record<string, { ok: boolean; detail: string | null }>> {
  const [, checks] = await new AccountClient(running.client).done('STATUS', null);
  return checks;
}

const ALL = Object.fromEntries(MODES.flatMap((mode) => EVENTS.map(({ name }) => [keyOf(mode, name), 'GRANTED'])));

/** Asks by users who have claimed nothing yet until the answers are these. */
async function until(context: Context, wanted: Record<string, string>, name: string): Promise<void> {
  for (let i = 0; ; i++) {
    const found = await codes(context, `${name}-${i}`);
    if (JSON.stringify(found) === JSON.stringify(wanted)) return;
  }
}

/** The request that was granted first, again: what was granted stays so. */
async function expectReplays({ running }: Context, userId: string): Promise<void> {
  for (const eventKey of Object.keys(ALL)) {
    const { code } = await running.client.claim({ eventKey, userId, requestId: `${userId}-${eventKey}` });
    assert.is(code, 'REPLAYED', eventKey);
  }
}

test(
  'without one of its indexes an event is refused, and no other; with it again it goes on',
  () =>
    withServer(async (context) => {
      const { client, pass } = context;
      await createEvents(context);
      assert.equal(await codes(context, 'before'), ALL);
      const lost = MODES.map((mode) => keyOf(mode, 'alone'));
      const collections = lost.map((eventKey) =>
        client.db().collection(collectionOf({ eventKey, period: '-' }, 'event')),
      );
      const refused = { ...ALL, ...Object.fromEntries(lost.map((eventKey) => [eventKey, 'GUARD_MISSING'])) };
      for (const { name, key, ...options } of [REQUEST_INDEX, SLOT_INDEX]) {
        for (const collection of collections) await collection.dropIndex(name);
        pass(MINUTE_MS);
        await until(context, refused, `without-${name}`);
        const { guards, journal } = await checksOf(context);
        assert.equal(guards, { ok: true, detail: `missing: ${lost.join(', ')}` }, 'the others are served');
        assert.equal(journal, { ok: true, detail: null });
        for (const collection of collections) await collection.createIndex(key, { name, ...options });
        await until(context, ALL, `again-${name}`);
        assert.equal((await checksOf(context)).guards, { ok: true, detail: null });
        await expectReplays(context, 'before');
      }
    }),
  onMongod,
);

test('the replica set is stopped', async () => set?.stop());
