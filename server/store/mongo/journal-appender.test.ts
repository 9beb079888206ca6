/**
 * Every way in which appending a block can be answered badly, through the real driver. Whatever happens, a block is told to
 * be durable only when it is there, in order, and nothing is told twice.
 */
import { UUID } from 'mongodb';
import { assert, suite } from '../../../protocol/testing/kit.ts';
import { realRuntime } from '../../lib/runtime.ts';
import { FakeMongod, type Fault } from '../../testing/fake-mongod.ts';
import { BlockWriter } from '../block/writer.ts';
import type { Appended } from '../journal.ts';
import { addressOf } from './address.ts';
import { createPool, TIMEOUTS } from './connection.ts';
import { BlockAppender } from './journal-appender.ts';
import { blockIdOf } from './journal-schema.ts';
import { silent } from './testing/homes.ts';

const test = suite('mongo block appender');

const ORIGIN = 'node1.b1';
const timeouts = { ...TIMEOUTS, selectionMs: 300, socketMs: 300, majorityMs: 200 };

type Context = { fake: FakeMongod; appender: BlockAppender; told: Appended[]; reasons: string[]; durable: string[] };

async function withFake(use: (context: Context) => Promise<void>): Promise<void> {
  const fake = await new FakeMongod({ indexes: [], meta: [] }).start();
  const options = { timeouts, nodeId: 'test', connectionsMax: 3, retryWrites: false };
  const pool = createPool(addressOf(fake.uri), options);
  await pool.connect();
  const reasons: string[] = [];
  const durable: string[] = [];
  const appender = new BlockAppender({
    ...{ db: pool.db, collectionUuid: new UUID(), majorityMs: 200, inFlightMax: 2, runtime: realRuntime, log: silent },
    onFenced: (reason) => reasons.push(reason),
    onDurable: ({ _id }) => durable.push(_id),
  });
  try {
    await use({ fake, appender, told: [], reasons, durable });
  } finally {
    await appender.close();
    await pool.close();
    await fake.stop();
  }
}

function blockOf(sequence: number): Buffer {
  const writer = new BlockWriter(Buffer.alloc(256));
  writer.begin(0, { origin: ORIGIN, sequence, offset: 4_096 * sequence, firstAttempt: sequence, previous: 0 });
  return writer.end(1_795_348_800_000);
}

const idOf = (sequence: number) => blockIdOf(ORIGIN, sequence);

/** Resolves when all that many blocks are told of. */
function append({ appender, told }: Context, sequences: readonly number[]): Promise<void> {
  return new Promise((resolve) => {
    let left = sequences.length;
    for (const sequence of sequences) {
      appender.append(blockOf(sequence), (appended) => {
        told.push(appended);
        if (--left === 0) resolve();
      });
    }
  });
}

const insertsOf = ({ fake }: Context) =>
  fake.commands.filter(({ insert }) => insert === 'journal').map(({ documents }) => documents[0]._id as string);

const notPrimary = { ok: 0, code: 10_107, errmsg: 'not primary', errorLabels: ['RetryableWriteError'] };
const noMajority = { n: 1, writeConcernError: { code: 64, errmsg: 'waiting for replication timed out' } };
const fullDisk = { n: 0, writeErrors: [{ index: 0, code: 14_031, errmsg: 'disk full' }] };
const duplicate = { n: 0, writeErrors: [{ index: 0, code: 11_000, errmsg: 'E11000' }] };

const DOUBTS: { name: string; fault: Fault }[] = [
  { name: 'the connection ends before the insert', fault: { stores: [], reply: 'end' } },
  { name: 'the connection ends after the insert', fault: { reply: 'end' } },
  { name: 'no reply, and it is stored', fault: { reply: 'silence' } },
  { name: 'no reply, and it is not stored', fault: { stores: [], reply: 'silence' } },
  { name: 'no majority in time', fault: { reply: noMajority } },
  { name: 'a primary that is none any more, and it is stored', fault: { reply: notPrimary } },
  { name: 'a primary that is none any more, and it is not stored', fault: { stores: [], reply: notPrimary } },
  { name: 'a full disk', fault: { stores: [], reply: fullDisk } },
  { name: 'a duplicate that no majority read sees', fault: { stores: [], reply: duplicate } },
];

for (const { name, fault } of DOUBTS) {
  test(`settled by inserting it again: ${name}`, () =>
    withFake(async (context) => {
      context.fake.fail(fault);
      await append(context, [1]);
      assert.equal(context.told, ['DURABLE']);
      assert.equal([...context.fake.stored.keys()], [idOf(1)]);
      assert.equal(insertsOf(context), [idOf(1), idOf(1)]);
      assert.is(context.appender.trouble, null);
    }));
}

test('while a block is in doubt the one behind it waits, at most two are sent, and the state says why', () =>
  withFake(async (context) => {
    const { fake, appender, told } = context;
    fake.fail(...Array<Fault>(1).fill({ stores: [], reply: 'silence' }));
    const all = append(context, [1, 2, 3, 4]);
    while (appender.trouble === null) await new Promise((resolve) => setImmediate(resolve));
    assert.match(appender.trouble, /not known to be durable/);
    assert.equal(told, []);
    assert.equal(new Set(insertsOf(context)), new Set([idOf(1), idOf(2)]));
    await all;
    assert.equal(told, Array(4).fill('DURABLE'));
    assert.equal(context.durable, [1, 2, 3, 4].map(idOf));
  }));

test('a seal under its id fences a block and all behind it, also one that was stored', () =>
  withFake(async (context) => {
    const { fake, appender, reasons } = context;
    await append(context, [1]);
    fake.stored.set(idOf(2), { _id: idOf(2), seal: true, by: 'node2.b9' });
    await append(context, [2, 3]);
    await append(context, [4]);
    assert.equal(context.told, ['DURABLE', 'FENCED', 'FENCED', 'FENCED']);
    assert.equal(context.durable, [idOf(1)]);
    assert.equal(reasons, [`sealed by node2.b9 at ${idOf(2)}`]);
    assert.is(appender.fenced, reasons[0]);
    assert.not.ok(insertsOf(context).includes(idOf(4)), 'nothing is sent any more');
  }));

test('a seal that comes while a block is in doubt fences it', () =>
  withFake(async (context) => {
    context.fake.fail({ stores: [], reply: 'end' });
    const all = append(context, [1, 2]);
    context.fake.stored.set(idOf(1), { _id: idOf(1), seal: true, by: 'node2.b9' });
    await all;
    assert.equal(context.told, ['FENCED', 'FENCED']);
  }));

test('another block under its id fences it as a seal does', () =>
  withFake(async (context) => {
    await append(context, [1]);
    const stored = context.fake.stored.get(idOf(1));
    context.fake.stored.set(idOf(2), { ...stored, _id: idOf(2) });
    await append(context, [2]);
    assert.equal(context.told, ['DURABLE', 'FENCED']);
  }));

test('a collection that is not the one it was fences', () =>
  withFake(async (context) => {
    context.fake.fail({ stores: [], reply: { n: 0, writeErrors: [{ index: 0, code: 361, errmsg: 'mismatch' }] } });
    await append(context, [1]);
    assert.equal(context.told, ['FENCED']);
    assert.match(context.reasons[0] ?? '', /dropped or replaced/);
  }));

test('fenced by the record: what is on its way is told as it is, and what comes then is fenced behind it', () =>
  withFake(async (context) => {
    context.fake.fail({ reply: 'end' });
    const all = append(context, [1]);
    context.appender.fence('node2 owns the journal now');
    await Promise.all([all, append(context, [2])]);
    assert.equal(context.told, ['DURABLE', 'FENCED']);
    assert.equal(context.reasons, ['node2 owns the journal now']);
  }));

test('closing ends the trying and tells nothing that is not known', () =>
  withFake(async (context) => {
    context.fake.fail(...Array<Fault>(50).fill({ stores: [], reply: 'end' }));
    void append(context, [1, 2]);
    while (context.appender.trouble === null) await new Promise((resolve) => setImmediate(resolve));
    await context.appender.close();
    assert.equal(context.told, []);
  }));
