/** Batches against a server that does what the test says: ids, partial answers, losses, limits. */
import type { Settled } from '../protocol/batch.ts';
import { encodeBatch } from '../protocol/batch-pack.ts';
import type { Claim } from '../protocol/claim.ts';
import type { Value } from '../protocol/codec.ts';
import { LIMITS } from '../protocol/limits.ts';
import { assert, suite } from '../protocol/testing/kit.ts';
import type { FakeRequest, FakeServer } from './testing/fake-server.ts';
import { withServers } from './testing/fixture.ts';
import { eventually, promptly } from './testing/manual-runtime.ts';

const test = suite('batch');
const users = (count: number, prefix = 'u') => Array.from({ length: count }, (_, i) => `${prefix}${i}`);
const codesOf = (replies: readonly { code: string }[]) => replies.map(({ code }) => code);

function claimFor({ args }: FakeRequest, index: number, fields: Partial<Claim> = {}): Claim {
  const [, eventKey, batchId, userIds] = args as [null, string, string, (string | null)[]];
  return {
    eventKey,
    userId: userIds[index] as string,
    requestId: `${batchId}.${index}`,
    claimKey: `${eventKey}/-/${userIds[index]}`,
    period: '-',
    grantedAt: 1_800_000_000_000,
    configVersion: 1,
    slot: null,
    rewards: [{ kind: 'currency', id: 'gold', amount: 100 }],
    delivery: { state: 'PENDING', attempts: 0, fulfilledAt: null },
    ...fields,
  };
}

/** What `outcome` says of each claim that is asked for. */
function bodyOf(request: FakeRequest, outcome: (index: number) => 'GRANTED' | 'REPLAYED' | Settled): readonly Value[] {
  const userIds = request.args[3] as (string | null)[];
  const outcomes = userIds.flatMap((userId, i): Settled[] => {
    if (userId === null) return [];
    const settled = outcome(i);
    return [typeof settled === 'object' ? settled : { code: settled, claim: claimFor(request, i), nextClaimAt: null }];
  });
  return [0, encodeBatch(outcomes), null];
}

const userIdsOf = (server: FakeServer, attempt: number) => server.requests[attempt]?.args[3];

test('one frame, one reply for each in their order, each under batchId.i', () =>
  withServers([{ answer: (request) => bodyOf(request, () => 'GRANTED') }], async ({ client, server }) => {
    const replies = await client.claimBatch({ eventKey: 'e', userIds: ['a', 'b', 'a'], batchId: 'b-1' });
    assert.equal(server.requests.length, 1);
    assert.equal(server.requests[0]?.args, [null, 'e', 'b-1', ['a', 'b', 'a'], 4_900]);
    assert.equal(
      replies.map((reply) => [reply.code, reply.requestId, 'claim' in reply && reply.claim.userId]),
      [
        ['GRANTED', 'b-1.0', 'a'],
        ['GRANTED', 'b-1.1', 'b'],
        ['GRANTED', 'b-1.2', 'a'],
      ],
    );
    assert.equal('claim' in (replies[1] as object) && (replies[1] as { claim: Claim }).claim, {
      ...claimFor(server.requests[0] as FakeRequest, 1),
      nextClaimAt: null,
    });
  }));

test('a batch without an id gets one of its own, and one without users asks nobody', () =>
  withServers([{ answer: (request) => bodyOf(request, () => 'GRANTED') }], async ({ client, server }) => {
    assert.equal(await client.claimBatch({ eventKey: 'e', userIds: [] }), []);
    const [one] = await client.claimBatch({ eventKey: 'e', userIds: ['a'] });
    const [two] = await client.claimBatch({ eventKey: 'e', userIds: ['a'] });
    assert.match(one?.requestId ?? '', /^[0-9a-f-]{36}\.0$/);
    assert.is.not(one?.requestId, two?.requestId);
    assert.is(server.requests.length, 2);
  }));

test('only what is open is asked again, in its place, after the wait that is asked for', () =>
  withServers([{}], async ({ client, server, runtime }) => {
    const promise = client.claimBatch({ eventKey: 'e', userIds: users(4), batchId: 'b' });
    await eventually(() => server.requests.length === 1);
    const first: Settled[] = [
      { code: 'OUTCOME_UNKNOWN' },
      { code: 'SOLD_OUT', window: { serverTime: 1, startsAt: 0, endsAt: null } },
      { code: 'BUSY', retryAfterMs: 70 },
    ];
    server.requests[0]?.reply(bodyOf(server.requests[0], (i) => first[i] ?? 'GRANTED'));
    // What may have been carried out is asked for at once; the rest comes along.
    await promptly(runtime, () => server.requests.length === 2);
    assert.equal(userIdsOf(server, 1), ['u0', null, 'u2', null]);
    server.requests[1]?.reply(
      bodyOf(server.requests[1], (i) => (i === 0 ? 'REPLAYED' : { code: 'BUSY', retryAfterMs: 70 })),
    );
    await eventually(() => runtime.pending.includes(70));
    runtime.advance(70);
    await eventually(() => server.requests.length === 3);
    assert.equal(userIdsOf(server, 2), [null, null, 'u2', null]);
    server.requests[2]?.reply(bodyOf(server.requests[2], () => 'GRANTED'));
    assert.equal(codesOf(await promise), ['REPLAYED', 'SOLD_OUT', 'GRANTED', 'GRANTED']);
  }));

test('a lost reply: all of it is asked again on the next connection, with the same ids', () =>
  withServers([{}], async ({ client, server, runtime }) => {
    const promise = client.claimBatch({ eventKey: 'e', userIds: users(3), batchId: 'b' });
    await eventually(() => server.requests.length === 1);
    server.requests[0]?.peer.cut();
    await promptly(runtime, () => server.requests.length === 2);
    assert.equal(server.requests[1]?.args.slice(0, 4), server.requests[0]?.args.slice(0, 4));
    server.requests[1]?.reply(bodyOf(server.requests[1], () => 'REPLAYED'));
    assert.equal(codesOf(await promise), Array(3).fill('REPLAYED'));
  }));

test('at the deadline what is settled stands, and what may have been carried out is unknown', () =>
  withServers([{}], async ({ client, server, runtime }) => {
    const promise = client.claimBatch({ eventKey: 'e', userIds: users(3), batchId: 'b', deadlineMs: 1_000 });
    await eventually(() => server.requests.length === 1);
    server.requests[0]?.reply(
      bodyOf(server.requests[0], (i) => (i === 0 ? 'GRANTED' : { code: 'BUSY', retryAfterMs: 0 })),
    );
    await promptly(runtime, () => server.requests.length === 2);
    runtime.advance(1_000);
    assert.equal(codesOf(await promise), ['GRANTED', 'OUTCOME_UNKNOWN', 'OUTCOME_UNKNOWN']);
  }));

test('refused to the end: each has its own last answer, and unknown is never called refused', () =>
  withServers([{}], async ({ client, server, runtime }) => {
    const promise = client.claimBatch({ eventKey: 'e', userIds: users(3), batchId: 'b', deadlineMs: 1_000 });
    const answers: ((i: number) => 'GRANTED' | Settled)[] = [
      (i) => (i === 0 ? { code: 'OUTCOME_UNKNOWN' } : { code: 'BUSY', retryAfterMs: 100 }),
      (i) => (i === 2 ? { code: 'STORE_UNAVAILABLE', retryAfterMs: 5_000 } : { code: 'BUSY', retryAfterMs: 5_000 }),
    ];
    for (const [attempt, answer] of answers.entries()) {
      await promptly(runtime, () => server.requests.length === attempt + 1);
      const request = server.requests[attempt] as FakeRequest;
      request.reply(bodyOf(request, answer));
    }
    assert.equal(codesOf(await promise), ['OUTCOME_UNKNOWN', 'BUSY', 'STORE_UNAVAILABLE']);
  }));

test('never retried: the first answer of each as it is', () =>
  withServers(
    [{ answer: (request) => bodyOf(request, (i) => (i === 1 ? { code: 'BUSY', retryAfterMs: 9 } : 'GRANTED')) }],
    async ({ client, server }) => {
      const replies = await client.claimBatch({ eventKey: 'e', userIds: users(3), batchId: 'b', retry: 'never' });
      assert.equal(codesOf(replies), ['GRANTED', 'BUSY', 'GRANTED']);
      assert.is(replies[1]?.requestId, 'b.1');
      assert.is(server.requests.length, 1);
    },
  ));

test('a refusal of the frame is the answer of each', () =>
  withServers([{}], async ({ client, server }) => {
    const promise = client.claimBatch({ eventKey: 'e', userIds: ['a', 'b c'], batchId: 'b' });
    await eventually(() => server.requests.length === 1);
    server.requests[0]?.problem({ code: 'BAD_REQUEST', faults: [{ field: 'userIds[1]', rule: 'r' }] });
    const replies = await promise;
    assert.equal(codesOf(replies), ['BAD_REQUEST', 'BAD_REQUEST']);
    assert.equal(replies[1]?.requestId, 'b.1');
  }));

test('MOVED: the server that is named is asked', () =>
  withServers([{}, { answer: (request) => bodyOf(request, () => 'GRANTED') }], async ({ client, servers, runtime }) => {
    const [one, two] = servers as [FakeServer, FakeServer];
    one.behaviour.answer = (request) => bodyOf(request, () => ({ code: 'MOVED', address: two.address, mapVersion: 1 }));
    const promise = client.claimBatch({ eventKey: 'e', userIds: users(3) });
    await promptly(runtime, () => two.requests.length === 1);
    assert.equal(codesOf(await promise), Array(3).fill('GRANTED'));
  }));

test('claims are counted: what is beyond the agreed limit waits, and nobody overtakes a waiting batch', () =>
  withServers([{ inFlightClaimsMax: 10, batchClaimsMax: 10 }], async ({ client, server }) => {
    const six = client.claimBatch({ eventKey: 'e', userIds: users(6) });
    const three = client.claimBatch({ eventKey: 'e', userIds: users(3) });
    const seven = client.claimBatch({ eventKey: 'e', userIds: users(7) });
    const single = client.claim({ eventKey: 'e', userId: 'late' });
    await eventually(() => server.requests.length === 2);
    assert.equal([client.status().inFlight, client.status().queued], [2, 2]);
    server.requests[1]?.reply(bodyOf(server.requests[1], () => 'GRANTED'));
    await three;
    assert.is(client.status().queued, 2, 'six and seven are too many');
    server.requests[0]?.reply(bodyOf(server.requests[0], () => 'GRANTED'));
    await six;
    await eventually(() => server.requests.length === 4);
    assert.equal(
      server.requests.slice(2).map(({ name }) => name),
      ['CLAIM_BATCH', 'CLAIM'],
    );
    server.requests[2]?.reply(bodyOf(server.requests[2], () => 'GRANTED'));
    server.requests[3]?.grant();
    assert.equal([(await seven).length, (await single).code], [7, 'GRANTED']);
    assert.is(client.status().inFlight, 0);
  }));

test('room is free again after losses, refusals and what was given up', () =>
  withServers([{ inFlightClaimsMax: 10, batchClaimsMax: 10 }], async ({ client, server, runtime }) => {
    const lost = client.claimBatch({ eventKey: 'e', userIds: users(10), retry: 'never' });
    await eventually(() => server.requests.length === 1);
    server.requests[0]?.peer.cut();
    assert.equal(codesOf(await lost), Array(10).fill('OUTCOME_UNKNOWN'));
    await promptly(runtime, () => client.status().ready === 1);
    const abort = new AbortController();
    const given = client.claimBatch({ eventKey: 'e', userIds: users(10), signal: abort.signal });
    abort.abort(new Error('no more'));
    await given.catch(() => {});
    const refused = client.claimBatch({ eventKey: 'e', userIds: users(10), retry: 'never' });
    await eventually(() => server.requests.length === 2);
    server.requests[1]?.problem({ code: 'BUSY', retryAfterMs: 1 });
    assert.equal(codesOf(await refused), Array(10).fill('BUSY'));
    const last = client.claimBatch({ eventKey: 'e', userIds: users(10) });
    await eventually(() => server.requests.length === 3);
    server.requests[2]?.reply(bodyOf(server.requests[2], () => 'GRANTED'));
    assert.equal(codesOf(await last), Array(10).fill('GRANTED'));
  }));

test('a batch that no server takes is refused here', () =>
  withServers([{ batchClaimsMax: 5 }], async ({ client, server }) => {
    for (const userIds of [users(6), users(LIMITS.batchClaimsMax + 1)]) {
      const replies = await client.claimBatch({ eventKey: 'e', userIds });
      assert.equal(new Set(codesOf(replies)), new Set(['PAYLOAD_TOO_LARGE']));
    }
    const long = Array.from({ length: 10_000 }, (_, i) => String(i).padStart(128, 'x'));
    server.behaviour.batchClaimsMax = LIMITS.batchClaimsMax;
    assert.is((await client.claimBatch({ eventKey: 'e', userIds: long }))[9_999]?.code, 'PAYLOAD_TOO_LARGE');
    assert.is(server.requests.length, 0);
    assert.is(client.status().inFlight, 0);
  }));

test('the queue is bounded in claims', () =>
  withServers(
    [{ inFlightClaimsMax: 10, batchClaimsMax: 10 }],
    async ({ client, server }) => {
      const sent = client.claimBatch({ eventKey: 'e', userIds: users(10), retry: 'never' });
      const waits = client.claimBatch({ eventKey: 'e', userIds: users(8), retry: 'never' });
      const refused = client.claimBatch({ eventKey: 'e', userIds: users(8), retry: 'never' });
      assert.equal(codesOf(await refused), Array(8).fill('BUSY'));
      await eventually(() => server.requests.length === 1);
      for (const attempt of [0, 1]) {
        await eventually(() => server.requests.length > attempt);
        const request = server.requests[attempt] as FakeRequest;
        request.reply(bodyOf(request, () => 'GRANTED'));
      }
      assert.equal([(await sent).length, (await waits).length], [10, 8]);
    },
    { queueLengthMax: 12 },
  ));

test('a reply that does not hold an entry for each ends the connection, and the batch is asked again', () =>
  withServers([{}], async ({ client, server, runtime }) => {
    const promise = client.claimBatch({ eventKey: 'e', userIds: users(2) });
    await eventually(() => server.requests.length === 1);
    server.requests[0]?.reply([0, [[], [], new Uint8Array(3)], null]);
    await promptly(runtime, () => server.requests.length === 2);
    server.requests[1]?.reply(bodyOf(server.requests[1], () => 'REPLAYED'));
    assert.equal(codesOf(await promise), ['REPLAYED', 'REPLAYED']);
    assert.is(client.status().servers[0]?.lastClosing?.reason, 'SERVER_MALFORMED');
  }));

test('as a request of the protocol its result is as it came', () =>
  withServers([{ answer: (request) => bodyOf(request, () => 'GRANTED') }], async ({ client }) => {
    const reply = await client.request('CLAIM_BATCH', [null, 'e', 'b', ['u1', null, 'u2'], null]);
    assert.is(reply.code, 'OK');
    assert.is('result' in reply && (reply.result as [unknown, unknown, Uint8Array])[2].length, 20);
  }));
