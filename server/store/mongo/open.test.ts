/** Which databases a start refuses, each in one line that names what is wrong and holds no credentials. */
import { MongoClient } from 'mongodb';
import { assert, rejection, suite } from '../../../protocol/testing/kit.ts';
import { realRuntime } from '../../lib/runtime.ts';
import {
  mongodReason,
  type ReplicaSet,
  type Standalone,
  startReplicaSet,
  startStandalone,
} from '../../testing/mongod.ts';
import { freePort } from '../../testing/mongod-process.ts';
import { StoreRefused, StoreUnavailable } from '../store.ts';
import { createDraft, inserted } from '../testing/fixtures.ts';
import { addressOf } from './address.ts';
import { openMongoStore } from './open.ts';

const test = suite('mongo opening');
const onMongod = { skip: mongodReason };
const timeouts = { selectionMs: 500, startMs: 500 };

let set: ReplicaSet | null = null;
let standalone: Standalone | null = null;
if (mongodReason === null) [set, standalone] = await Promise.all([startReplicaSet({ members: 1 }), startStandalone()]);

async function refusal(uri: string): Promise<Error> {
  const error = await rejection(openMongoStore({ uri, runtime: realRuntime, timeouts }));
  assert.not.match(error.message, /\n|secret/);
  return error;
}

test('a URI must name a database, and its credentials are never shown', async () => {
  assert.is(addressOf('mongodb://a:1,b:2/claims?replicaSet=rs0').label, 'mongodb://a:1,b:2/claims');
  assert.is(addressOf('mongodb+srv://me:secret@host/claims').label, 'mongodb+srv://host/claims');
  const refused: [uri: string, says: RegExp][] = [
    ['mongodb://me:secret@host:1', /mongodb:\/\/host:1 names no database/],
    ['mongodb://me:secret@host:1/', /names no database/],
    ['mongodb://host:1/?replicaSet=rs0', /names no database/],
    ['mongodb://host:1/a.b', /no valid database name/],
    ['mongodb://me:se/secret@host:1/claims', /no/],
    ['http://host/claims', /not a URI like mongodb:/],
    ['mongodb://host:1/claims?unheardOf=1', /does not take the URI of mongodb:\/\/host:1\/claims/],
    ['mongodb://me:secret@host:1/claims?tls=true&ssl=false', /does not take the URI/],
  ];
  for (const [uri, says] of refused) {
    const error = await refusal(uri);
    assert.instance(error, StoreRefused);
    assert.match(error.message, says);
  }
});

test('a server that is not there is given up in bounded time', async () => {
  const startedMs = performance.now();
  const error = await refusal(`mongodb://me:secret@127.0.0.1:${await freePort()}/claims`);
  assert.instance(error, StoreUnavailable);
  assert.match(error.message, /no primary of mongodb:\/\/127\.0\.0\.1:\d+\/claims answers/);
  assert.ok(performance.now() - startedMs < 5_000);
});

test(
  'a standalone is refused, whether or not the URI hopes for a set, unless it is allowed',
  async () => {
    const uri = standalone?.uri('claims') ?? '';
    for (const each of [uri, `${uri}?directConnection=true`]) {
      const error = await refusal(each);
      assert.instance(error, StoreRefused);
      assert.match(error.message, /standalone mongod/);
    }
    const hoping = await refusal(`${uri}?replicaSet=rs0`);
    assert.instance(hoping, StoreRefused);
    assert.match(hoping.message, /not a member of replica set rs0/);
    const store = await openMongoStore({ uri, runtime: realRuntime, allowStandalone: true });
    assert.ok((await store.timeMs()) > 0);
    await store.close();
  },
  onMongod,
);

test(
  'data of a newer program is refused',
  async () => {
    const uri = set?.freshUri() ?? '';
    const client = new MongoClient(uri);
    await client
      .db()
      .collection<{ _id: string }>('meta')
      .insertOne({ _id: 'store', formatVersion: 3, clusterId: 'x' } as { _id: string });
    await client.close();
    const error = await refusal(uri);
    assert.instance(error, StoreRefused);
    assert.match(error.message, /data format 3; this program knows 2/);
  },
  onMongod,
);

test(
  'many servers that start at once on an empty database agree on what they make',
  async () => {
    const uri = set?.freshUri() ?? '';
    const stores = await Promise.all(Array.from({ length: 5 }, () => openMongoStore({ uri, runtime: realRuntime })));
    assert.is(new Set(stores.map(({ clusterId }) => clusterId)).size, 1);
    for (const store of stores) assert.equal(store.guardsMissing(), []);
    await Promise.all(stores.map((store) => store.close()));
  },
  onMongod,
);

test(
  'a start waits for a primary that comes within its time, and claims are served after it',
  async () => {
    const uri = set?.freshUri() ?? '';
    const [member] = set?.members ?? [];
    await member?.kill('SIGKILL');
    // The first connection of a client fails at least once.
    const opening = openMongoStore({ uri, runtime: realRuntime, timeouts: { selectionMs: 100, startMs: 20_000 } });
    const [store] = await Promise.all([opening, member?.start()]);
    const draft = createDraft()();
    assert.equal(await store.claims.insert([draft]), [inserted(draft)]);
    await store.close();
    assert.equal(await store.claims.insert([draft]), [{ kind: 'unavailable' }]);
  },
  onMongod,
);

test('what was started is stopped', async () => {
  await Promise.all([set?.stop(), standalone?.stop()]);
});
