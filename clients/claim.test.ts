import { getEventListeners } from 'node:events';
import { ERRORS } from '../protocol/errors.ts';
import { assert, rejection, suite } from '../protocol/testing/kit.ts';
import { claimBody } from './testing/fake-server.ts';
import { withServers } from './testing/fixture.ts';
import { eventually } from './testing/manual-runtime.ts';

const test = suite('claim');
const UUID_V4 = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const claimOf = (userId: string) => ({ eventKey: 'welcome', userId });

test('a claim is granted with a request id of the client', () =>
  withServers([{ answer: claimBody }], async ({ client, server }) => {
    const reply = await client.claim(claimOf('u1'));
    assert.match(reply.requestId, UUID_V4);
    if (reply.code !== 'GRANTED') throw new Error(reply.code);
    assert.is(reply.claim.claimKey, 'welcome/-/u1');
    assert.is(reply.claim.requestId, reply.requestId);
    assert.is(reply.claim.grantedAt, 1_800_000_000_000);
    assert.equal(server.requests[0]?.args, [null, 'welcome', 'u1', reply.requestId, 4_900]);
  }));

test('request ids differ, and the caller may choose one', () =>
  withServers([{ answer: (request) => claimBody(request, 'REPLAYED') }], async ({ client }) => {
    const replies = await Promise.all(Array.from({ length: 600 }, (_, i) => client.claim(claimOf(`u${i}`))));
    assert.is(new Set(replies.map(({ requestId }) => requestId)).size, 600);
    const chosen = await client.claim({ ...claimOf('u1'), requestId: 'mine' });
    assert.is(chosen.code, 'REPLAYED');
    assert.is(chosen.requestId, 'mine');
  }));

test('replies in any order find their requests; one turn is one write', () =>
  withServers([{}], async ({ client, server }) => {
    const chunksBefore = server.peers[0]?.chunks ?? 0;
    const claims = ['a', 'b', 'c'].map((userId) => client.claim(claimOf(userId)));
    await eventually(() => server.requests.length === 3);
    assert.is(server.peers[0]?.chunks, chunksBefore + 1);
    assert.is(new Set(server.requests.map(({ number }) => number)).size, 3);
    for (const request of [...server.requests].reverse()) request.grant();
    for (const [i, reply] of (await Promise.all(claims)).entries()) {
      assert.is(reply.code === 'GRANTED' ? reply.claim.userId : reply.code, 'abc'[i]);
    }
  }));

test('a refusal comes as it is', () =>
  withServers([{}], async ({ client, server }) => {
    const claim = client.claim(claimOf('u1'));
    await eventually(() => server.requests.length === 1);
    server.requests[0]?.problem({ code: 'ENDED', window: { serverTime: 3, startsAt: 1, endsAt: 2 }, detail: 'over' });
    assert.equal(await claim, {
      code: 'ENDED',
      detail: 'over',
      window: { serverTime: 3, startsAt: 1, endsAt: 2 },
      requestId: server.requests[0]?.args[3],
    });
  }));

test('what exceeds the window waits and follows when there is room', () =>
  withServers([{ inFlightFramesMax: 2 }], async ({ client, server }) => {
    const claims = ['a', 'b', 'c', 'd', 'e'].map((userId) => client.claim(claimOf(userId)));
    await eventually(() => server.requests.length === 2);
    assert.is(client.status().inFlight, 2);
    assert.is(client.status().queued, 3);
    for (let answered = 0; answered < 5; answered++) {
      await eventually(() => server.requests.length > answered);
      assert.ok(server.requests.length <= answered + 2);
      server.requests[answered]?.grant();
    }
    assert.equal(
      (await Promise.all(claims)).map(({ code }) => code),
      Array(5).fill('GRANTED'),
    );
    assert.equal(
      server.requests.map(({ args }) => args[2]),
      ['a', 'b', 'c', 'd', 'e'],
    );
  }));

test('a full queue answers BUSY, a deadline in the queue too', () =>
  withServers(
    [{ inFlightFramesMax: 1 }],
    async ({ client, runtime, server }) => {
      const [sent, queued, refused] = ['a', 'b', 'c'].map((userId) => client.claim(claimOf(userId)));
      assert.is((await refused)?.code, 'BUSY');
      await eventually(() => server.requests.length === 1);
      runtime.advance(5_000);
      assert.is((await queued)?.code, 'BUSY');
      assert.is((await sent)?.code, 'OUTCOME_UNKNOWN');
    },
    { queueLengthMax: 1 },
  ));

test('an answer after the deadline is dropped, and its place in the window is kept until it comes', () =>
  withServers([{ inFlightFramesMax: 1 }], async ({ client, server, runtime }) => {
    const late = client.claim({ ...claimOf('a'), deadlineMs: 300 });
    await eventually(() => server.requests.length === 1);
    assert.is(server.requests[0]?.args[4], 270);
    runtime.advance(299);
    assert.is(client.status().inFlight, 1);
    runtime.advance(1);
    assert.is((await late).code, 'OUTCOME_UNKNOWN');
    const next = client.claim(claimOf('b'));
    assert.is(client.status().queued, 1);
    server.requests[0]?.grant();
    await eventually(() => server.requests.length === 2);
    server.requests[1]?.grant();
    assert.is((await next).code, 'GRANTED');
  }));

test('abort rejects with its reason and leaves the connection usable', () =>
  withServers([{ inFlightFramesMax: 1 }], async ({ client, server }) => {
    const reason = new Error('player left');
    assert.is(await rejection(client.claim({ ...claimOf('x'), signal: AbortSignal.abort(reason) })), reason);

    const inFlight = new AbortController();
    const queued = new AbortController();
    const first = client.claim({ ...claimOf('a'), signal: inFlight.signal });
    await eventually(() => server.requests.length === 1);
    const second = client.claim({ ...claimOf('b'), signal: queued.signal });
    const third = client.claim(claimOf('c'));
    queued.abort(reason);
    inFlight.abort(reason);
    assert.is(await rejection(first), reason);
    assert.is(await rejection(second), reason);
    server.requests[0]?.grant();
    await eventually(() => server.requests.length === 2);
    assert.is(server.requests[1]?.args[2], 'c');
    server.requests[1]?.grant();
    assert.is((await third).code, 'GRANTED');
    assert.is(server.peers.length, 1);
  }));

test('a signal that is used for many requests is not held by those that are done', () =>
  withServers([{ answer: claimBody }], async ({ client }) => {
    const { signal } = new AbortController();
    const claim = client.claim({ ...claimOf('u1'), signal });
    assert.is(getEventListeners(signal, 'abort').length, 1);
    await claim;
    assert.is(getEventListeners(signal, 'abort').length, 0);
  }));

test('aborted in the turn it was made, a claim is never sent and its room is used', () =>
  withServers([{ inFlightFramesMax: 1, answer: claimBody }], async ({ client, server }) => {
    const abort = new AbortController();
    const first = client.claim({ ...claimOf('a'), signal: abort.signal });
    const second = client.claim(claimOf('b'));
    abort.abort();
    await first.catch(() => {});
    assert.is((await second).code, 'GRANTED');
    assert.equal(
      server.requests.map(({ args }) => args[2]),
      ['b'],
    );
  }));

test('a frame larger than agreed is refused here and closes nothing', () =>
  withServers([{ frameBytesMax: 128, answer: claimBody }], async ({ client, server }) => {
    const reply = await client.qualifications.add('welcome', ['u'.repeat(120)]);
    assert.is(reply.code, 'PAYLOAD_TOO_LARGE');
    assert.is(server.requests.length, 0);
    assert.is((await client.claim({ ...claimOf('u1'), requestId: 'r' })).code, 'GRANTED');
    assert.is(client.status().inFlight, 0);
  }));

test('a code of a later version reads as INTERNAL, which is asked again', () =>
  withServers([{}], async ({ client, server, runtime }) => {
    const claim = client.claim(claimOf('u1'));
    await eventually(() => server.requests.length === 1);
    server.requests[0]?.reply([9_999, null, null]);
    await eventually(() => runtime.pending.includes(0));
    runtime.advance(0);
    await eventually(() => server.requests.length === 2);
    server.requests[1]?.reply([ERRORS.EVENT_NOT_FOUND.code, null, null]);
    assert.is((await claim).code, 'EVENT_NOT_FOUND');
  }));
