import { Counter, Registry } from 'prom-client';
import { assert, suite } from '../../protocol/testing/kit.ts';
import { ok, withEdge } from '../testing/fixture.ts';
import { claimTupleOf } from '../testing/samples.ts';
import { signingKey } from '../testing/tokens.ts';

const test = suite('health over HTTP');
const OPEN = { token: null };

test('healthz answers whatever the server does', async () => {
  await withEdge({}, async ({ call }) => {
    const answer = await call('/healthz', OPEN);
    assert.is(answer.status, 200);
    assert.equal(answer.json, { ok: true });
  });
});

test('readyz shows the server’s checks and its own', async () => {
  const store = { ok: true, detail: null };
  await withEdge({ script: { STATUS: () => ok('STATUS', [true, { store }]) } }, async ({ call, script }) => {
    const own = { tokenKeys: { ok: true, detail: null }, edge: { ok: true, detail: null } };
    const ready = await call('/readyz', OPEN);
    assert.is(ready.status, 200);
    assert.equal(ready.json, { ready: true, checks: { store, server: { ok: true, detail: null }, ...own } });
    script({ STATUS: () => ok('STATUS', [false, { store: { ok: false, detail: 'no primary' } }]) });
    const unready = await call('/readyz', OPEN);
    assert.is(unready.status, 503);
    assert.is(unready.headers.get('content-type'), 'application/json');
    assert.equal(unready.json.checks.store, { ok: false, detail: 'no primary' });
    script({});
    const away = await call('/readyz', OPEN);
    assert.is(away.status, 503);
    assert.is(away.json.ready, false);
    assert.equal(away.json.checks.server, { ok: false, detail: 'No claim server can be reached; nothing was sent.' });
  });
});

async function serverMetrics(): Promise<Uint8Array> {
  const register = new Registry();
  const counter = new Counter({
    name: 'claimd_outcomes_total',
    help: 'Outcomes',
    labelNames: ['code'],
    registers: [register],
  });
  counter.inc({ code: 'GRANTED' }, 7);
  return Buffer.from(JSON.stringify(await register.getMetricsAsJSON()));
}

test('metrics are the edge’s and the server’s in one text', async () => {
  const bytes = await serverMetrics();
  const script = {
    METRICS: () => ok('METRICS', bytes),
    CLAIM: () => ({ code: 'GRANTED' as const, result: claimTupleOf() }),
  };
  await withEdge({ script }, async ({ call }) => {
    await call('/v1/events/welcome/claims', { method: 'POST' });
    await call('/v1/events/welcome/claims', { method: 'POST', token: 'bad' });
    await call('/nowhere');
    const answer = await call('/metrics', OPEN);
    assert.is(answer.status, 200);
    assert.match(answer.headers.get('content-type') as string, /^text\/plain; version=0\.0\.4/);
    const claims = 'route="/v1/events/:eventKey/claims"';
    assert.ok(
      answer.text.includes(`claimd_edge_answers_total{method="POST",${claims},status="201",code="GRANTED"} 1`),
      answer.text,
    );
    assert.ok(
      answer.text.includes(`claimd_edge_answers_total{method="POST",${claims},status="401",code="UNAUTHENTICATED"} 1`),
    );
    assert.ok(
      answer.text.includes('claimd_edge_answers_total{method="GET",route="none",status="404",code="NOT_FOUND"} 1'),
    );
    assert.ok(answer.text.includes(`claimd_edge_answer_seconds_count{${claims}} 2`));
    assert.ok(answer.text.includes('claimd_edge_requests_in_flight 1\n'), 'only this request is under way');
    assert.ok(answer.text.includes('claimd_edge_server_up 1\n'));
    assert.ok(answer.text.includes('claimd_outcomes_total{code="GRANTED"} 7'));
  });
});

test('without its server, and with one that talks nonsense, the edge’s own metrics are there', async () => {
  await withEdge({}, async ({ call, script }) => {
    assert.match((await call('/metrics', OPEN)).text, /^claimd_edge_server_up 0$/m);
    const documents = ['', '{}', '[{}]', '[{"name":"x","aggregator":"no such"}]', '[{"name":"x"}]'];
    for (const text of documents) {
      script({ METRICS: () => ok('METRICS', Buffer.from(text)) });
      const answer = await call('/metrics', OPEN);
      assert.is(answer.status, 200, text);
      assert.match(answer.text, /^claimd_edge_requests_in_flight 1$/m);
    }
  });
});

test('the jwks holds public members only, and only of keys that tokens can be checked with', async () => {
  const { privateKey, kid } = signingKey('k1');
  const keys = [
    { ...privateKey.export({ format: 'jwk' }), kid },
    { kty: 'oct', k: 'c2VjcmV0', kid: 'k2' },
  ];
  const TOKEN_KEYS = () => ok('TOKEN_KEYS', [Buffer.from(JSON.stringify({ keys })), 'issuer', 'audience', null]);
  await withEdge({ script: { TOKEN_KEYS } }, async ({ call }) => {
    const answer = await call('/.well-known/jwks.json', OPEN);
    assert.is(answer.headers.get('content-type'), 'application/jwk-set+json');
    assert.is(answer.json.keys.length, 1);
    assert.equal(Object.keys(answer.json.keys[0] ?? {}).sort(), ['alg', 'crv', 'kid', 'kty', 'use', 'x', 'y']);
  });
});
