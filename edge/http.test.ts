import { connect } from 'node:net';
import type { Reply } from '../protocol/reply.ts';
import { assert, rejection, suite } from '../protocol/testing/kit.ts';
import { deferred } from './testing/deferred.ts';
import { type Bench, ok, withEdge } from './testing/fixture.ts';
import { answerTo } from './testing/raw.ts';
import { claimTupleOf, eventOf } from './testing/samples.ts';

const test = suite('http');
const CLAIM_PATH = '/v1/events/welcome/claims';
const JSON_TYPE = { 'content-type': 'application/json' };
const PROBLEM_TYPE = 'application/problem+json';

test('unknown addresses are 404, known ones with another method 405 with Allow', async () => {
  await withEdge({}, async ({ call }) => {
    for (const path of ['/', '/v1', '/v1/claims/', '/V1/events', '/v1//events', '/v1/events/a/b/claims', '/%2e%2e/x']) {
      const answer = await call(path, { token: null });
      assert.is(answer.status, 404, path);
      assert.is(answer.headers.get('content-type'), PROBLEM_TYPE, path);
      assert.is(answer.json.code, 'NOT_FOUND', path);
    }
    const rows: [method: string, path: string, allow: string][] = [
      ['GET', CLAIM_PATH, 'POST'],
      ['DELETE', '/v1/events', 'GET, HEAD, POST'],
      ['PUT', '/v1/events/summer?x=1', 'GET, HEAD, PATCH'],
      ['OPTIONS', '/v1/claims', 'GET'],
      ['HEAD', '/v1/claims', 'GET'],
      ['POST', '/healthz', 'GET, HEAD'],
      ['POST', '/.well-known/jwks.json', 'GET, HEAD'],
    ];
    for (const [method, path, allow] of rows) {
      const answer = await call(path, { method, token: null });
      assert.is(answer.status, 405, `${method} ${path}`);
      assert.is(answer.headers.get('allow'), allow, `${method} ${path}`);
      if (method !== 'HEAD') assert.is(answer.json.code, 'METHOD_NOT_ALLOWED');
    }
  });
});

test('HEAD is GET without its body', async () => {
  await withEdge({ script: { EVENT_GET: () => ok('EVENT_GET', eventOf()) } }, async ({ call }) => {
    const answer = await call('/v1/events/summer', { method: 'HEAD' });
    assert.is(answer.status, 200);
    assert.is(answer.headers.get('etag'), '"3"');
    assert.is(answer.text, '');
  });
});

test('bodies: wrong type 415, over 64 KiB 413, no JSON 400', async () => {
  await withEdge({ script: { EVENT_CREATE: () => ok('EVENT_CREATE', eventOf()) } }, async ({ call, asked }) => {
    const send = (headers: Record<string, string>, body: string) =>
      call('/v1/events', { method: 'POST', headers, body });
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'application/problem', 'nonsense']) {
      assert.is((await send({ 'content-type': type }, '{}')).json.code, 'UNSUPPORTED_MEDIA_TYPE', type);
    }
    const filler = (bytes: number) => JSON.stringify({ title: 'x'.repeat(bytes - '{"title":""}'.length) });
    assert.is((await send(JSON_TYPE, filler(65_537))).status, 413);
    assert.is((await send(JSON_TYPE, filler(65_536))).status, 201, 'as far as the edge is concerned');
    const chunked = await call('/v1/events', { method: 'POST', headers: JSON_TYPE, body: filler(200_000) });
    assert.is(chunked.json.code, 'PAYLOAD_TOO_LARGE');
    const malformed = await send(JSON_TYPE, '{"eventKey":');
    assert.is(malformed.status, 400);
    assert.equal(malformed.json.errors, [{ field: 'body', rule: 'JSON' }]);
    assert.is((await send(JSON_TYPE, '{"eventKey":"a","__proto__":{}}')).status, 400);
    assert.is((await send({ 'content-type': 'application/json; charset=utf-8' }, '{"eventKey":"a"}')).status, 201);
    assert.is(asked.length, 2);
  });
});

test('an endless body is refused without being read to its end', async () => {
  await withEdge({}, async ({ port, token }) => {
    const head = `POST /v1/events HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${token()}\r\ncontent-type: application/json\r\n`;
    const chunk = `${(70_000).toString(16)}\r\n${'x'.repeat(70_000)}\r\n`;
    assert.match(await answerTo(port, `${head}transfer-encoding: chunked\r\n\r\n`, chunk), /^HTTP\/1.1 413 /);
    assert.match(await answerTo(port, `${head}content-length: 9999999999\r\n\r\n`), /^HTTP\/1.1 413 /);
  });
});

test('a stranger’s body is not looked at: 401 before 400, 413 and 415', async () => {
  await withEdge({}, async ({ call }) => {
    for (const [type, body] of Object.entries({ 'text/plain': 'x', 'application/json': `"${'x'.repeat(70_000)}"` })) {
      const answer = await call(CLAIM_PATH, { method: 'POST', token: null, headers: { 'content-type': type }, body });
      assert.is(answer.status, 401, type);
      assert.ok(answer.headers.get('idempotency-key'), type);
    }
  });
});

test('bytes that are no HTTP are a problem document and a closed connection', async () => {
  await withEdge({}, async ({ port }) => {
    const nonsense = await answerTo(port, 'HELLO claimd\r\n\r\n');
    assert.match(nonsense, /^HTTP\/1.1 400 Bad Request\r\ncontent-type: application\/problem\+json\r\n/);
    assert.is(JSON.parse(nonsense.split('\r\n\r\n')[1] as string).code, 'BAD_REQUEST');
    const long = await answerTo(port, `GET /healthz HTTP/1.1\r\nhost: x\r\nx: ${'y'.repeat(20_000)}\r\n\r\n`);
    assert.match(long, /^HTTP\/1.1 413 /);
    const smuggled =
      'POST /v1/events HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n';
    assert.match(await answerTo(port, smuggled), /^HTTP\/1.1 400 /);
  });
});

test('a body that cannot be read and a request without a host are problems too', async () => {
  await withEdge({}, async ({ port, token }) => {
    const head = `POST ${CLAIM_PATH} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${token()}\r\n`;
    const chunked = `${head}content-type: application/json\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n`;
    for (const bytes of [chunked, 'GET /healthz HTTP/1.1\r\nconnection: close\r\n\r\n']) {
      const answer = await answerTo(port, bytes);
      assert.match(answer, /^HTTP\/1.1 400 [\s\S]*application\/problem\+json/);
      assert.is(JSON.parse(answer.split('\r\n\r\n')[1] as string).code, 'BAD_REQUEST');
    }
    assert.match(await answerTo(port, 'GET /healthz HTTP/1.0\r\n\r\n'), /^HTTP\/1.1 200 /);
  });
});

test('a request that does not arrive in time is cut', async () => {
  const limits = { requestMs: 200, requestCheckMs: 50 };
  await withEdge({ limits }, async ({ port, token }) => {
    assert.match(await answerTo(port, 'GET /healthz HTTP/1.1\r\nhost'), /^HTTP\/1.1 400 /);
    const head = `POST ${CLAIM_PATH} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${token()}\r\n`;
    const slow = await answerTo(port, `${head}content-type: application/json\r\ncontent-length: 9\r\n\r\n{`);
    assert.match(slow, /^HTTP\/1.1 400 /);
  });
});

test('rubbish behind a claim under way never answers for that claim', async () => {
  const decided = deferred<Reply>();
  const sent = deferred<undefined>();
  const CLAIM = () => {
    sent.resolve(undefined);
    return decided.promise;
  };
  await withEdge({ script: { CLAIM } }, async ({ port, token }) => {
    const socket = connect(port, '127.0.0.1');
    let received = '';
    socket.on('data', (chunk) => {
      received += chunk;
    });
    const closed = new Promise((resolve) => socket.on('close', resolve));
    socket.write(
      `POST ${CLAIM_PATH} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${token()}\r\ncontent-length: 0\r\n\r\n`,
    );
    await sent.promise;
    socket.write('rubbish\r\n\r\n');
    await closed;
    decided.resolve({ code: 'GRANTED', result: claimTupleOf() });
    assert.ok(!received.includes('400'), received);
  });
});

/** Starts a claim that waits for `decide`; resolves when the server has it. */
async function claimUnderWay({ call, script }: Bench) {
  const decided = deferred<Reply>();
  const sent = deferred<undefined>();
  script({
    CLAIM: () => {
      sent.resolve(undefined);
      return decided.promise;
    },
  });
  const answer = call(CLAIM_PATH, { method: 'POST' });
  await sent.promise;
  return { answer, decide: () => decided.resolve({ code: 'GRANTED', result: claimTupleOf() }) };
}

test('a drain finishes what is under way, refuses what is new and then closes', async () => {
  // Longer than the test may take: the drain must end by itself, though the caller would keep its connection.
  await withEdge({ limits: { drainMs: 60_000 } }, async (bench) => {
    const { edge, port, token, call } = bench;
    // A connection that is in the middle of a request when the drain begins, and so is not cut.
    const socket = connect(port, '127.0.0.1');
    let received = '';
    socket.on('data', (chunk) => {
      received += chunk;
    });
    const closed = new Promise((resolve) => socket.on('close', resolve));
    const request = `POST ${CLAIM_PATH} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${token()}\r\n`;
    await new Promise<void>((resolve) => socket.write(request, () => resolve()));
    const { answer, decide } = await claimUnderWay(bench);
    const drained = edge.drain();
    socket.write('content-length: 0\r\n\r\n');
    await closed;
    assert.match(received, /^HTTP\/1.1 503 /);
    assert.match(received, /DRAINING/);
    assert.match(received, /\r\nretry-after: 1\r\n/i);
    decide();
    assert.is((await answer).status, 201);
    await drained;
    await rejection(call('/healthz'));
  });
});

test('a drain does not wait for ever', async () => {
  await withEdge({ limits: { drainMs: 50 } }, async (bench) => {
    const { answer, decide } = await claimUnderWay(bench);
    const cut = rejection(answer);
    await bench.edge.drain();
    await cut;
    decide();
  });
});
