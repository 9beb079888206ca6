/** Batches over real sockets, onto the embedded store: ids, duplicates, replays, mixed outcomes, and what is too much. */
import { type ClaimReply, type ClaimView, type Client, connect } from '../../clients/index.ts';
import { decodeBody, encodeFrame, type Value } from '../../protocol/codec.ts';
import { ERRORS } from '../../protocol/errors.ts';
import { KIND } from '../../protocol/frame.ts';
import { LIMITS } from '../../protocol/limits.ts';
import { OPS } from '../../protocol/ops.ts';
import { decodeReply } from '../../protocol/reply.ts';
import { batchOutcomes } from '../../protocol/testing/batch-vectors.ts';
import { assert, suite } from '../../protocol/testing/kit.ts';
import { BurstClock } from '../lib/burst-clock.ts';
import { realRuntime } from '../lib/runtime.ts';
import { type RawClient, rawClient } from '../net/testing/raw-client.ts';
import type { ClaimOutcome } from '../rules/decide.ts';
import type { ServerOptions } from '../server.ts';
import type { Store } from '../store/store.ts';
import { type Running, SERVICE_KEY, startServer } from '../testing/servers.ts';
import { STORE_CASES } from '../testing/stores.ts';
import { createBatchRoute } from './batch-route.ts';
import type { Call } from './call.ts';

const test = suite('batch route');
const [lmdb] = STORE_CASES;
const users = (count: number, prefix = 'u') => Array.from({ length: count }, (_, i) => `${prefix}${i}`);
const FULL = LIMITS.batchClaimsMax;
const MODES = ['direct', 'journal'] as const;

function countByCode(replies: readonly ClaimReply[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { code } of replies) counts[code] = (counts[code] ?? 0) + 1;
  return counts;
}

function claimOf(reply: ClaimReply | undefined): ClaimView {
  if (reply === undefined || !('claim' in reply)) throw new Error(`${reply?.code} carries no claim`);
  return reply.claim;
}

type World = { client: Client; running: Running; store: Store };

async function withServer(use: (world: World) => Promise<void>, options: Partial<ServerOptions> = {}): Promise<void> {
  await lmdb?.withStores(1, async ([store]) => {
    if (store === undefined) throw new Error('one handle');
    const running = await startServer(store, options);
    try {
      await use({ client: running.client, running, store });
    } finally {
      await running.stop();
    }
  });
}

/** Holds back every write of claims until it is let go. */
function held(store: Store): { store: Store; letGo(): void } {
  let letGo = () => {};
  const gate = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  const insert: Store['claims']['insert'] = async (...args) => {
    await gate;
    return store.claims.insert(...args);
  };
  const { journal: _journal, projector: _projector, ...rest } = store;
  return { store: { ...rest, claims: { ...store.claims, insert } }, letGo: () => letGo() };
}

async function readyRaw({ running }: World): Promise<RawClient> {
  const [host = '', port] = running.address.split(':');
  const raw = rawClient({ host, port: Number(port) });
  await raw.hello({ serviceId: 'test', key: SERVICE_KEY });
  return raw;
}

function batchFrame(number: number, ...args: Value[]): Uint8Array {
  return encodeFrame(KIND.request, OPS.CLAIM_BATCH.op, number, args);
}

for (const modeDefault of MODES) {
  test(`${modeDefault}: 10,000 claims in one frame are granted and answered in order, each under its own request id`, () =>
    withServer(
      async ({ client }) => {
        await client.events.create({ eventKey: 'big', rewards: [{ kind: 'currency', id: 'gold', amount: 100 }] });
        const batch = { eventKey: 'big', userIds: users(FULL), batchId: 'b-1', deadlineMs: 20_000 };
        const replies = await client.claimBatch(batch);
        assert.equal(countByCode(replies), { GRANTED: FULL });
        for (const i of [0, 1, 4_999, FULL - 1]) {
          const claim = claimOf(replies[i]);
          assert.equal([claim.userId, claim.requestId, replies[i]?.requestId], [`u${i}`, `b-1.${i}`, `b-1.${i}`]);
          const found = await client.claims.byRequest({ userId: `u${i}`, requestId: `b-1.${i}` });
          assert.equal(found.code === 'OK' && found.claim, claim);
        }
        const keys = replies.map((reply) => claimOf(reply).claimKey);
        assert.is(new Set(keys).size, FULL);
        // The whole of it again, as after a lost reply.
        const again = await client.claimBatch(batch);
        assert.equal(countByCode(again), { REPLAYED: FULL });
        assert.equal(again.map(claimOf), replies.map(claimOf));
      },
      { modeDefault },
    ));

  test(`${modeDefault}: a user named twice is granted once, and the duplicate carries the claim that won`, () =>
    withServer(
      async ({ client }) => {
        await client.events.create({ eventKey: 'e' });
        const userIds = [...users(500), ...users(500), ...users(500)];
        const replies = await client.claimBatch({ eventKey: 'e', userIds, batchId: 'b' });
        assert.equal(countByCode(replies), { GRANTED: 500, ALREADY_CLAIMED: 1_000 });
        for (const [i, reply] of replies.entries()) assert.equal(claimOf(reply), claimOf(replies[i % 500]));
        assert.equal(countByCode(await client.claimBatch({ eventKey: 'e', userIds: Array(FULL).fill('one') })), {
          GRANTED: 1,
          ALREADY_CLAIMED: FULL - 1,
        });
      },
      { modeDefault },
    ));
}

test('batches of several connections at once: each user is granted once, and all name the same claim', () =>
  withServer(async ({ client, running }) => {
    await client.events.create({ eventKey: 'e' });
    const other = await connect({ servers: running.address, serviceId: 'test', serviceKey: SERVICE_KEY });
    try {
      const userIds = users(1_000);
      const batches = await Promise.all(
        [client, other, client, other].map((from, i) =>
          from.claimBatch({ eventKey: 'e', userIds: i % 2 === 0 ? userIds : [...userIds].reverse() }),
        ),
      );
      assert.equal(countByCode(batches.flat()), { GRANTED: 1_000, ALREADY_CLAIMED: 3_000 });
      const winners = new Map(
        batches
          .flat()
          .filter(({ code }) => code === 'GRANTED')
          .map((reply) => [claimOf(reply).userId, claimOf(reply)]),
      );
      for (const reply of batches.flat()) assert.equal(claimOf(reply), winners.get(claimOf(reply).userId));
    } finally {
      other.close();
    }
  }));

test('batch and single claims share their request ids', () =>
  withServer(async ({ client }) => {
    for (const eventKey of ['e', 'f']) await client.events.create({ eventKey });
    const replies = await client.claimBatch({ eventKey: 'e', userIds: ['a', 'b'], batchId: 'b' });
    const single = await client.claim({ eventKey: 'e', userId: 'b', requestId: 'b.1' });
    assert.equal([single.code, claimOf(single)], ['REPLAYED', claimOf(replies[1])]);
    assert.is((await client.claim({ eventKey: 'f', userId: 'b', requestId: 'b.1' })).code, 'KEY_REUSED');
    // Nil keeps its place: what is asked again is the claim that was asked first.
    const rest = await client.request('CLAIM_BATCH', [null, 'e', 'b', [null, 'b', null, 'c'], null]);
    assert.equal(
      'result' in rest && [...((rest.result as Uint8Array[])[2] as Uint8Array)].filter((_, i) => i % 10 === 0),
      [ERRORS.REPLAYED.code, ERRORS.GRANTED.code],
    );
    const third = await client.claims.byRequest({ userId: 'c', requestId: 'b.3' });
    assert.is(third.code, 'OK');
    // Another event under the same batch id, and then the places of the users exchanged.
    const reused = await client.claimBatch({ eventKey: 'f', userIds: ['a', 'd'], batchId: 'b' });
    assert.equal(countByCode(reused), { KEY_REUSED: 1, GRANTED: 1 });
    const exchanged = await client.claimBatch({ eventKey: 'e', userIds: ['b', 'a'], batchId: 'b' });
    assert.equal(countByCode(exchanged), { ALREADY_CLAIMED: 2 });
    assert.is(claimOf(exchanged[0]).requestId, 'b.1');
  }));

test('outcomes mix in one reply, each as a single claim would have had it', () =>
  withServer(async ({ client }) => {
    await client.events.create({ eventKey: 'scarce', stock: 3, eligibility: { kind: 'listed' } });
    await client.qualifications.add('scarce', users(6));
    const replies = await client.claimBatch({ eventKey: 'scarce', userIds: ['u0', 'x', 'u1', 'u0', 'u2', 'u3', 'y'] });
    assert.equal(
      replies.map(({ code }) => code),
      ['GRANTED', 'NOT_ELIGIBLE', 'GRANTED', 'ALREADY_CLAIMED', 'GRANTED', 'SOLD_OUT', 'NOT_ELIGIBLE'],
    );
    assert.equal(
      [0, 2, 4].map((i) => claimOf(replies[i]).slot),
      [1, 2, 3],
    );
    for (const [i, userId] of [
      [1, 'x'],
      [5, 'u3'],
    ] as const) {
      const single = await client.claim({ eventKey: 'scarce', userId });
      const timeless = (reply: object) => JSON.stringify(reply).replaceAll(/"(serverTime|requestId)":[^,}]*/g, '');
      assert.is(timeless(replies[i] as object), timeless(single));
    }
    for (const [eventKey, code] of [
      ['none', 'EVENT_NOT_FOUND'],
      ['later', 'NOT_STARTED'],
    ] as const) {
      if (code === 'NOT_STARTED') await client.events.create({ eventKey, startsAt: '2999-01-01T00:00:00Z' });
      assert.equal(countByCode(await client.claimBatch({ eventKey, userIds: users(50) })), { [code]: 50 });
    }
  }));

test('the reply is lost: asked again, also of a server that was started since, every claim is the first one', () =>
  lmdb?.withStores(1, async ([store]) => {
    if (store === undefined) throw new Error('one handle');
    const holding = held(store);
    const before = await startServer(holding.store);
    await before.client.events.create({ eventKey: 'e' });
    const args = [null, 'e', 'b-1', users(1_000), null] as const;
    const raw = await readyRaw({ client: before.client, running: before, store });
    raw.send(batchFrame(2, ...args.map((arg) => arg as Value)));
    // The reply to a later request shows that the batch was taken.
    raw.send(encodeFrame(KIND.request, OPS.EVENT_GET.op, 3, [null, 'e']));
    assert.is((await raw.frame(2)).number, 3);
    raw.socket.destroy();
    await raw.closed;
    holding.letGo();
    const batch = { eventKey: 'e', userIds: users(1_000), batchId: 'b-1' };
    const first = await before.client.claimBatch(batch);
    assert.equal(countByCode(first), { REPLAYED: 1_000 });
    await before.stop();
    const after = await startServer(store);
    try {
      const second = await after.client.claimBatch(batch);
      assert.equal(countByCode(second), { REPLAYED: 1_000 });
      assert.equal(second.map(claimOf), first.map(claimOf));
      const others = await after.client.claimBatch({ ...batch, batchId: 'b-2' });
      assert.equal(countByCode(others), { ALREADY_CLAIMED: 1_000 });
      assert.equal(others.map(claimOf), first.map(claimOf));
    } finally {
      await after.stop();
    }
  }));

test('duplicates with long request ids do not fit into one reply, and are all told in the end', () =>
  withServer(async ({ client }) => {
    await client.events.create({ eventKey: 'e' });
    const batch = { eventKey: 'e', userIds: users(FULL), deadlineMs: 20_000 };
    const granted = await client.claimBatch({ ...batch, batchId: 'l'.repeat(LIMITS.batchIdLengthMax) });
    assert.equal(countByCode(granted), { GRANTED: FULL });
    const once = countByCode(await client.claimBatch({ ...batch, retry: 'never' }));
    assert.ok((once.OUTCOME_UNKNOWN ?? 0) > 100 && (once.ALREADY_CLAIMED ?? 0) > 8_000, JSON.stringify(once));
    const told = await client.claimBatch(batch);
    assert.equal(told.map(claimOf), granted.map(claimOf));
  }));

test('when the queues are full the rest of a batch is BUSY, and is granted when it is asked again', () =>
  withServer(
    async ({ client }) => {
      await client.events.create({ eventKey: 'e' });
      const once = await client.claimBatch({ eventKey: 'e', userIds: users(500), retry: 'never' });
      assert.equal(countByCode(once), { GRANTED: 100, BUSY: 400 });
      assert.equal(
        once.slice(0, 100).every(({ code }) => code === 'GRANTED'),
        true,
      );
      const all = await client.claimBatch({ eventKey: 'e', userIds: users(500, 'v') });
      assert.equal(countByCode(all), { GRANTED: 500 });
    },
    { totalLengthMax: 100 },
  ));

test('at its deadline a batch is answered with what is true then', () =>
  lmdb?.withStores(1, async ([store]) => {
    if (store === undefined) throw new Error('one handle');
    const holding = held(store);
    const running = await startServer(holding.store);
    try {
      await running.client.events.create({ eventKey: 'e' });
      const raw = await readyRaw({ client: running.client, running, store });
      raw.send(batchFrame(2, null, 'e', 'b', ['a', 'b', 'a'], 100));
      const [code, result] = decodeBody((await raw.frame(2)).body) as [number, [unknown, [number][], Uint8Array]];
      assert.is(code, ERRORS.OK.code);
      // Two were on their way to the store, the third waited behind the first.
      assert.equal(
        result[1].map(([problem]) => problem),
        [ERRORS.OUTCOME_UNKNOWN.code, ERRORS.BUSY.code],
      );
      assert.equal([...result[2]], [0, 0, 0, 0, 0, 0, 0, 0, 1]);
    } finally {
      holding.letGo();
      await running.stop();
    }
  }));

test('grants of a batch are told, each once, and nothing else is', () => {
  const told: string[] = [];
  const answered: number[] = [];
  const outcomes = [batchOutcomes[2], batchOutcomes[0], batchOutcomes[5], batchOutcomes[3]] as ClaimOutcome[];
  const route = createBatchRoute({
    shards: { submit: (request) => request.settle(outcomes.pop() as ClaimOutcome) },
    journaling: { beginBatch: () => {}, claim: () => false, foresight: null },
    configs: { of: () => undefined },
    runtime: realRuntime,
    burst: new BurstClock(realRuntime, { nowMs: () => 0 }),
    granted: ({ claim }) => told.push(claim.requestId),
    isHeard: () => true,
    onOutcome: () => {},
  });
  const peer = { isOpen: true, weigh: () => true, reply: (number: number) => answered.push(number) };
  const args = [null, 'e', 'b-1', users(4), null];
  route.take(7, { args, peer } as unknown as Call<'CLAIM_BATCH'>);
  assert.equal([told, answered], [['b-1.6', 'b-1.0'], [7]]);
});

const problemOf = async (raw: RawClient, index: number) => decodeReply(decodeBody((await raw.frame(index)).body));

/** Each is refused with a fault of that field; the connection stays. */
const REFUSED: readonly (readonly [name: string, field: string, args: Value[]])[] = [
  ['10,001 claims', 'userIds', [null, 'e', 'b', users(FULL + 1), null]],
  ['none', 'userIds', [null, 'e', 'b', [], null]],
  ['nothing but nil', 'userIds', [null, 'e', 'b', [null, null], null]],
  ['a user id that is a list', 'userIds[1]', [null, 'e', 'b', ['a', ['b']], null]],
  ['a batch id with a space', 'batchId', [null, 'e', 'b 1', ['a'], null]],
  ['a batch id that is too long', 'batchId', [null, 'e', 'b'.repeat(101), ['a'], null]],
  ['no time', 'deadlineMs', [null, 'e', 'b', ['a'], 0]],
];

test('what is no batch is refused by name, and costs nobody a claim', () =>
  withServer(async (world) => {
    await world.client.events.create({ eventKey: 'e' });
    const raw = await readyRaw(world);
    for (const [i, [name, field, args]] of REFUSED.entries()) {
      raw.send(batchFrame(10 + i, ...args));
      const problem = await problemOf(raw, 2 + i);
      assert.is(problem.code, 'BAD_REQUEST', name);
      assert.equal('faults' in problem && problem.faults.map((fault) => fault.field), [field], name);
    }
    const list = await world.client.claims.list({ eventKey: 'e' });
    assert.equal(list.code === 'OK' && list.items, []);
    raw.socket.destroy();
  }));

test('an actor may not send a batch, whatever roles it has', () =>
  withServer(async ({ client }) => {
    await client.events.create({ eventKey: 'e' });
    for (const roles of [['USER'], ['ADMIN', 'OPERATOR']]) {
      const actor = ['u1', 'cli', roles, Date.now(), null] as never;
      const reply = await client.request('CLAIM_BATCH', [actor, 'e', 'b', ['u1'], null]);
      assert.is(reply.code, 'FORBIDDEN');
    }
  }));

/** Frames of one connection while nothing is written to the store, and the reason for which the last one closes it. */
const TOO_MUCH: readonly (readonly [name: string, reason: string, frames: Uint8Array[]])[] = [
  [
    'a claim more than 20,000',
    'TOO_MANY_IN_FLIGHT',
    [
      batchFrame(2, null, 'e', 'b1', users(FULL), null),
      batchFrame(3, null, 'e', 'b2', users(FULL), null),
      encodeFrame(KIND.request, OPS.CLAIM.op, 4, [null, 'e', 'single', 'r1']),
    ],
  ],
  [
    'a third batch',
    'TOO_MANY_IN_FLIGHT',
    [
      encodeFrame(KIND.request, OPS.CLAIM.op, 2, [null, 'e', 'single', 'r1']),
      batchFrame(3, null, 'e', 'b1', users(FULL), null),
      batchFrame(4, null, 'e', 'b2', users(FULL), null),
    ],
  ],
  [
    'a number that is in use',
    'NUMBER_REUSED',
    [batchFrame(2, null, 'e', 'b1', ['a'], null), batchFrame(2, null, 'e', 'b2', ['b'], null)],
  ],
];
for (const [name, reason, frames] of TOO_MUCH) {
  test(`closes the connection: ${name}`, () =>
    lmdb?.withStores(1, async ([store]) => {
      if (store === undefined) throw new Error('one handle');
      const holding = held(store);
      const running = await startServer(holding.store);
      try {
        await running.client.events.create({ eventKey: 'e' });
        const raw = await readyRaw({ client: running.client, running, store });
        raw.send(...frames.slice(0, -1));
        raw.send(encodeFrame(KIND.request, OPS.EVENT_GET.op, 99, [null, 'e']));
        assert.is((await raw.frame(2)).number, 99, 'up to here it is what was agreed');
        raw.send(...frames.slice(-1));
        assert.is(await raw.reason(), reason);
        holding.letGo();
        // What was accepted before goes on.
        const { code } = await running.client.claim({ eventKey: 'e', userId: 'other' });
        assert.is(code, 'GRANTED');
      } finally {
        holding.letGo();
        await running.stop();
      }
    }));
}

test('claims that are answered make room for as many again', () =>
  withServer(async (world) => {
    await world.client.events.create({ eventKey: 'e' });
    const raw = await readyRaw(world);
    for (let round = 0; round < 3; round++) {
      const numbers = [round * 2 + 2, round * 2 + 3];
      raw.send(...numbers.map((number) => batchFrame(number, null, 'e', `b${number}`, users(FULL), 20_000)));
      assert.equal([(await raw.frame(round * 2 + 2)).op, (await raw.frame(round * 2 + 3)).op], [20, 20]);
    }
    raw.socket.destroy();
  }));
