/** Many silent peers, random bytes, resets: nothing crashes, nothing grows, others are served. */
import { connect, type Socket } from 'node:net';
import { OPS } from '../../protocol/ops.ts';
import { assert, suite } from '../../protocol/testing/kit.ts';
import { chanceOf } from '../../protocol/testing/random.ts';
import { helloFrame, rawClient, readyClient, request } from './testing/raw-client.ts';
import { answer, until, withListener } from './testing/with-listener.ts';

const test = suite('hostile peers');
const SEED = 20_261_122;

test('500 silent connections cost little and end after the handshake deadline', async () => {
  await withListener({}, async ({ address, listener, runtime, closes }) => {
    const honest = await readyClient(address);
    const before = process.memoryUsage().rss;
    const sockets: Socket[] = [];
    for (let i = 0; i < 500; i++) sockets.push(connect(address).on('error', () => {}));
    await until(() => listener.connectionCount() === 501);
    // Both ends are in this process.
    const grownMiB = (process.memoryUsage().rss - before) / 1_048_576;
    assert.ok(grownMiB < 50, `${grownMiB} MiB`);
    honest.send(request(1, { op: OPS.PING.op }));
    await honest.frame(2);
    await runtime.advance(3_500);
    assert.is(closes().HANDSHAKE_TIMEOUT, 500);
    for (const socket of sockets) socket.resume();
    await until(() => listener.connectionCount() === 1);
    for (const socket of sockets) socket.destroy();
  });
});

test(`random bytes before and after READY end with a reason (seed ${SEED})`, async () => {
  const chance = chanceOf(SEED);
  await withListener({}, async ({ address, listener, runtime, closes }) => {
    const honest = await readyClient(address);
    const peers = 100;
    for (let i = 0; i < peers; i++) {
      const client = i % 2 === 0 ? rawClient(address) : await readyClient(address);
      await client.frame(0);
      client.send(chance.bytes(1 + chance.integer(20_000)));
      if (chance.integer(4) === 0) client.socket.resetAndDestroy();
    }
    // Bytes that happen to promise a long frame wait for it in vain.
    await runtime.advance(5_500);
    await until(() => listener.connectionCount() === 1);
    const ended = Object.values(closes()).reduce((sum, count) => sum + count, 0);
    assert.is(ended, peers);
    honest.send(request(1, { op: OPS.PING.op }));
    await honest.frame(2);
  });
});

test(`whole frames with random headers and bodies reach the handler or end the connection (seed ${SEED})`, async () => {
  const chance = chanceOf(SEED);
  await withListener({}, async ({ address, listener, taken }) => {
    for (let i = 0; i < 50; i++) {
      const client = await readyClient(address);
      for (let n = 0; n < 20; n++) {
        const frame = request(n, { op: 6 + chance.integer(250) });
        frame.set(chance.bytes(frame.length - 12), 12);
        if (chance.integer(20) === 0) frame[4 + chance.integer(4)] = chance.integer(256);
        client.send(frame);
      }
      client.socket.end();
      await client.closed;
    }
    await until(() => listener.connectionCount() === 0);
    assert.ok(taken.length > 300, `${taken.length}`);
    for (const each of taken) answer(each);
  });
});

test('peers that reset in the middle of everything are forgotten', async () => {
  await withListener({}, async ({ address, listener, taken }) => {
    for (let i = 0; i < 30; i++) {
      const client = rawClient(address);
      const welcome = await client.frame(0);
      if (i % 3 > 0) client.send(helloFrame(welcome));
      if (i % 3 > 1) client.send(request(1), request(2).subarray(0, 5));
      client.socket.resetAndDestroy();
    }
    await until(() => listener.connectionCount() === 0);
    for (const each of taken) answer(each);
    assert.is(listener.stats().connectionsUnready, 0);
  });
});
