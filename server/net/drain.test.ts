/** The orderly end: GOAWAY, what was accepted is answered, what comes later gets DRAINING. */
import { decodeBody } from '../../protocol/codec.ts';
import { ERRORS } from '../../protocol/errors.ts';
import { type Frame, KIND } from '../../protocol/frame.ts';
import { OPS } from '../../protocol/ops.ts';
import { assert, rejection, suite } from '../../protocol/testing/kit.ts';
import { createListener } from './listener.ts';
import { rawClient, readyClient, request } from './testing/raw-client.ts';
import { answer, listenerOptions, until, withListener } from './testing/with-listener.ts';

const test = suite('drain');
const bodyOf = (frame: Frame) => decodeBody(frame.body) as unknown[];

test('what was accepted is answered, what comes later is refused, then SHUTDOWN', async () => {
  await withListener({}, async ({ address, listener, runtime, taken, closes }) => {
    const client = await readyClient(address);
    client.send(request(1));
    await until(() => taken.length === 1);
    const drained = listener.drain({ graceMs: 60_000 });
    const goAway = await client.frame(2);
    assert.equal([goAway.kind, goAway.op, bodyOf(goAway)], [KIND.notice, OPS.GOAWAY.op, [ERRORS.SHUTDOWN.code]]);

    client.send(request(2), request(3, { op: OPS.PING.op }));
    assert.equal(bodyOf(await client.frame(3)).slice(0, 2), [ERRORS.DRAINING.code, 500]);
    assert.is(bodyOf(await client.frame(4))[0], ERRORS.OK.code);
    assert.is(taken.length, 1);

    await runtime.advance(10_000);
    assert.is(listener.connectionCount(), 1);
    answer(taken[0] as (typeof taken)[number]);
    await runtime.advance(500);
    assert.is(await client.reason(), 'SHUTDOWN');
    assert.is(client.frames.at(-2)?.number, 1);
    await drained;
    assert.equal(closes(), { SHUTDOWN: 1 });
  });
});

test('nobody new is accepted, and who has proved nothing goes first', async () => {
  await withListener({}, async ({ address, listener, runtime, taken }) => {
    const client = await readyClient(address);
    const silent = rawClient(address);
    await silent.frame(0);
    client.send(request(1));
    await until(() => taken.length === 1);
    const drained = listener.drain({ graceMs: 60_000 });
    assert.is(await silent.reason(), 'SHUTDOWN');
    const late = rawClient(address);
    await late.closed;
    assert.is(late.frames.length, 0);
    answer(taken[0] as (typeof taken)[number]);
    await runtime.advance(500);
    await drained;
  });
});

test('a request that is never answered holds the drain no longer than its grace', async () => {
  await withListener({}, async ({ address, listener, runtime, taken }) => {
    const client = await readyClient(address);
    client.send(request(1));
    await until(() => taken.length === 1);
    const drained = listener.drain({ graceMs: 2_000 });
    await runtime.advance(1_900);
    assert.is(listener.connectionCount(), 1);
    await runtime.advance(200);
    assert.is(await client.reason(), 'SHUTDOWN');
    await drained;
    assert.not(taken[0]?.peer.isOpen);
  });
});

test('a peer that never closes its side holds the drain no longer than the linger', async () => {
  await withListener({}, async ({ address, listener, runtime }) => {
    const client = await readyClient(address);
    client.socket.pause();
    const drained = listener.drain({ graceMs: 0 });
    await runtime.advance(500);
    assert.is(listener.connectionCount(), 1);
    await runtime.advance(1_500);
    await drained;
    client.socket.destroy();
  });
});

test('without connections a drain is done at once, and a second one with it', async () => {
  await withListener({}, async ({ listener }) => {
    await Promise.all([listener.drain({ graceMs: 60_000 }), listener.drain({ graceMs: 60_000 })]);
    await listener.close();
  });
});

test('close ends everything now and says why', async () => {
  await withListener({}, async ({ address, listener }) => {
    const [ready, silent] = [await readyClient(address), rawClient(address)];
    await silent.frame(0);
    await listener.close();
    assert.is(await ready.reason(), 'SHUTDOWN');
    assert.is(await silent.reason(), 'SHUTDOWN');
    assert.is(listener.connectionCount(), 0);
  });
});

test('a port that is taken is refused', async () => {
  await withListener({}, async ({ address, runtime }) => {
    const second = createListener(listenerOptions({ runtime, handler: { request() {} } }));
    assert.match((await rejection(second.listen(address))).message, /EADDRINUSE/);
  });
});
