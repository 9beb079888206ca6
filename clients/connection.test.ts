import type { Value } from '../protocol/codec.ts';
import { encodeFrame } from '../protocol/codec.ts';
import { ERRORS } from '../protocol/errors.ts';
import { KIND } from '../protocol/frame.ts';
import { assert, suite } from '../protocol/testing/kit.ts';
import type { ConnectionChange } from './closing.ts';
import { claimBody, type FakePeer, type FakeRequest, FakeServer } from './testing/fake-server.ts';
import { withServers } from './testing/fixture.ts';
import { eventually, promptly } from './testing/manual-runtime.ts';

const test = suite('connection');
const CLAIM = { eventKey: 'welcome', userId: 'u1' };
const OK: readonly Value[] = [0, null, null];

const MALFORMED: [string, (request: FakeRequest) => void][] = [
  ['an unknown request number', ({ peer }) => peer.write(encodeFrame(KIND.reply, 16, 4_000_000, OK))],
  [
    'a reply to another op',
    (request) => request.peer.write(encodeFrame(KIND.reply, 34, request.number, claimBody(request))),
  ],
  ['a reply without a code', (request) => request.reply([])],
  ['a grant without a claim', (request) => request.reply([ERRORS.GRANTED.code, null, null])],
  ['OK to a claim', (request) => request.reply([0, (claimBody(request) as Value[])[1] as Value, null])],
  ['a BUSY without its hint', (request) => request.reply([ERRORS.BUSY.code, null, null])],
  ['a float', (request) => request.reply([ERRORS.BUSY.code, 1.5, null])],
  ['a frame of a later version', ({ peer }) => peer.write(Buffer.from([0, 0, 0, 9, 2, 2, 16, 0, 0, 0, 0, 1, 0x90]))],
  ['a second WELCOME', ({ peer }) => peer.notice('WELCOME', [1, 1, 'c', 'n', peer.nonce, 4_096])],
];
for (const [name, send] of MALFORMED) {
  test(`${name} ends the connection; the claim is asked again elsewhere`, () =>
    withServers([{ answer: () => null }, { answer: () => null }], async ({ client, servers, runtime }) => {
      const requests = () => servers.flatMap((server) => server.requests);
      const claim = client.claim(CLAIM);
      await eventually(() => requests().length === 1);
      const first = requests()[0] as FakeRequest;
      send(first);
      await eventually(() => first.peer.isClosed);
      assert.ok(client.status().servers.some(({ lastClosing }) => lastClosing?.reason === 'SERVER_MALFORMED'));
      runtime.advance(1);
      await eventually(() => requests().length === 2);
      const second = requests().find((request) => request !== first);
      assert.is(second?.args[3], first.args[3]);
      second?.grant();
      assert.is((await claim).code, 'GRANTED');
    }));
}

test('PING of the server is answered, an unknown request is declined, an unknown notice ignored', () =>
  withServers([{ answer: claimBody }], async ({ client, server }) => {
    const peer = server.peers[0] as FakePeer;
    peer.request(3, 77);
    peer.request(200, 78);
    peer.write(encodeFrame(KIND.notice, 201, 0, ['news']));
    await eventually(() => server.replies.length === 2);
    assert.equal(
      server.replies.map(({ op, number, body }) => [op, number, body[1]]),
      [
        [3, 77, 0],
        [200, 78, ERRORS.OP_UNKNOWN.code],
      ],
    );
    assert.is((await client.claim(CLAIM)).code, 'GRANTED');
  }));

test('after 15 s of silence PING is sent, after 40 s without a word the connection is dead', () =>
  withServers([{}], async ({ client, server, runtime }) => {
    runtime.advance(14_999);
    await new Promise<void>((resolve) => setImmediate(resolve));
    assert.is(server.requests.length, 0);
    runtime.advance(1);
    await eventually(() => server.requests.length === 1);
    assert.is(server.requests[0]?.name, 'PING');
    const heardBefore = client.status().inFlight;
    server.requests[0]?.reply(OK);
    await eventually(() => client.status().inFlight < heardBefore);
    runtime.advance(39_999);
    assert.ok(client.isReady);
    runtime.advance(1);
    assert.not(client.isReady);
    assert.is(client.status().servers[0]?.lastClosing?.reason, 'IDLE_TIMEOUT');
  }));

test('a request that is never answered does not hold its place for ever', () => {
  const reasons: string[] = [];
  const onState = (change: ConnectionChange) => reasons.push(change.state === 'closed' ? change.reason : change.state);
  return withServers(
    [{}],
    async ({ client, server, runtime }) => {
      const claim = client.claim(CLAIM);
      await eventually(() => server.requests.length === 1);
      runtime.advance(5_000);
      assert.is((await claim).code, 'OUTCOME_UNKNOWN');
      for (let pings = 0; server.peers[0]?.isClosed === false && pings < 10; pings++) {
        server.peers[0].request(3, pings);
        await eventually(() => server.replies.length > pings || server.peers.length > 1);
        runtime.advance(10_000);
        await new Promise<void>((resolve) => setImmediate(resolve));
      }
      assert.is(
        reasons.find((reason) => reason !== 'ready'),
        'REPLY_MISSING',
      );
    },
    { onState },
  );
});

test('after GOAWAY the rest is answered, new requests go to another server, then the client closes', () => {
  const changes: ConnectionChange[] = [];
  return withServers(
    [{}, { answer: claimBody }],
    async ({ client, server, servers }) => {
      const claims = [client.claim(CLAIM), client.claim(CLAIM)];
      await eventually(() => server.requests.length === 1);
      const [peer] = server.peers;
      peer?.notice('GOAWAY', [ERRORS.SHUTDOWN.code]);
      await eventually(() => changes.some(({ state }) => state === 'leaving'));
      for (let i = 0; i < 5; i++) claims.push(client.claim(CLAIM));
      await eventually(() => servers[1]?.requests.length === 6);
      assert.not(peer?.isClosed);
      server.requests[0]?.grant();
      await eventually(() => peer?.isClosed === true);
      assert.equal(
        (await Promise.all(claims)).map(({ code }) => code),
        Array(7).fill('GRANTED'),
      );
      assert.is(server.requests.length, 1);
      await eventually(() => changes.some((change) => change.state === 'closed' && change.reason === 'DRAINED'));
    },
    { onState: (change) => changes.push(change) },
  );
});

test('CLOSE says why', () =>
  withServers([{}], async ({ client, server }) => {
    const claim = client.claim({ ...CLAIM, retry: 'never' });
    await eventually(() => server.requests.length === 1);
    server.peers[0]?.notice('CLOSE', [ERRORS.SLOW_READER.code, 'read faster']);
    const reply = await claim;
    assert.is(reply.code, 'OUTCOME_UNKNOWN');
    assert.match('detail' in reply ? (reply.detail ?? '') : '', /SLOW_READER: read faster/);
    assert.equal(client.status().servers[0]?.lastClosing, { reason: 'SLOW_READER', detail: 'read faster' });
  }));

test('a lost server is connected again, and what waited goes there', () =>
  withServers([{}], async ({ client, server, runtime }) => {
    const { port } = server;
    const claim = client.claim(CLAIM);
    await eventually(() => server.requests.length === 1);
    await server.stop();
    await eventually(() => !client.isReady);
    const queued = client.claim({ ...CLAIM, userId: 'u2' });
    runtime.advance(1);
    const again = await FakeServer.start({ port, answer: (request) => claimBody(request, 'REPLAYED') });
    await promptly(runtime, () => client.isReady);
    runtime.advance(0);
    assert.is((await claim).code, 'REPLAYED');
    assert.is((await queued).code, 'REPLAYED');
    client.close();
    await again.stop();
  }));

test('reconnects back off exponentially with full jitter up to 5 s', () =>
  withServers([{}], async ({ client, server, runtime }) => {
    runtime.chance = 0.5;
    await server.stop();
    for (const waitMs of [50, 100, 200, 400, 800, 1_600, 2_500, 2_500]) {
      await eventually(() => runtime.pending.length === 1 && runtime.pending[0] === waitMs);
      runtime.advance(waitMs);
      await eventually(() => !runtime.pending.includes(3_000));
    }
    assert.not(client.isReady);
  }));

test('without any server: SERVER_UNAVAILABLE at the deadline, at once when not to be retried', () =>
  withServers([{}], async ({ client, server, runtime }) => {
    await server.stop();
    await eventually(() => !client.isReady);
    assert.is((await client.claim({ ...CLAIM, retry: 'never' })).code, 'SERVER_UNAVAILABLE');
    const claim = client.claim({ ...CLAIM, deadlineMs: 400 });
    runtime.chance = 1;
    runtime.advance(400);
    assert.is((await claim).code, 'SERVER_UNAVAILABLE');
  }));

test('requests spread over the connections with the fewest in flight', () =>
  withServers(
    [{}, {}],
    async ({ client, servers }) => {
      for (let i = 0; i < 8; i++) client.claim({ ...CLAIM, userId: `u${i}` });
      await eventually(() => servers.every(({ requests }) => requests.length === 4));
      for (const peer of servers.flatMap(({ peers }) => peers)) assert.is(peer.chunks, 2);
    },
    { connections: 2 },
  ));

test('after a lost reply another server is preferred, even to an idle connection of the same one', () =>
  withServers(
    [{}, {}],
    async ({ client, servers, runtime }) => {
      for (let i = 0; i < 4; i++) void client.claim({ ...CLAIM, userId: `u${i}` });
      await eventually(() => servers.every(({ requests }) => requests.length === 2));
      const [first, second] = servers as [FakeServer, FakeServer];
      first.requests[1]?.grant();
      first.requests[0]?.peer.cut();
      await eventually(() => client.status().inFlight === 2);
      runtime.advance(0);
      await eventually(() => second.requests.length === 3);
      assert.is(second.requests[2]?.args[3], first.requests[0]?.args[3]);
    },
    { connections: 2 },
  ));

test('drain answers what is open, refuses what is new, then closes', () =>
  withServers([{}], async ({ client, server }) => {
    const claim = client.claim(CLAIM);
    await eventually(() => server.requests.length === 1);
    const drained = client.drain();
    assert.is((await client.claim(CLAIM)).code, 'SERVER_UNAVAILABLE');
    assert.is(client.status().ready, 1);
    server.requests[0]?.grant();
    assert.is((await claim).code, 'GRANTED');
    await drained;
    assert.not(client.isReady);
  }));

test('close ends each open request with what is true', () =>
  withServers([{ inFlightFramesMax: 1 }], async ({ client, server }) => {
    const sent = client.claim(CLAIM);
    await eventually(() => server.requests.length === 1);
    const queued = client.claim(CLAIM);
    client.close();
    assert.is((await sent).code, 'OUTCOME_UNKNOWN');
    assert.is((await queued).code, 'SERVER_UNAVAILABLE');
    assert.is((await client.claim(CLAIM)).code, 'SERVER_UNAVAILABLE');
  }));
