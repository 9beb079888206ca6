/** Servers that say who is responsible, and what the client makes of it. */
import { randomBytes } from 'node:crypto';
import type { Value } from '../protocol/codec.ts';
import { ERRORS } from '../protocol/errors.ts';
import { encodeProblem, type Problem } from '../protocol/reply.ts';
import { assert, suite } from '../protocol/testing/kit.ts';
import type { ClaimReply } from './answers.ts';
import { type Behaviour, claimBody, type FakeRequest, FakeServer } from './testing/fake-server.ts';
import { withServers } from './testing/fixture.ts';
import { eventually, type ManualRuntime, promptly } from './testing/manual-runtime.ts';

const test = suite('moved');
const CLAIM = { eventKey: 'welcome', userId: 'u1' };
const IDLE_MS = 60_000;

function moved(address: string): Problem {
  return { code: 'MOVED', address, mapVersion: 1 };
}

const PONG: readonly Value[] = [0, null, null];

/** Sends every request on to `to()`. */
function sending(to: () => string) {
  return (request: FakeRequest) => (request.name === 'PING' ? PONG : encodeProblem(moved(to())));
}

function granting(request: FakeRequest) {
  return request.name === 'PING' ? PONG : claimBody(request);
}

/** The code of the answer, while time passes as it does. */
async function endOf(claim: Promise<ClaimReply>, runtime: ManualRuntime): Promise<string> {
  let code: string | null = null;
  void claim.then((reply) => {
    code = reply.code;
  });
  await eventually(() => {
    runtime.advance(1);
    return code !== null;
  });
  return (await claim).code;
}

async function withThird(run: (third: FakeServer) => Promise<void>): Promise<void> {
  const third = await FakeServer.start({ answer: granting });
  try {
    await run(third);
  } finally {
    await third.stop();
  }
}

test('a configured server is asked at once, on the connection there is, with the same request id', () => {
  let target = '';
  return withServers([{ answer: sending(() => target) }, {}], async ({ client, servers, runtime }) => {
    const [first, second] = servers as [FakeServer, FakeServer];
    target = second.address;
    const claims = ['u1', 'u2'].map((userId) => client.claim({ ...CLAIM, userId }));
    await eventually(() => second.requests.length === 2);
    assert.equal(runtime.pending.filter((ms) => ms === 0).length, 0, 'nothing is waited for');
    for (const request of second.requests) request.grant();
    assert.equal(
      (await Promise.all(claims)).map(({ code }) => code),
      ['GRANTED', 'GRANTED'],
    );
    assert.is(first.requests.length, 1);
    const ids = second.requests.map(({ args }) => args[3]);
    assert.ok(ids.includes(first.requests[0]?.args[3] as string));
    assert.is(second.peers.length, 1);
  });
});

test('a server that was not configured is connected with the same credential, waited for and kept', () =>
  withThird((third) =>
    withServers([{ answer: sending(() => third.address) }], async ({ client, server }) => {
      const claims = ['a', 'b', 'c'].map((userId) => client.claim({ ...CLAIM, userId }));
      for (const reply of await Promise.all(claims)) assert.is(reply.code, 'GRANTED');
      assert.is(server.requests.length, 3, 'nobody asks again while the connection is made');
      assert.is((await client.events.pause('e', { retry: 'never' })).code, 'MOVED');
      assert.is(third.peers.length, 1);
      assert.equal(
        client.status().servers.map(({ address }) => address),
        [server.address, third.address],
      );
    }),
  ));

test('it is forgotten when nobody is sent there for a minute, and found again', () =>
  withThird((third) =>
    withServers([{ answer: sending(() => third.address) }], async ({ client, runtime }) => {
      assert.is((await client.claim({ ...CLAIM, deadlineMs: 30_000 })).code, 'GRANTED');
      for (let i = 0; i < 3; i++) {
        await advanced(client, runtime, IDLE_MS / 2);
        await client.claim(CLAIM);
        await advanced(client, runtime, IDLE_MS / 2);
        assert.is(client.status().ready, 2, 'in use');
      }
      await advanced(client, runtime, IDLE_MS);
      assert.is(client.status().ready, 1);
      await eventually(() => third.peers[0]?.isClosed === true);
      assert.is((await client.claim(CLAIM)).code, 'GRANTED');
      assert.is(third.peers.length, 2);
    }),
  ));

type Stage = Parameters<Parameters<typeof withServers>[1]>[0];
/** In steps that leave time for the answers to pings. */
async function advanced(client: Stage['client'], runtime: Stage['runtime'], ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += 5_000) {
    runtime.advance(5_000);
    await eventually(() => client.status().inFlight === 0);
  }
}

test('in a circle the answer is MOVED, after three hops', () => {
  const addresses: string[] = [];
  const circle = [0, 1].map((i) => ({ answer: sending(() => addresses[1 - i] as string) }));
  return withServers(circle, async ({ client, servers }) => {
    addresses.push(...servers.map(({ address }) => address));
    const reply = await client.claim(CLAIM);
    assert.is(reply.code, 'MOVED');
    const asked = servers.flatMap(({ requests }) => requests);
    assert.is(asked.length, 4);
    assert.is(new Set(asked.map(({ args }) => args[3])).size, 1);
  });
});

test('a server that names itself ends in MOVED too', () => {
  const self = { address: '' };
  return withServers([{ answer: sending(() => self.address) }], async ({ client, server }) => {
    self.address = server.address;
    assert.is((await client.claim(CLAIM)).code, 'MOVED');
    assert.is(server.requests.length, 4);
  });
});

test('when the one named cannot be reached the others are asked again, until one knows better', () =>
  withThird((third) => {
    let target = '127.0.0.1:9';
    return withServers([{ answer: sending(() => target) }], async ({ client, server, runtime }) => {
      const claim = client.claim(CLAIM);
      await promptly(runtime, () => server.requests.length >= 3);
      target = third.address;
      await promptly(runtime, () => third.requests.length === 1);
      assert.is((await claim).code, 'GRANTED');
    });
  }));

test('when it never can the answer is MOVED, and so it is for what is no address', async () => {
  for (const target of ['127.0.0.1:9', 'nowhere', '']) {
    await withServers([{ answer: sending(() => target) }], async ({ client, server, runtime }) => {
      runtime.chance = 0.5;
      assert.is(await endOf(client.claim({ ...CLAIM, deadlineMs: 200 }), runtime), 'MOVED', target);
      assert.ok(server.requests.length < 20, 'each time later');
    });
  }
});

test('a server that goes away with a claim leaves it to whoever is responsible then', () =>
  withThird((third) => {
    let target = '';
    return withServers([{ answer: sending(() => target) }, {}], async ({ client, servers, runtime }) => {
      const [first, second] = servers as [FakeServer, FakeServer];
      target = second.address;
      const claims = [client.claim(CLAIM), client.claim({ ...CLAIM, userId: 'u2' })];
      await eventually(() => second.requests.length === 2);
      target = third.address;
      await second.stop();
      await promptly(runtime, () => third.requests.length === 2);
      for (const reply of await Promise.all(claims)) assert.is(reply.code, 'GRANTED');
      assert.ok(first.requests.length >= 2);
    });
  }));

test('busy is waited for where it was said', () => {
  let target = '';
  return withServers([{ answer: sending(() => target) }, {}], async ({ client, servers, runtime }) => {
    const [first, second] = servers as [FakeServer, FakeServer];
    target = second.address;
    const claims = [client.claim(CLAIM), client.claim({ ...CLAIM, userId: 'u2' })];
    await eventually(() => second.requests.length === 2);
    for (const request of second.requests) request.problem({ code: 'BUSY', retryAfterMs: 70 });
    await eventually(() => runtime.pending.filter((ms) => ms === 70).length === 2);
    runtime.advance(70);
    await eventually(() => second.requests.length === 4);
    for (const request of second.requests.slice(2)) request.grant();
    for (const reply of await Promise.all(claims)) assert.is(reply.code, 'GRANTED');
    const ids = first.requests.map(({ args }) => args[3]);
    assert.is(new Set(ids).size, ids.length, 'nobody was sent on twice');
  });
});

test('what may not run twice is sent on as well: nothing was done', () => {
  let target = '';
  return withServers([{}, {}], async ({ client, servers }) => {
    const created = client.events.create({ eventKey: 'e' });
    await eventually(() => servers.some(({ requests }) => requests.length === 1));
    const asked = servers.find(({ requests }) => requests.length === 1) as FakeServer;
    const other = servers.find((server) => server !== asked) as FakeServer;
    target = other.address;
    asked.requests[0]?.problem(moved(target));
    await eventually(() => other.requests.length === 1);
    other.requests[0]?.problem({ code: 'EVENT_EXISTS' });
    assert.is((await created).code, 'EVENT_EXISTS');
  });
});

test('who asks one server, or once, is told', () =>
  withServers([{ answer: sending(() => '127.0.0.1:9') }], async ({ client, server }) => {
    assert.is((await client.claim({ ...CLAIM, server: server.address })).code, 'MOVED');
    assert.is((await client.claim({ ...CLAIM, retry: 'never' })).code, 'MOVED');
    assert.is(server.requests.length, 2);
  }));

/** Servers that take a connection and say nothing, and one in front that names them in turn. */
async function amongSilent(
  options: { queueLengthMax: number },
  run: (stage: Stage & { silent: readonly FakeServer[] }) => Promise<void>,
): Promise<void> {
  const silent = await Promise.all(Array.from({ length: 6 }, () => FakeServer.start({ greet: () => {} })));
  let next = 0;
  const answer = sending(() => (silent[next++ % silent.length] as FakeServer).address);
  try {
    await withServers([{ answer }], (stage) => run({ ...stage, silent }), options);
  } finally {
    await Promise.all(silent.map((server) => server.stop()));
  }
}

test('no more than a few servers are learned', () =>
  amongSilent({ queueLengthMax: 100 }, async ({ client, server, silent }) => {
    const claims = silent.map((_, i) => client.claim({ ...CLAIM, userId: `u${i}` }));
    await eventually(() => server.requests.length === 6 && client.status().queued === 4);
    const reached = () => silent.filter(({ peers }) => peers.length > 0).length;
    await eventually(() => reached() === 4);
    assert.is(client.status().servers.length, 5);
    client.close();
    for (const reply of await Promise.all(claims)) assert.is(reply.code, 'MOVED');
    assert.is(reached(), 4);
  }));

test('what waits for a server that was named is bounded by the same queue', () =>
  amongSilent({ queueLengthMax: 2 }, async ({ client, server, silent }) => {
    const claims = silent.map((_, i) => client.claim({ ...CLAIM, userId: `u${i}` }));
    await eventually(() => server.requests.length === 6);
    for (const reply of await Promise.all(claims.slice(2))) assert.is(reply.code, 'MOVED');
    assert.is(client.status().queued, 2);
    client.close();
    for (const reply of await Promise.all(claims)) assert.is(reply.code, 'MOVED');
  }));

test('a server that is learned must prove itself like any other', async () => {
  const impostor = await FakeServer.start({ answer: granting, key: randomBytes(32) });
  try {
    await withServers([{ answer: sending(() => impostor.address) }], async ({ client, server, runtime }) => {
      assert.is(await endOf(client.claim({ ...CLAIM, deadlineMs: 200 }), runtime), 'MOVED');
      assert.ok(server.requests.length >= 2);
      assert.is(impostor.requests.length, 0);
    });
  } finally {
    await impostor.stop();
  }
});

test('a server that is learned and refuses the key is left alone for longer each time, however many are sent there', async () => {
  const hello: Behaviour['hello'] = ({ peer }) => {
    peer.notice('CLOSE', [ERRORS.HANDSHAKE_REFUSED.code, 'wrong proof']);
    peer.socket.end();
  };
  const refusing = await FakeServer.start({ hello });
  try {
    await withServers([{ answer: sending(() => refusing.address) }], async ({ client, server, runtime }) => {
      runtime.chance = 0.5;
      const tries: number[] = [];
      // A claim each ten milliseconds, for three seconds.
      for (let second = 0; second < 3; second++) {
        const before = refusing.peers.length;
        for (let i = 0; i < 100; i++) {
          assert.is(await endOf(client.claim({ ...CLAIM, deadlineMs: 10 }), runtime), 'MOVED');
          runtime.advance(5);
          await eventually(() => refusing.peers.every(({ isClosed }) => isClosed));
        }
        tries.push(refusing.peers.length - before);
      }
      assert.ok(server.requests.length >= 300);
      assert.ok(refusing.peers.length >= 3, 'it is tried again');
      assert.ok(
        tries.every((count, second) => count <= (second === 0 ? 8 : 3)),
        tries.join(' '),
      );
    });
  } finally {
    await refusing.stop();
  }
});
