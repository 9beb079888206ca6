import { Client } from '../clients/client.ts';
import { nodeRuntime } from '../clients/runtime.ts';
import {
  type Behaviour,
  claimBody,
  type FakeRequest,
  FakeServer,
  SERVICE_ID,
  SERVICE_KEY,
} from '../clients/testing/fake-server.ts';
import type { Value } from '../protocol/codec.ts';
import { assert, rejection, suite } from '../protocol/testing/kit.ts';
import { createEdge } from './edge.ts';
import { ACTOR, signingKey, tokenKeys, tokenOf } from './testing/tokens.ts';

const test = suite('edge over TCP');
const key = signingKey('k1');
const LIMITS = { deadlineMs: 400, reconnectMs: 100 };
type Claimed = { status: number; code: string; retryAfter: string | null };
type Stage = { server: FakeServer; claim(): Promise<Claimed>; get(path: string): Promise<number> };

/** An edge and its real client in front of a server that does what the test says. */
async function withServer(
  answer: (request: FakeRequest) => readonly Value[] | null,
  run: (stage: Stage) => Promise<void>,
) {
  const behaviour: Behaviour = {
    answer: (request) => (request.name === 'TOKEN_KEYS' ? [0, tokenKeys(key), null] : answer(request)),
  };
  const server = await FakeServer.start(behaviour);
  const client = new Client({ servers: server.address, serviceId: SERVICE_ID, serviceKey: SERVICE_KEY });
  const log = { info() {}, warn() {}, error() {} };
  const edge = await createEdge({ client, runtime: nodeRuntime, log, limits: LIMITS });
  const { port } = await edge.listen({ host: '127.0.0.1', port: 0 });
  const headers = { authorization: `Bearer ${tokenOf(key)}` };
  async function claim(): Promise<Claimed> {
    const response = await fetch(`http://127.0.0.1:${port}/v1/events/welcome/claims`, { method: 'POST', headers });
    const { code, outcome } = (await response.json()) as { code?: string; outcome?: string };
    return { status: response.status, code: code ?? outcome ?? '', retryAfter: response.headers.get('retry-after') };
  }
  async function get(path: string): Promise<number> {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, { headers });
    await response.text();
    return response.status;
  }
  try {
    await client.firstReady();
    await run({ server, claim, get });
  } finally {
    await edge.close();
    client.close();
    await server.stop();
  }
}

/** Claims of users have no user argument: the server takes the actor. */
function granted(request: FakeRequest): readonly Value[] {
  request.args[2] = 'u1';
  return claimBody(request);
}

test('a claim goes from HTTP over the protocol and back', async () => {
  await withServer(granted, async ({ claim, server }) => {
    assert.equal(await claim(), { status: 201, code: 'GRANTED', retryAfter: null });
    assert.equal(server.requests.at(-1)?.args[0], ACTOR);
  });
});

test('an edge that has lost its server says 503 soon, stays alive and does not hang', async () => {
  await withServer(granted, async ({ claim, get, server }) => {
    assert.is((await claim()).status, 201);
    await server.stop();
    assert.equal(await claim(), { status: 503, code: 'SERVER_UNAVAILABLE', retryAfter: '1' });
    assert.is(await get('/v1/events/welcome'), 503);
    assert.is(await get('/v1/claims/by-request/r1'), 503);
    assert.is(await get('/readyz'), 503);
    assert.is(await get('/healthz'), 200);
    assert.is(await get('/metrics'), 200);
    assert.is(await get('/.well-known/jwks.json'), 200);
  });
});

test('a server that never answers is OUTCOME_UNKNOWN at the deadline', async () => {
  await withServer(
    () => null,
    async ({ claim }) => assert.equal(await claim(), { status: 503, code: 'OUTCOME_UNKNOWN', retryAfter: null }),
  );
});

test('a server that dies over a claim is OUTCOME_UNKNOWN', async () => {
  const cut = (request: FakeRequest) => {
    request.peer.cut();
    return null;
  };
  await withServer(cut, async ({ claim }) => {
    assert.equal(await claim(), { status: 503, code: 'OUTCOME_UNKNOWN', retryAfter: null });
  });
});

test('an address that is taken is told', async () => {
  const log = { info() {}, warn() {}, error() {} };
  const client = new Client({ servers: '127.0.0.1:1', serviceId: SERVICE_ID, serviceKey: SERVICE_KEY });
  const first = await createEdge({ client, runtime: nodeRuntime, log, limits: LIMITS });
  const second = await createEdge({ client, runtime: nodeRuntime, log, limits: LIMITS });
  const { port } = await first.listen({ host: '127.0.0.1', port: 0 });
  const error = await rejection(second.listen({ host: '127.0.0.1', port }));
  assert.is((error as NodeJS.ErrnoException).code, 'EADDRINUSE');
  await Promise.all([first.close(), second.close()]);
  client.close();
});
