import { assert, suite } from '../../protocol/testing/kit.ts';
import { ok, type Script, withEdge } from '../testing/fixture.ts';
import { eventually, playerAt, readyPlayer, readyServer, subscriptions } from '../testing/live.ts';
import { answerTo } from '../testing/raw.ts';
import { claimTupleOf, eventOf } from '../testing/samples.ts';
import { ACTOR } from '../testing/tokens.ts';

const test = suite('live');
const SERVER = '127.0.0.1:7400';
const EVENT_LIST = () => ok('EVENT_LIST', [[eventOf()], null]);
const script: Script = {
  EVENT_LIST,
  CLAIM: ([, eventKey, , requestId]) => ({
    code: 'GRANTED',
    result: claimTupleOf({ eventKey, requestId: requestId ?? '' }),
  }),
  ...subscriptions([['summer', 'LIVE', 7]]).script,
};
const SUMMER = { type: 'event', eventKey: 'summer', state: 'LIVE', stockLeft: 7 };

test('hello, ready, events as they stand', async () => {
  await withEdge({ script }, async (bench) => {
    bench.change(readyServer(SERVER));
    const player = playerAt(bench.port);
    await player.opened;
    player.say({ type: 'hello', accessToken: bench.token(), events: ['summer', 'winter', 'summer'] });
    assert.equal(await player.next(), { type: 'ready', userId: 'u1', serverTime: eventOf().serverTime });
    assert.equal(await player.next(), SUMMER);
    // The second is told at once: how the event stands is known by then.
    const second = await readyPlayer(bench, ['summer']);
    assert.equal(await second.next(), SUMMER);
    assert.equal([player.left(), second.left()], [[], []]);
    assert.equal(bench.asked[0], { op: 'EVENT_LIST', args: [ACTOR, 1, null] });
  });
});

test('a claim gets the status and the body that HTTP gives, refusals and bad claims too', async () => {
  await withEdge({ script }, async (bench) => {
    const player = await readyPlayer(bench);
    async function both(eventKey: string): Promise<number> {
      const headers = { 'idempotency-key': 'r1' };
      const http = await bench.call(`/v1/events/${encodeURIComponent(eventKey)}/claims`, { method: 'POST', headers });
      player.say({ type: 'claim', eventKey, requestId: 'r1' });
      const outcome = await player.next();
      assert.equal(outcome, { type: 'outcome', requestId: 'r1', status: http.status, body: http.json });
      return http.status;
    }
    assert.is(await both('welcome'), 201);
    assert.equal(bench.asked[1], bench.asked[2]);
    assert.is(await both('bad key'), 400);
    bench.script({ ...script, CLAIM: () => ({ code: 'REPLAYED', result: claimTupleOf() }) });
    assert.is(await both('welcome'), 200);
    bench.script({ ...script, CLAIM: () => ({ code: 'EVENT_NOT_FOUND' }) });
    assert.is(await both('welcome'), 404);
    bench.script({ ...script, CLAIM: () => ({ code: 'BUSY', retryAfterMs: 20 }) });
    assert.is(await both('welcome'), 503);
    bench.script({
      ...script,
      CLAIM: () => {
        throw new Error('fault');
      },
    });
    assert.is(await both('welcome'), 500);
  });
});

test('a claim without a request id gets one; what is wrong with a claim is named all at once', async () => {
  await withEdge({ script }, async (bench) => {
    const player = await readyPlayer(bench);
    player.say({ type: 'claim', eventKey: 'welcome' });
    const { requestId, status, body } = await player.next();
    assert.is(status, 201);
    assert.is((body as { claim: { requestId: string } }).claim.requestId, requestId);
    player.say({ type: 'claim', eventKey: 'a/b', requestId: 'two words', userId: 'u2' });
    const refused = await player.next();
    assert.is(refused.status, 400);
    const { errors } = refused.body as { errors: { field: string }[] };
    assert.equal(errors.map(({ field }) => field).sort(), ['eventKey', 'requestId', 'userId']);
  });
});

test('claims said right behind hello are answered; claims share one user’s rate with HTTP', async () => {
  await withEdge({ script, claimRate: { perSecond: 0.001, burst: 3 } }, async (bench) => {
    const player = playerAt(bench.port);
    await player.opened;
    player.say({ type: 'hello', accessToken: bench.token() });
    for (const requestId of ['r1', 'r2']) player.say({ type: 'claim', eventKey: 'welcome', requestId });
    assert.is((await player.next()).type, 'ready');
    assert.equal([(await player.next()).status, (await player.next()).status], [201, 201]);
    assert.is((await bench.call('/v1/events/welcome/claims', { method: 'POST' })).status, 201);
    player.say({ type: 'claim', eventKey: 'welcome', requestId: 'r4' });
    const limited = await player.next();
    assert.equal([limited.requestId, limited.status], ['r4', 429]);
  });
});

test('more claims than may be in flight wait with the peer and all get their outcome', async () => {
  let inFlight = 0;
  let inFlightMax = 0;
  const release: (() => void)[] = [];
  const CLAIM: Script['CLAIM'] = async ([, eventKey, , requestId]) => {
    inFlightMax = Math.max(inFlightMax, ++inFlight);
    await new Promise<void>((resolve) => release.push(resolve));
    inFlight--;
    return { code: 'GRANTED', result: claimTupleOf({ eventKey, requestId: requestId ?? '' }) };
  };
  await withEdge({ script: { ...script, CLAIM }, limits: { liveInFlightMax: 4 } }, async (bench) => {
    const player = await readyPlayer(bench);
    for (let i = 0; i < 40; i++) {
      player.say({ type: 'claim', eventKey: 'welcome', requestId: `r${i}` });
    }
    const seen = new Set<unknown>();
    while (seen.size < 40) {
      await eventually(() => release.length > 0);
      release.shift()?.();
      seen.add((await player.next()).requestId);
    }
    assert.is(inFlightMax, 4);
  });
});

test('changes go to those who watch, grants to their user alone and once', async () => {
  await withEdge({ script }, async (bench) => {
    bench.change(readyServer(SERVER));
    bench.change(readyServer('127.0.0.1:7401'));
    const first = await readyPlayer(bench, ['summer']);
    const other = await readyPlayer(bench, ['winter'], { payload: { sub: 'u2' } });
    assert.equal(await first.next(), SUMMER);
    bench.tell({ server: SERVER, name: 'EVENT_CHANGED', args: ['summer', 'PAUSED', 7] });
    assert.equal(await first.next(), { ...SUMMER, state: 'PAUSED' });
    // Another server tells the same a moment later, and a count of its own.
    bench.tell({ server: '127.0.0.1:7401', name: 'EVENT_CHANGED', args: ['summer', 'PAUSED', 7] });
    bench.tell({ server: '127.0.0.1:7401', name: 'EVENT_CHANGED', args: ['summer', 'PAUSED', 9] });
    bench.tell({ server: SERVER, name: 'EVENT_CHANGED', args: ['summer', 'PAUSED', 6] });
    assert.equal(await first.next(), { ...SUMMER, state: 'PAUSED', stockLeft: 6 });
    bench.tell({ server: '127.0.0.1:7401', name: 'EVENT_CHANGED', args: ['summer', 'ENDED', 6] });
    assert.equal(await first.next(), { ...SUMMER, state: 'ENDED', stockLeft: 6 });
    for (const server of [SERVER, '127.0.0.1:7401']) {
      bench.tell({ server, name: 'CLAIM_GRANTED', args: [claimTupleOf({ userId: 'u2' })] });
    }
    const granted = await other.next();
    assert.is((granted.claim as { claimKey: string }).claimKey, 'welcome/-/u2');
    bench.tell({ server: SERVER, name: 'EVENT_CHANGED', args: ['winter', 'LIVE', null] });
    assert.is((await other.next()).eventKey, 'winter');
    assert.equal([first.left(), other.left()], [[], []]);
  });
});

test('what asks for no WebSocket is answered as HTTP, whatever it offers; bad handshakes are problems', async () => {
  await withEdge({ script }, async ({ call, port }) => {
    const plain = await call('/v1/live', { token: null });
    assert.equal([plain.status, plain.json.errors], [400, [{ field: 'Upgrade', rule: 'websocket' }]]);
    assert.is((await call('/v1/live', { method: 'POST' })).status, 405);
    const upgrade =
      'host: x\r\nconnection: Upgrade, HTTP2-Settings, close\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABk\r\n';
    assert.match(await answerTo(port, `GET /healthz HTTP/1.1\r\n${upgrade}\r\n`), /^HTTP\/1.1 200 /);
    const body = '{"username":"","password":""}';
    const head = `content-type: application/json\r\ncontent-length: ${body.length}\r\n`;
    const posted = await answerTo(port, `POST /v1/auth/register HTTP/1.1\r\n${upgrade}${head}\r\n${body}`);
    assert.match(posted, /^HTTP\/1.1 400 [\s\S]*"field":"username"/);
    const websocket = 'host: x\r\nconnection: upgrade, close\r\nupgrade: websocket\r\n';
    for (const rest of ['', 'sec-websocket-version: 13\r\n', 'sec-websocket-version: 9\r\nsec-websocket-key: x\r\n']) {
      const refused = await answerTo(port, `GET /v1/live HTTP/1.1\r\n${websocket}${rest}\r\n`);
      assert.match(refused, /^HTTP\/1.1 400 Bad Request\r\ncontent-type: application\/problem\+json\r\n/);
    }
    assert.match(await answerTo(port, `GET /v1/nowhere HTTP/1.1\r\n${websocket}\r\n`), /^HTTP\/1.1 404 /);
  });
});
