/**
 * Every way in which an insert can be answered badly, through the real driver: each must end in what is true. What stands in
 * the database afterwards is compared with what was said, and an unknown draft is settled by inserting it again.
 */
import { assert, rejection, suite } from '../../../protocol/testing/kit.ts';
import { realRuntime } from '../../lib/runtime.ts';
import { FakeMongod, type Fault } from '../../testing/fake-mongod.ts';
import { type ClaimDraft, type Store, StoreUnavailable } from '../store.ts';
import { createDraft, inserted, many, recordOf, requestTaken, rivalOf, taken } from '../testing/fixtures.ts';
import { openMongoStore } from './open.ts';
import { documentOfClaim, GUARD_INDEXES } from './schema.ts';

const test = suite('mongo insert outcomes');

const META = [
  { _id: 'store', formatVersion: 1, clusterId: 'fake-cluster' },
  { _id: 'claims', collection: 'user_events' },
];
const TIMEOUTS = { selectionMs: 300, socketMs: 400, majorityMs: 200, startMs: 500 };

type Context = { fake: FakeMongod; store: Store; drafts: [ClaimDraft, ClaimDraft, ClaimDraft] };

async function withFake(use: (context: Context) => Promise<void>): Promise<void> {
  const fake = await new FakeMongod({ indexes: GUARD_INDEXES, meta: META }).start();
  try {
    const store = await openMongoStore({ uri: fake.uri, runtime: realRuntime, timeouts: TIMEOUTS });
    const draft = createDraft();
    try {
      await use({ fake, store, drafts: [draft(), draft(), draft()] });
    } finally {
      await store.close();
    }
  } finally {
    await fake.stop();
  }
}

async function kindsOf(store: Store, drafts: readonly ClaimDraft[]): Promise<string[]> {
  return (await store.claims.insert(drafts)).map(({ kind }) => kind);
}

const error = (index: number, code: number) => ({ index, code, errmsg: `code ${code}` });
const MAJORITY_LATE = { writeConcernError: { code: 64, errmsg: 'waiting for replication timed out' } };
const STEPPED_DOWN = { writeConcernError: { code: 11_602, errmsg: 'operation was interrupted' } };

const all = (kind: string) => [kind, kind, kind];
/** What the server does to an insert of three new drafts, and what the store must say of them. */
const MATRIX: { name: string; fault: Fault; kinds: string[] }[] = [
  { name: 'the connection ends before the insert', fault: { stores: [], reply: 'end' }, kinds: all('unknown') },
  { name: 'the connection ends after the insert', fault: { reply: 'end' }, kinds: all('unknown') },
  { name: 'no reply until the socket times out', fault: { reply: 'silence' }, kinds: all('unknown') },
  { name: 'no majority in time', fault: { reply: { n: 3, ...MAJORITY_LATE } }, kinds: all('unknown') },
  {
    name: 'a duplicate and a write concern error in one reply',
    fault: { stores: [1, 2], reply: { n: 2, writeErrors: [error(0, 11_000)], ...STEPPED_DOWN } },
    kinds: all('unknown'),
  },
  {
    name: 'a reply that does not account for every document',
    fault: { stores: [0], reply: { n: 1, writeErrors: [error(2, 14_031)] } },
    kinds: all('unknown'),
  },
  {
    name: 'two errors named for one document',
    fault: { stores: [0], reply: { n: 1, writeErrors: [error(2, 14_031), error(2, 14_031)] } },
    kinds: all('unknown'),
  },
  {
    name: 'a full disk for one document',
    fault: { stores: [0, 1], reply: { n: 2, writeErrors: [error(2, 14_031)] } },
    kinds: ['inserted', 'inserted', 'unavailable'],
  },
  {
    name: 'a document that a validator refuses first, one that nobody knows second',
    fault: { stores: [2], reply: { n: 1, writeErrors: [error(0, 121), error(1, 8_000)] } },
    kinds: ['unavailable', 'unknown', 'inserted'],
  },
  {
    name: 'another collection under the name',
    fault: { stores: [], reply: { n: 0, writeErrors: [0, 1, 2].map((index) => error(index, 361)) } },
    kinds: all('guardMissing'),
  },
  {
    name: 'a collection that is dropped in the middle of the command',
    fault: { stores: [], reply: { n: 1, writeErrors: [error(1, 361), error(2, 361)] } },
    kinds: ['unknown', 'guardMissing', 'guardMissing'],
  },
  {
    name: 'no permission',
    fault: { stores: [], reply: { ok: 0, code: 13, codeName: 'Unauthorized', errmsg: 'not authorized' } },
    kinds: all('unavailable'),
  },
  {
    name: 'a server that turns the command away unread, for overload',
    fault: {
      stores: [],
      reply: { ok: 0, code: 462, errmsg: 'overloaded', errorLabels: ['SystemOverloadedError', 'RetryableError'] },
    },
    kinds: all('unavailable'),
  },
  ...[10_107, 189, 11_602, 91, 11_600].map((code) => ({
    name: `a primary that is none any more, code ${code}, with a part of it written`,
    fault: { stores: [0], reply: { ok: 0, code, errmsg: 'not primary', errorLabels: ['RetryableWriteError'] } },
    kinds: all('unknown'),
  })),
];

for (const { name, fault, kinds } of MATRIX) {
  test(name, () =>
    withFake(async ({ fake, store, drafts }) => {
      fake.fail(fault);
      assert.equal(await kindsOf(store, drafts), kinds);
      const isStored = drafts.map(({ claimKey }) => fake.stored.has(claimKey));
      assert.ok(kinds.every((kind, index) => kind !== 'inserted' || isStored[index]));
      assert.equal(fake.commands.filter(({ insert }) => insert !== undefined).length, 1, 'one attempt a call');
      if (!kinds.includes('guardMissing')) assert.equal(await kindsOf(store, drafts), all('inserted'));
    }),
  );
}

test('a duplicate first and a full disk second', () =>
  withFake(async ({ fake, store, drafts }) => {
    const [first, second, third] = drafts;
    const rival = rivalOf(first, 'rival');
    fake.stored.set(rival.claimKey, documentOfClaim(rival, null));
    fake.fail({ stores: [2], reply: { n: 1, writeErrors: [error(0, 11_000), error(1, 14_031)] } });
    assert.equal(await store.claims.insert([first, second, third]), [
      taken(rival),
      { kind: 'unavailable' },
      inserted(third),
    ]);
  }));

test('one own attempt, the same request by another attempt, a request used elsewhere: each told apart', () =>
  withFake(async ({ fake, store, drafts }) => {
    const [own, other, reused] = drafts;
    const otherAttempt = { ...other, attempt: 'other.boot.1', grantedAt: other.grantedAt - 5 };
    const elsewhere = { ...reused, eventKey: 'winter', claimKey: `winter/-/${reused.userId}`, attempt: 'other.boot.2' };
    for (const stored of [own, otherAttempt, elsewhere]) {
      fake.stored.set(stored.claimKey, documentOfClaim(stored, null));
    }
    fake.fail({ stores: [], reply: { n: 0, writeErrors: [0, 1, 2].map((index) => error(index, 11_000)) } });
    assert.equal(await store.claims.insert(drafts), [inserted(own), taken(otherAttempt), requestTaken(elsewhere)]);
  }));

test('a duplicate that no majority read sees is unknown', () =>
  withFake(async ({ fake, store, drafts }) => {
    fake.fail({ stores: [0, 1], reply: { n: 2, writeErrors: [error(2, 11_000)] } });
    assert.equal(await kindsOf(store, drafts), ['inserted', 'inserted', 'unknown']);
  }));

test('where nothing could be sent nothing is in doubt', () =>
  withFake(async ({ fake, store, drafts }) => {
    assert.equal(await kindsOf(store, drafts.slice(0, 1)), ['inserted']);
    await fake.stop();
    // The first call may still find a connection that has just ended.
    await store.claims.insert(drafts.slice(1));
    assert.equal(await kindsOf(store, drafts), all('unavailable'));
    assert.instance(await rejection(store.claims.byKey(['summer/-/anna'])), StoreUnavailable);
    assert.instance(await rejection(store.events.get(['summer'])), StoreUnavailable);
    assert.instance(await rejection(store.timeMs()), StoreUnavailable);
  }));

test('a lost reply in the middle of a stock sale leaves what was sent unknown and the rest unsent', () =>
  withFake(async ({ fake, store, drafts }) => {
    const late = createDraft();
    const more = many(2, (index) => late({ userId: `late${index}` }));
    fake.fail({ reply: 'end' });
    const kinds = (await store.claims.insertStock([...drafts, ...more], 3)).map(({ kind }) => kind);
    assert.equal(kinds, [...all('unknown'), 'unavailable', 'unavailable']);
    assert.equal(
      [...fake.stored.values()].map(({ slot }) => slot),
      [1, 2, 3],
    );
  }));

test('a sale that may no longer go on once the highest slot is read writes nothing', () =>
  withFake(async ({ fake, store, drafts }) => {
    let asked = 0;
    const mayWrite = () => {
      asked++;
      return fake.commands.every((command) => command.find === undefined);
    };
    const kinds = (await store.claims.insertStock(drafts, 3, mayWrite)).map(({ kind }) => kind);
    assert.equal(kinds, all('withheld'));
    assert.is(asked, 1);
    assert.is(fake.stored.size, 0);
  }));

test('writes ask for a journaled majority and reads for majority data of the primary, whatever the URI says', async () => {
  const fake = await new FakeMongod({ indexes: GUARD_INDEXES, meta: META }).start();
  const uri = `${fake.uri}&w=1&journal=false&readConcernLevel=local&readPreference=secondary&retryWrites=true`;
  const store = await openMongoStore({ uri, runtime: realRuntime, timeouts: TIMEOUTS });
  const draft = createDraft()();
  await store.claims.insert([draft]);
  assert.equal(await store.claims.byKey([draft.claimKey]), [recordOf(draft)]);
  const insert = fake.commands.find((command) => command.insert !== undefined);
  assert.equal(insert?.writeConcern, { w: 'majority', j: true, wtimeout: 200 });
  assert.is(insert?.ordered, false);
  assert.is(insert?.txnNumber, undefined);
  const find = fake.commands.findLast((command) => command.find === 'user_events');
  assert.equal(find?.readConcern, { level: 'majority' });
  assert.ok(find?.$readPreference === undefined || find.$readPreference.mode === 'primary');
  await store.close();
  await fake.stop();
});

test('whether it may still be written is asked when the documents are bytes already, and a no sends nothing', () =>
  withFake(async ({ fake, store, drafts }) => {
    const steps: string[] = [];
    const reward = { kind: 'currency', id: 'gold', amount: 1 };
    const traced = {
      ...reward,
      toBSON() {
        steps.push('document');
        return reward;
      },
    };
    const mayWrite = () => {
      steps.push('asked');
      return false;
    };
    const withTrace = drafts.map((draft) => ({ ...draft, rewards: [traced] }));
    const kinds = (await store.claims.insert(withTrace, mayWrite)).map(({ kind }) => kind);
    assert.equal(kinds, all('withheld'));
    assert.is(steps.at(-1), 'asked');
    assert.ok(steps.filter((step) => step === 'document').length >= 3);
    assert.is(fake.stored.size, 0);
    assert.equal(await kindsOf(store, drafts), all('inserted'), 'the connection is as good as before');
  }));
