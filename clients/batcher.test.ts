/** Claims that the client gathers by itself. */
import { encodeBatch } from '../protocol/batch-pack.ts';
import { encodeProblem } from '../protocol/reply.ts';
import { assert, suite } from '../protocol/testing/kit.ts';
import { Client } from './client.ts';
import { OptionRefused } from './options.ts';
import { claimBody, type FakeRequest } from './testing/fake-server.ts';
import { withServers } from './testing/fixture.ts';
import { eventually } from './testing/manual-runtime.ts';

const test = suite('batcher');
const batch = { maxClaims: 3, maxDelayMs: 5 };

/** Grants whatever is asked, one or many; the user `out` is told that the event is sold out. */
function answer(request: FakeRequest) {
  if (request.args[2] === 'd e') return encodeProblem({ code: 'BAD_REQUEST', faults: [] });
  if (request.name === 'CLAIM') return claimBody(request);
  const [, eventKey, batchId, userIds] = request.args as [null, string, string, string[]];
  const window = { serverTime: 5, startsAt: 1, endsAt: null };
  const outcomes = userIds.map((userId, i) => {
    if (userId === 'out') return { code: 'SOLD_OUT', window } as const;
    const claim = {
      ...{ eventKey, userId, requestId: `${batchId}.${i}`, claimKey: `${eventKey}/-/${userId}`, period: '-' },
      ...{ grantedAt: 1_800_000_000_000, configVersion: 1, slot: null, rewards: [] },
      delivery: { state: 'PENDING', attempts: 0, fulfilledAt: null } as const,
    };
    return { code: 'GRANTED', claim, nextClaimAt: null } as const;
  });
  return [0, encodeBatch(outcomes), null];
}
const namesOf = (requests: readonly FakeRequest[]) =>
  requests.map(({ name, args }) => [name, args[1], args[name === 'CLAIM' ? 2 : 3]]);

test('claims of an event leave together when there are enough, the rest when the first has waited', () =>
  withServers(
    [{ answer }],
    async ({ client, server, runtime }) => {
      const claims = ['a', 'b', 'c', 'd', 'out'].map((userId) => client.claim({ eventKey: 'e', userId }));
      const other = client.claim({ eventKey: 'f', userId: 'a' });
      await Promise.all(claims.slice(0, 3));
      assert.equal(namesOf(server.requests), [['CLAIM_BATCH', 'e', ['a', 'b', 'c']]]);
      runtime.advance(4);
      assert.is(client.status().inFlight, 0);
      runtime.advance(1);
      const replies = await Promise.all([...claims, other]);
      assert.equal(namesOf(server.requests.slice(1)), [
        ['CLAIM_BATCH', 'e', ['d', 'out']],
        ['CLAIM_BATCH', 'f', ['a']],
      ]);
      assert.is(server.requests[1]?.args[4], 4_895, 'the wait is part of the deadline');
      assert.equal(
        replies.map(({ code }) => code),
        [...Array(4).fill('GRANTED'), 'SOLD_OUT', 'GRANTED'],
      );
      assert.equal(
        replies.slice(0, 3).map((reply) => 'claim' in reply && reply.claim.userId),
        ['a', 'b', 'c'],
      );
      assert.is(replies[4]?.requestId, `${server.requests[1]?.args[2]}.1`);
      assert.equal('window' in (replies[4] as object), true);
    },
    { batch },
  ));

test('a claim with a request id, a signal or a server goes alone and at once, and so does one that is wrong', () =>
  withServers(
    [{ answer }],
    async ({ client, server }) => {
      const alone = [
        { userId: 'a', requestId: 'r' },
        { userId: 'b', signal: new AbortController().signal },
        { userId: 'c', server: server.address },
        { userId: 'd e' },
      ];
      await Promise.all(alone.map((request) => client.claim({ eventKey: 'e', ...request })));
      assert.equal(
        server.requests.map(({ name }) => name),
        Array(4).fill('CLAIM'),
      );
      await client.claim({ eventKey: 'e', userId: 'a', deadlineMs: -1 }).then(
        () => assert.unreachable(),
        (error) => assert.instance(error, OptionRefused),
      );
    },
    { batch },
  ));

test('claims of different patience are different batches', () =>
  withServers(
    [{ answer }],
    async ({ client, server, runtime }) => {
      const claims = [{}, { deadlineMs: 300 }, { retry: 'never' as const }, { deadlineMs: 8 }].map((options) =>
        client.claim({ eventKey: 'e', userId: 'a', ...options }),
      );
      runtime.advance(5);
      await Promise.all(claims);
      // In the order in which they left: the one with the least time went before it had waited for long.
      assert.equal(server.requests.map(({ args }) => args[4]).sort(), [265, 2, 4_895, 4_895].sort());
    },
    { batch },
  ));

test('user ids that are long leave in batches that are frames', () =>
  withServers(
    [{ answer }],
    async ({ client, server }) => {
      const claims = Array.from({ length: 8_100 }, (_, i) =>
        client.claim({ eventKey: 'e', userId: String(i).padStart(128, 'x') }),
      );
      const sent = client.drain();
      const replies = await Promise.all(claims);
      await sent;
      assert.equal(new Set(replies.map(({ code }) => code)), new Set(['GRANTED']));
      assert.is(server.requests.length, 2);
    },
    { batch: { maxClaims: 10_000, maxDelayMs: 1_000 } },
  ));

test('a server that takes only smaller batches is asked one by one', () =>
  withServers(
    [{ answer, batchClaimsMax: 2 }],
    async ({ client, server }) => {
      const replies = await Promise.all(['a', 'b', 'c'].map((userId) => client.claim({ eventKey: 'e', userId })));
      assert.equal(
        replies.map(({ code }) => code),
        Array(3).fill('GRANTED'),
      );
      assert.equal(
        server.requests.map(({ name }) => name),
        Array(3).fill('CLAIM'),
      );
      assert.equal(
        server.requests.map(({ args }) => args[3]),
        replies.map(({ requestId }) => requestId),
      );
    },
    { batch },
  ));

test('drain sends what waits and waits for it; close answers it', () =>
  withServers(
    [{ answer }],
    async ({ client }) => {
      const drained = client.claim({ eventKey: 'e', userId: 'a' });
      await client.drain();
      assert.is((await drained).code, 'GRANTED');
      const closed = client.claim({ eventKey: 'e', userId: 'a' });
      client.close();
      assert.is((await closed).code, 'SERVER_UNAVAILABLE');
    },
    { batch },
  ));

test('close with claims that wait answers them', () =>
  withServers(
    [{}],
    async ({ client, server }) => {
      const waiting = client.claim({ eventKey: 'e', userId: 'a' });
      client.close();
      assert.is((await waiting).code, 'SERVER_UNAVAILABLE');
      await eventually(() => server.peers.every(({ isClosed }) => isClosed));
      assert.is(server.requests.length, 0);
    },
    { batch },
  ));

test('bad settings are named', () => {
  const options = { servers: '127.0.0.1:1', serviceId: 's', serviceKey: new Uint8Array(32) };
  for (const bad of [
    { maxClaims: 0 },
    { maxClaims: 10_001 },
    { maxClaims: 1.5 },
    { maxDelayMs: -1 },
    { maxDelayMs: 1_001 },
  ]) {
    assert.throws(
      () => new Client({ ...options, batch: { ...batch, ...bad } }),
      (error: unknown) => error instanceof OptionRefused && error.message.startsWith(`batch.${Object.keys(bad)[0]}`),
    );
  }
});
