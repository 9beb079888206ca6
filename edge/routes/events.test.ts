import { assert, suite } from '../../protocol/testing/kit.ts';
import { ok, withEdge } from '../testing/fixture.ts';
import { eventOf } from '../testing/samples.ts';
import { ACTOR } from '../testing/tokens.ts';

const test = suite('events over HTTP');
const JSON_TYPE = { 'content-type': 'application/json' };

test('an event is shown as the server sends it, with its version as the tag', async () => {
  await withEdge({ script: { EVENT_GET: () => ok('EVENT_GET', eventOf()) } }, async ({ call, asked }) => {
    const answer = await call('/v1/events/summer');
    assert.is(answer.status, 200);
    assert.equal(answer.json, eventOf());
    assert.is(answer.headers.get('etag'), '"3"');
    assert.equal(asked, [{ op: 'EVENT_GET', args: [ACTOR, 'summer'] }]);
  });
});

test('fields that a newer server appends are passed on', async () => {
  const newer = { ...eventOf(), season: 'autumn' };
  await withEdge({ script: { EVENT_GET: () => ok('EVENT_GET', newer) } }, async ({ call }) => {
    assert.equal((await call('/v1/events/summer')).json, newer);
  });
});

test('a page of events', async () => {
  await withEdge({ script: { EVENT_LIST: () => ok('EVENT_LIST', [[eventOf()], 'next']) } }, async ({ call, asked }) => {
    const answer = await call('/v1/events?limit=200&cursor=abc');
    assert.equal(answer.json, { items: [eventOf()], nextCursor: 'next' });
    await call('/v1/events');
    assert.equal(asked, [
      { op: 'EVENT_LIST', args: [ACTOR, 200, 'abc'] },
      { op: 'EVENT_LIST', args: [ACTOR, null, null] },
    ]);
  });
});

test('bad pages are refused', async () => {
  await withEdge({}, async ({ call, asked }) => {
    for (const query of [
      'limit=0',
      'limit=201',
      'limit=1.5',
      'limit=',
      'limit=1&limit=2',
      'cursor=',
      'pages=1',
      'limit=0x1',
    ]) {
      const answer = await call(`/v1/events?${query}`);
      assert.is(answer.status, 400, query);
      assert.is(answer.json.errors.length, 1, query);
    }
    assert.equal(asked, []);
  });
});

test('creating passes large amounts on and answers 201 with the event, its address and its version', async () => {
  const created = eventOf({ configVersion: 1 });
  await withEdge({ script: { EVENT_CREATE: () => ok('EVENT_CREATE', created) } }, async ({ call, asked }) => {
    const input = { eventKey: 'summer', stock: 5, rewards: [{ kind: 'currency', id: 'gold', amount: 2 ** 40 }] };
    const answer = await call('/v1/events', { method: 'POST', headers: JSON_TYPE, body: JSON.stringify(input) });
    assert.is(answer.status, 201);
    assert.equal(answer.json, created);
    assert.is(answer.headers.get('location'), '/v1/events/summer');
    assert.is(answer.headers.get('etag'), '"1"');
    assert.equal(asked, [{ op: 'EVENT_CREATE', args: [ACTOR, input] }]);
  });
});

test('a body goes to the server as it came, and what the server finds wrong is answered', async () => {
  const faults = [{ field: 'resetHour', rule: 'integer 0…23' }];
  const script = { EVENT_CREATE: () => ({ code: 'BAD_REQUEST' as const, faults }) };
  await withEdge({ script }, async ({ call, asked }) => {
    const body = JSON.stringify({ eventKey: 'a/b', resetHour: 4.5, role: 'ADMIN' });
    const answer = await call('/v1/events', { method: 'POST', headers: JSON_TYPE, body });
    assert.is(answer.status, 400);
    assert.equal(answer.json.errors, faults);
    // A fraction cannot travel; bytes in its place are what no field accepts.
    const unsendable = Buffer.alloc(0);
    const sent = { eventKey: 'a/b', resetHour: unsendable, role: 'ADMIN' };
    assert.equal(asked.pop(), { op: 'EVENT_CREATE', args: [ACTOR, sent] });
    await call('/v1/events', { method: 'POST' });
    assert.equal(asked.pop(), { op: 'EVENT_CREATE', args: [ACTOR, unsendable] });
  });
});

test('If-Match names the version to change', async () => {
  const rows: [ifMatch: string | null, version: number | null][] = [
    [null, null],
    ['*', null],
    ['"3"', 3],
    ['"0"', Number.MAX_SAFE_INTEGER],
    ['"abc"', Number.MAX_SAFE_INTEGER],
    ['"99999999999999999999"', Number.MAX_SAFE_INTEGER],
  ];
  await withEdge({ script: { EVENT_CHANGE: () => ok('EVENT_CHANGE', eventOf()) } }, async ({ call, asked }) => {
    for (const [ifMatch, version] of rows) {
      const headers = ifMatch === null ? JSON_TYPE : { ...JSON_TYPE, 'if-match': ifMatch };
      const answer = await call('/v1/events/summer', { method: 'PATCH', headers, body: '{"title":"New"}' });
      assert.is(answer.status, 200, String(ifMatch));
      assert.equal(asked.pop(), { op: 'EVENT_CHANGE', args: [ACTOR, 'summer', { title: 'New' }, version] });
    }
    for (const ifMatch of ['3', 'W/"3"', '"3", "4"', '"3', '']) {
      const headers = { ...JSON_TYPE, 'if-match': ifMatch };
      const answer = await call('/v1/events/summer', { method: 'PATCH', headers, body: '{}' });
      assert.is(answer.json?.code, 'BAD_REQUEST', ifMatch);
    }
    assert.equal(asked, []);
  });
});

test('a changed event that has moved on is 412', async () => {
  await withEdge({ script: { EVENT_CHANGE: () => ({ code: 'VERSION_MISMATCH' }) } }, async ({ call }) => {
    const headers = { ...JSON_TYPE, 'if-match': '"2"' };
    const answer = await call('/v1/events/summer', { method: 'PATCH', headers, body: '{}' });
    assert.is(answer.status, 412);
    assert.is(answer.json.code, 'VERSION_MISMATCH');
  });
});

test('pause and resume take nothing and answer the event', async () => {
  const script = {
    EVENT_PAUSE: () => ok('EVENT_PAUSE', eventOf({ state: 'PAUSED' })),
    EVENT_RESUME: () => ok('EVENT_RESUME', eventOf()),
  };
  await withEdge({ script }, async ({ call }) => {
    assert.is((await call('/v1/events/summer/pause', { method: 'POST' })).json.state, 'PAUSED');
    const empty = { method: 'POST', headers: JSON_TYPE, body: '{}' };
    assert.is((await call('/v1/events/summer/resume', empty)).json.state, 'LIVE');
    assert.is((await call('/v1/events/summer/resume', { ...empty, body: '{"state":"LIVE"}' })).status, 400);
  });
});

test('a mode is switched by the server, which is asked even for a bad one: it says first who may', async () => {
  const script = { EVENT_MODE: () => ok('EVENT_MODE', eventOf({ mode: 'journal', configVersion: 4 })) };
  await withEdge({ script }, async ({ call, asked, script: replace }) => {
    const post = (body: string) => call('/v1/events/summer/mode', { method: 'POST', headers: JSON_TYPE, body });
    const answer = await post('{"mode":"journal"}');
    assert.equal([answer.status, answer.json.mode, answer.headers.get('etag')], [200, 'journal', '"4"']);
    assert.equal(asked, [{ op: 'EVENT_MODE', args: [ACTOR, 'summer', 'journal'] }]);
    for (const body of ['{"mode":"fast"}', '{}', '[]', '{"mode":"direct","now":true}', '{"mode":null}']) {
      const refused = await post(body);
      assert.equal([refused.status, refused.json.code], [400, 'BAD_REQUEST'], body);
    }
    replace({ EVENT_MODE: () => ({ code: 'FORBIDDEN' }), mayAsk: () => ({ code: 'FORBIDDEN' }) });
    assert.is((await post('{"mode":"fast"}')).status, 403);
  });
});

test('a switch that another node would have to make, and that cannot be passed on, is 503 with a time', async () => {
  const script = { EVENT_MODE: () => ({ code: 'MOVED' as const, address: '127.0.0.1:1', mapVersion: 1 }) };
  await withEdge({ script }, async ({ call }) => {
    const init = { method: 'POST', headers: JSON_TYPE, body: '{"mode":"direct"}' };
    const answer = await call('/v1/events/summer/mode', init);
    assert.equal([answer.status, answer.json.code, answer.json.retryAfterMs], [503, 'MOVED', 500]);
    assert.is(answer.headers.get('retry-after'), '1');
    assert.not(answer.text.includes('127.0.0.1'));
  });
});
