import { ERRORS, type ErrorName } from '../../protocol/errors.ts';
import type { Problem } from '../../protocol/reply.ts';
import { assert, suite } from '../../protocol/testing/kit.ts';
import { withEdge } from '../testing/fixture.ts';
import { claimOf, claimTupleOf, GRANTED_AT_MS } from '../testing/samples.ts';
import { ACTOR } from '../testing/tokens.ts';

const test = suite('claim over HTTP');
const CLAIM_PATH = '/v1/events/welcome/claims';
const CLAIM_JSON = {
  claimKey: 'welcome/-/u1',
  eventKey: 'welcome',
  period: '-',
  userId: 'u1',
  requestId: 'r1',
  grantedAt: '2026-11-22T05:00:00.123Z',
  configVersion: 1,
  slot: null,
  rewards: [{ kind: 'currency', id: 'gold', amount: 100 }],
  delivery: { state: 'PENDING', attempts: 0, fulfilledAt: null },
  nextClaimAt: null,
};

test('a grant is 201 and names its request id', async () => {
  await withEdge(
    { script: { CLAIM: () => ({ code: 'GRANTED', result: claimTupleOf() }) } },
    async ({ call, asked }) => {
      const answer = await call(CLAIM_PATH, { method: 'POST', headers: { 'idempotency-key': 'r1' } });
      assert.is(answer.status, 201);
      assert.equal(answer.json, { outcome: 'GRANTED', claim: CLAIM_JSON });
      assert.is(answer.headers.get('idempotency-key'), 'r1');
      assert.is(answer.headers.get('idempotent-replayed'), null);
      assert.is(answer.headers.get('cache-control'), 'no-store');
      assert.is(answer.headers.get('x-content-type-options'), 'nosniff');
      assert.equal(asked, [{ op: 'CLAIM', args: [ACTOR, 'welcome', null, 'r1', null] }]);
    },
  );
});

test('a replay is 200 and says so', async () => {
  await withEdge({ script: { CLAIM: () => ({ code: 'REPLAYED', result: claimTupleOf() }) } }, async ({ call }) => {
    const answer = await call(CLAIM_PATH, {
      method: 'POST',
      body: '{}',
      headers: { 'content-type': 'application/json' },
    });
    assert.is(answer.status, 200);
    assert.equal(answer.json, { outcome: 'REPLAYED', claim: CLAIM_JSON });
    assert.is(answer.headers.get('idempotent-replayed'), 'true');
  });
});

test('the edge makes a request id when the caller has none, a new one each time', async () => {
  await withEdge(
    { script: { CLAIM: () => ({ code: 'GRANTED', result: claimTupleOf() }) } },
    async ({ call, asked }) => {
      const first = await call(CLAIM_PATH, { method: 'POST' });
      const second = await call(CLAIM_PATH, { method: 'POST' });
      const requestIds = asked.map(({ args }) => (args as unknown[])[3]);
      const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
      assert.match(first.headers.get('idempotency-key') as string, uuid);
      assert.is.not(first.headers.get('idempotency-key'), second.headers.get('idempotency-key'));
      assert.is(requestIds[0], first.headers.get('idempotency-key'));
    },
  );
});

/** What each outcome carries, as a server sends it and as HTTP shows it; the others carry nothing. */
const WINDOW = { serverTime: GRANTED_AT_MS, startsAt: GRANTED_AT_MS, endsAt: null };
const WINDOW_JSON = { serverTime: CLAIM_JSON.grantedAt, startsAt: CLAIM_JSON.grantedAt, endsAt: null };
const carried: Partial<Record<ErrorName, [sent: object, shown: object, retryAfter?: string]>> = {
  ALREADY_CLAIMED: [{ claim: { ...claimOf(), nextClaimAt: null } }, { claim: CLAIM_JSON, nextClaimAt: null }],
  NOT_STARTED: [{ window: WINDOW }, WINDOW_JSON],
  ENDED: [{ window: WINDOW }, WINDOW_JSON],
  PAUSED: [{ window: WINDOW }, WINDOW_JSON],
  SOLD_OUT: [{ window: WINDOW }, WINDOW_JSON],
  NOT_ELIGIBLE: [{ reasons: ['listed'] }, { reasons: ['listed'] }],
  IN_PROGRESS: [{ retryAfterMs: 0 }, { retryAfterMs: 0 }, '1'],
  RATE_LIMITED: [{ retryAfterMs: 999 }, { retryAfterMs: 999 }, '1'],
  BUSY: [{ retryAfterMs: 1_001 }, { retryAfterMs: 1_001 }, '2'],
  DRAINING: [{ retryAfterMs: 1_000 }, { retryAfterMs: 1_000 }, '1'],
  STORE_UNAVAILABLE: [{ retryAfterMs: 500 }, { retryAfterMs: 500 }, '1'],
  GUARD_MISSING: [{ retryAfterMs: 5_000 }, { retryAfterMs: 5_000 }, '5'],
  SERVER_UNAVAILABLE: [{ retryAfterMs: 500 }, { retryAfterMs: 500 }, '1'],
  BAD_REQUEST: [{ faults: [{ field: 'a', rule: 'b' }] }, { errors: [{ field: 'a', rule: 'b' }] }],
  MOVED: [{ address: '127.0.0.1:1', mapVersion: 1 }, { retryAfterMs: 500 }, '1'],
};

test('every other outcome is a problem document with its own status, body and headers', async () => {
  await withEdge({}, async ({ call, script }) => {
    for (const [name, row] of Object.entries(ERRORS)) {
      if (row.closes || row.http < 400) continue;
      const [sent, shown, retryAfter = null] = carried[name as ErrorName] ?? [{}, {}];
      script({ CLAIM: () => ({ code: name, detail: 'why', ...sent }) as Problem });
      const answer = await call(CLAIM_PATH, { method: 'POST', headers: { 'idempotency-key': 'r1' } });
      assert.is(answer.status, row.http, name);
      assert.is(answer.headers.get('content-type'), 'application/problem+json', name);
      const head = {
        type: `urn:claimd:problem:${name}`,
        title: row.sentence,
        status: row.http,
        code: name,
        detail: 'why',
      };
      assert.equal(answer.json, { ...head, ...shown }, name);
      assert.is(answer.headers.get('retry-after'), retryAfter, name);
      assert.is(answer.headers.get('idempotency-key'), 'r1', name);
    }
  });
});

test('what a claim may not hold is refused with every fault at once, before the server is asked', async () => {
  await withEdge({}, async ({ call, asked }) => {
    const json = { 'content-type': 'application/json' };
    const answer = await call(`/v1/events/${encodeURIComponent('bad key/ü')}/claims`, {
      method: 'POST',
      headers: { ...json, 'idempotency-key': 'two words' },
      body: '{"userId":"u2"}',
    });
    assert.is(answer.status, 400);
    const fields = answer.json.errors.map(({ field }: { field: string }) => field);
    assert.equal(fields, ['eventKey', 'Idempotency-Key', 'userId']);
    assert.is(answer.headers.get('idempotency-key'), null);
    for (const body of ['[]', 'null', '1', '"x"', '{"__proto__":{"x":1}}', '{', '{"constructor":{"prototype":1}}']) {
      assert.is((await call(CLAIM_PATH, { method: 'POST', headers: json, body })).status, 400, body);
    }
    for (const id of ['x'.repeat(129), 'ü', '']) {
      const answer = await call(CLAIM_PATH, { method: 'POST', headers: { 'idempotency-key': id } });
      assert.is(answer.json.code, 'BAD_REQUEST', id);
    }
    assert.is((await call(`/v1/events/${'x'.repeat(65)}/claims`, { method: 'POST' })).status, 400);
    assert.is((await call(`/v1/events/${'x'.repeat(2_000)}/claims`, { method: 'POST' })).json.code, 'BAD_REQUEST');
    assert.is((await call('/v1/events/%zz/claims', { method: 'POST' })).json.code, 'BAD_REQUEST');
    assert.equal(asked, []);
  });
});

test('a content type without a body is an empty body', async () => {
  await withEdge({ script: { CLAIM: () => ({ code: 'GRANTED', result: claimTupleOf() }) } }, async ({ call }) => {
    const answer = await call(CLAIM_PATH, { method: 'POST', headers: { 'content-type': 'application/json' } });
    assert.is(answer.status, 201);
  });
});

test('one user’s claims are limited, another’s are not', async () => {
  const script = { CLAIM: () => ({ code: 'GRANTED' as const, result: claimTupleOf() }) };
  await withEdge({ script, claimRate: { perSecond: 0.001, burst: 2 } }, async ({ call, token, asked }) => {
    assert.is((await call(CLAIM_PATH, { method: 'POST' })).status, 201);
    assert.is((await call(CLAIM_PATH, { method: 'POST' })).status, 201);
    const limited = await call(CLAIM_PATH, { method: 'POST' });
    assert.is(limited.status, 429);
    assert.is(limited.json.code, 'RATE_LIMITED');
    assert.ok(limited.json.retryAfterMs > 900_000 && limited.json.retryAfterMs <= 1_000_000);
    assert.is(limited.headers.get('retry-after'), String(Math.ceil(limited.json.retryAfterMs / 1000)));
    const other = token({ payload: { sub: 'u2' } });
    assert.is((await call(CLAIM_PATH, { method: 'POST', token: other })).status, 201);
    assert.is(asked.length, 3);
  });
});

test('a fault of our own is 500, logged, with nothing told', async () => {
  const CLAIM = () => {
    throw new Error('secret');
  };
  await withEdge({ script: { CLAIM } }, async ({ call, log }) => {
    const answer = await call(CLAIM_PATH, { method: 'POST' });
    assert.is(answer.status, 500);
    assert.equal(Object.keys(answer.json), ['type', 'title', 'status', 'code']);
    assert.is(log.at(-1)?.message, 'request failed');
  });
});
