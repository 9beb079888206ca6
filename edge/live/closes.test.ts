import { connect } from 'node:net';
import { nodeRuntime } from '../../clients/runtime.ts';
import type { Reply } from '../../protocol/reply.ts';
import { assert, suite } from '../../protocol/testing/kit.ts';
import { deferred } from '../testing/deferred.ts';
import { ok, type Script, withEdge } from '../testing/fixture.ts';
import { eventually, playerAt, readyPlayer, readyServer, subscriptions } from '../testing/live.ts';
import { answerTo } from '../testing/raw.ts';
import { claimTupleOf, eventOf } from '../testing/samples.ts';
import { ISSUED_AT_S } from '../testing/tokens.ts';

const test = suite('live closes');
const SERVER = '127.0.0.1:7400';
const script: Script = {
  EVENT_LIST: () => ok('EVENT_LIST', [[eventOf()], null]),
  CLAIM: () => ({ code: 'GRANTED', result: claimTupleOf() }),
  ...subscriptions().script,
};
const QUICK = { liveSweepMs: 5 };

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** This machine, but for clocks that the test moves. */
function clocks() {
  const moved = { monotonicMs: 0, wallMs: 0 };
  const runtime = {
    ...nodeRuntime,
    monotonicMs: () => nodeRuntime.monotonicMs() + moved.monotonicMs,
    wallMs: () => nodeRuntime.wallMs() + moved.wallMs,
  };
  return { moved, runtime };
}

test('4401: anything before a hello with a good token', async () => {
  await withEdge({ script }, async ({ port, token }) => {
    const rows: unknown[] = [
      { type: 'claim', eventKey: 'welcome' },
      { type: 'hello' },
      { type: 'hello', accessToken: 'bad' },
      { type: 'hello', accessToken: token({ payload: { aud: 'other' } }) },
      { type: 'hello', accessToken: token({ payload: { exp: 1 } }) },
      { type: 'hello', accessToken: 1, events: 1 },
      'not JSON',
      'null',
      '[]',
      Buffer.from('{}'),
    ];
    for (const row of rows) {
      const player = playerAt(port);
      await player.opened;
      if (row instanceof Buffer) player.socket.send(row);
      else player.say(row);
      assert.is(await player.closed, 4401, JSON.stringify(row));
      assert.equal(player.left(), []);
    }
  });
});

test('4401 at the end of the access token, whatever the wall clock does meanwhile', async () => {
  const { moved, runtime } = clocks();
  await withEdge({ script, runtime, limits: QUICK }, async (bench) => {
    const exp = Math.floor(Date.now() / 1000) + 60;
    const player = await readyPlayer(bench, [], { payload: { exp } });
    moved.wallMs = 3_600_000;
    moved.monotonicMs = 50_000;
    player.say({ type: 'claim', eventKey: 'welcome' });
    assert.is((await player.next()).status, 201);
    moved.monotonicMs = 60_000;
    assert.is(await player.closed, 4401);
  });
});

test('the next access token of the same user keeps the socket open; another user’s ends it', async () => {
  const { moved, runtime } = clocks();
  await withEdge({ script, runtime, limits: QUICK }, async (bench) => {
    const exp = Math.floor(Date.now() / 1000) + 60;
    const player = await readyPlayer(bench, [], { payload: { exp } });
    moved.monotonicMs = 50_000;
    player.say({ type: 'hello', accessToken: bench.token({ payload: { exp: exp + 600, sid: 's.2' } }) });
    assert.is((await player.next()).type, 'ready');
    moved.monotonicMs = 100_000;
    player.say({ type: 'claim', eventKey: 'welcome' });
    assert.is((await player.next()).status, 201);
    // It belongs to the session of the later token now.
    bench.tell({ server: SERVER, name: 'REVOKED', args: ['u1', 's.1', 1, 2] });
    player.say({ type: 'hello', accessToken: bench.token({ payload: { exp: exp + 600, sub: 'u2', sid: 's.3' } }) });
    assert.is(await player.closed, 4401);
  });
});

test('4403: a session that is revoked, and no other; 4403 for its next hello, 401 for its next request', async () => {
  await withEdge({ script: { ...script, ME: () => ({ code: 'USER_NOT_FOUND' }) } }, async (bench) => {
    bench.change(readyServer(SERVER));
    const sessions = ['s.1', 's.2', 'cli'].map((sid) => ({ payload: { sid } }));
    const [first, second, sessionless] = await Promise.all(sessions.map((parts) => readyPlayer(bench, [], parts)));
    const nowMs = Date.now();
    bench.tell({ server: SERVER, name: 'REVOKED', args: ['u1', 's.1', nowMs, nowMs + 600_000] });
    assert.is(await first?.closed, 4403);
    const again = playerAt(bench.port);
    await again.opened;
    again.say({ type: 'hello', accessToken: bench.token() });
    assert.is(await again.closed, 4403);
    const refused = await bench.call('/v1/me');
    assert.equal([refused.status, refused.json.code], [401, 'SESSION_ENDED']);
    assert.is((await bench.call('/v1/me', { token: bench.token(sessions[1]) })).status, 404);

    // Tokens without a session of ours, issued before; not those issued later, and nobody else's.
    const at = ISSUED_AT_S * 1000 + 1;
    bench.tell({ server: SERVER, name: 'REVOKED', args: ['u2', null, at, nowMs] });
    bench.tell({ server: SERVER, name: 'REVOKED', args: ['u1', null, ISSUED_AT_S * 1000, nowMs] });
    sessionless?.say({ type: 'claim', eventKey: 'welcome' });
    assert.is((await sessionless?.next())?.status, 201);
    bench.tell({ server: SERVER, name: 'REVOKED', args: ['u1', null, at, nowMs] });
    assert.is(await sessionless?.closed, 4403);
    second?.say({ type: 'claim', eventKey: 'welcome' });
    assert.is((await second?.next())?.status, 201);
  });
});

test('4403: the server says at hello or at a claim that the session has ended', async () => {
  await withEdge({ script: { ...script, EVENT_LIST: () => ({ code: 'SESSION_ENDED' }) } }, async (bench) => {
    const player = playerAt(bench.port);
    await player.opened;
    player.say({ type: 'hello', accessToken: bench.token() });
    assert.is(await player.closed, 4403);
    bench.script({ ...script, CLAIM: () => ({ code: 'SESSION_ENDED' }) });
    const later = await readyPlayer(bench);
    later.say({ type: 'claim', eventKey: 'welcome', requestId: 'r1' });
    assert.is((await later.next()).status, 401);
    assert.is(await later.closed, 4403);
  });
});

test('1013 when no server can sign anybody in, 1011 for a fault of our own', async () => {
  await withEdge({ script: {} }, async (bench) => {
    for (const [code, EVENT_LIST] of [
      [1013, () => ({ code: 'SERVER_UNAVAILABLE', retryAfterMs: 500 }) as const],
      [
        1011,
        () => {
          throw new Error('fault');
        },
      ],
    ] as const) {
      bench.script({ EVENT_LIST });
      const player = playerAt(bench.port);
      await player.opened;
      player.say({ type: 'hello', accessToken: bench.token() });
      assert.is(await player.closed, code);
    }
    assert.is(bench.log.at(-1)?.message, 'a live socket failed');
  });
});

test('4408 without a hello in time; whoever said it in time may wait longer for a slow server', async () => {
  const { moved, runtime } = clocks();
  const slow = deferred<Reply>();
  await withEdge({ script, runtime, limits: QUICK }, async (bench) => {
    bench.script({ ...script, EVENT_LIST: () => slow.promise });
    const [silent, greeting] = [playerAt(bench.port), playerAt(bench.port)];
    await Promise.all([silent.opened, greeting.opened]);
    greeting.say({ type: 'hello', accessToken: bench.token() });
    await eventually(() => bench.asked.length === 1);
    moved.monotonicMs = 5_000;
    assert.is(await silent.closed, 4408);
    slow.resolve(ok('EVENT_LIST', [[], null]));
    assert.is((await greeting.next()).type, 'ready');
  });
});

test('4409: who does not read is cut off, and is told so behind what still fits', async () => {
  // More than the kernel keeps for both ends together, in outcomes of half a megabyte each.
  const faults = [{ field: 'x', rule: 'x'.repeat(500_000) }];
  await withEdge({ script: { ...script, CLAIM: () => ({ code: 'BAD_REQUEST', faults }) } }, async (bench) => {
    const player = await readyPlayer(bench);
    player.socket.pause();
    for (let i = 0; i < 60; i++) player.say({ type: 'claim', eventKey: 'welcome', requestId: `r${i}` });
    const metrics = async () => (await bench.call('/metrics', { token: null })).text;
    while (!(await metrics()).includes('claimd_edge_live_closes_total{reason="TOO_SLOW"} 1')) await nextTurn();
    player.socket.resume();
    assert.is(await player.closed, 4409);
    assert.ok(player.left().length < 60, `${player.left().length} outcomes`);
  });
});

test('4429: a user’s sockets over their number, and all sockets over theirs', async () => {
  const limits = { liveSocketsOfUserMax: 2, liveSocketsMax: 4 };
  await withEdge({ script, limits }, async (bench) => {
    const [first] = [await readyPlayer(bench), await readyPlayer(bench)];
    const third = playerAt(bench.port);
    await third.opened;
    third.say({ type: 'hello', accessToken: bench.token() });
    assert.is(await third.closed, 4429);
    const other = { payload: { sub: 'u2' } };
    await readyPlayer(bench, [], other);
    first.socket.close();
    await first.closed;
    await readyPlayer(bench);
    await readyPlayer(bench, [], other);
    const fifth = playerAt(bench.port);
    assert.is(await fifth.closed, 4429);
  });
});

test('1009 over 64 KiB, 1003 for bytes, 1008 for what is no message', async () => {
  await withEdge({ script }, async (bench) => {
    const claim = { type: 'claim', eventKey: 'welcome', requestId: 'r1' };
    const bare = JSON.stringify({ ...claim, eventKey: '' }).length;
    const fits = await readyPlayer(bench);
    fits.say({ ...claim, eventKey: 'x'.repeat(65_536 - bare) });
    assert.is((await fits.next()).status, 400);
    fits.say({ ...claim, eventKey: 'x'.repeat(65_537 - bare) });
    assert.is(await fits.closed, 1009);
    const second = { type: 'hello', accessToken: bench.token(), events: ['summer'] };
    const rows = ['{', '1', { type: 'dance' }, { type: 'hello' }, second];
    for (const row of rows) {
      const player = await readyPlayer(bench);
      player.say(row);
      assert.is(await player.closed, 1008, JSON.stringify(row));
    }
    const bytes = await readyPlayer(bench);
    bytes.socket.send(Buffer.from(JSON.stringify(claim)));
    assert.is(await bytes.closed, 1003);
    const player = playerAt(bench.port);
    await player.opened;
    player.say({ type: 'hello', accessToken: bench.token(), events: ['a/b'] });
    assert.is(await player.closed, 1008);
  });
});

test('pings every 30 s; who answers none is cut after 60', async () => {
  const { moved, runtime } = clocks();
  await withEdge({ script, runtime, limits: QUICK }, async (bench) => {
    const [lively, dead] = await Promise.all([readyPlayer(bench), readyPlayer(bench)]);
    dead.socket.pause();
    let pings = 0;
    lively.socket.on('ping', () => pings++);
    for (let i = 1; i <= 2; i++) {
      moved.monotonicMs += 30_000;
      await eventually(() => pings === i);
    }
    dead.socket.resume();
    assert.is(await dead.closed, 1006);
    assert.is(lively.socket.readyState, lively.socket.OPEN);
  });
});

test('1001 in a drain, behind the outcome of every claim that was heard; nobody new is let in', async () => {
  const decided = deferred<Reply>();
  const slow: Script = { ...script, CLAIM: () => decided.promise };
  await withEdge({ script: slow, limits: { drainMs: 60_000 } }, async (bench) => {
    const [busy, idle] = [await readyPlayer(bench), await readyPlayer(bench)];
    busy.say({ type: 'claim', eventKey: 'welcome', requestId: 'r1' });
    await eventually(() => bench.asked.some(({ op }) => op === 'CLAIM'));
    const held = playerAt(bench.port);
    await held.opened;
    const drained = bench.edge.drain();
    assert.equal([await idle.closed, await held.closed], [1001, 1001]);
    assert.is(busy.socket.readyState, busy.socket.OPEN);
    decided.resolve({ code: 'GRANTED', result: claimTupleOf() });
    assert.is((await busy.next()).status, 201);
    assert.is(await busy.closed, 1001);
    await drained;
  });
});

test('an upgrade in a drain is 503', async () => {
  const decided = deferred<Reply>();
  await withEdge({ script: { ...script, CLAIM: () => decided.promise } }, async (bench) => {
    const answer = bench.call('/v1/events/welcome/claims', { method: 'POST' });
    await eventually(() => bench.asked.length === 1);
    // A connection in the middle of its head, so that the drain leaves it open.
    const head = 'GET /v1/live HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n';
    const key = 'sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n';
    const socket = connect(bench.port, '127.0.0.1');
    await new Promise<void>((resolve) => socket.write(head, () => resolve()));
    await answerTo(bench.port, 'GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n');
    const drained = bench.edge.drain();
    let received = '';
    socket.on('data', (chunk) => {
      received += chunk;
    });
    socket.write(key);
    await new Promise((resolve) => socket.on('close', resolve));
    assert.match(received, /^HTTP\/1.1 503 /);
    decided.resolve({ code: 'GRANTED', result: claimTupleOf() });
    assert.is((await answer).status, 201);
    await drained;
  });
});
