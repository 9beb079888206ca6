import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { assert, suite } from '../../protocol/testing/kit.ts';
import { chanceOf } from '../../protocol/testing/random.ts';
import { CutPoint, FrameWalk } from './cut-point.ts';
import { NO_FAULTS } from './pipe.ts';
import { type FaultProxy, openProxy, type ProxyOptions } from './proxy.ts';

const test = suite('fault proxy');

type Peer = { received: () => Buffer; until(bytes: number): Promise<void>; ended: Promise<void> };
type World = { proxy: FaultProxy; client: Socket; fromServer: Peer; server: Socket; fromClient: Peer };

function peerOf(socket: Socket): Peer {
  let received = Buffer.alloc(0);
  let tell = () => {};
  socket.on('error', () => {});
  socket.on('data', (chunk) => {
    received = Buffer.concat([received, chunk]);
    tell();
  });
  const ended = new Promise<void>((resolve) => {
    for (const event of ['end', 'close'] as const) socket.once(event, () => resolve());
  });
  const until = (bytes: number) =>
    new Promise<void>((resolve) => {
      tell = () => received.length >= bytes && resolve();
      tell();
    });
  return { received: () => received, until, ended };
}

/** Resets are what these tests are about. */
function dial({ port }: FaultProxy): Socket {
  return connect({ host: '127.0.0.1', port }).on('error', () => {});
}

/** One connection through a proxy, both ends of it in hand. */
async function withConnection(faults: Omit<ProxyOptions, 'target'>, use: (world: World) => Promise<void>) {
  const listener = createServer({ allowHalfOpen: true }, (socket) => socket.on('error', () => {}));
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const { port } = listener.address() as AddressInfo;
  const proxy = await openProxy({ ...faults, target: { host: '127.0.0.1', port } });
  const client = connect({ host: '127.0.0.1', port: proxy.port, allowHalfOpen: true });
  const [server] = (await once(listener, 'connection')) as [Socket];
  try {
    await use({ proxy, client, fromServer: peerOf(client), server, fromClient: peerOf(server) });
  } finally {
    client.destroy();
    server.destroy();
    await proxy.close();
    listener.close();
  }
}

function frames(...bodies: number[]): Buffer {
  const parts = bodies.map((length) => {
    const frame = Buffer.alloc(4 + length, length);
    frame.writeUInt32BE(length);
    return frame;
  });
  return Buffer.concat(parts);
}

/** Long enough for anything on loopback that is going to arrive: the same way without faults, twenty times. */
async function afterAWhile(): Promise<void> {
  await withConnection({}, async ({ client, fromServer, server, fromClient }) => {
    for (let turn = 1; turn <= 20; turn++) {
      client.write('.');
      await fromClient.until(turn);
      server.write('.');
      await fromServer.until(turn);
    }
  });
}

test('bytes arrive unchanged and in order, slow and late', async () => {
  const chance = chanceOf(20261122);
  const sent = Buffer.from(chance.bytes(30_000));
  await withConnection({ toServer: { delayMs: 3, bytesPerS: 200_000 } }, async ({ client, fromClient }) => {
    const startedMs = performance.now();
    for (let at = 0; at < sent.length; ) {
      const length = 1 + chance.integer(4_000);
      client.write(sent.subarray(at, at + length));
      at += length;
    }
    client.end();
    await fromClient.ended;
    assert.ok(fromClient.received().equals(sent), `seed ${chance.seed}`);
    const elapsedMs = performance.now() - startedMs;
    assert.ok(elapsedMs >= 120, `30,000 bytes at 200,000 a second took only ${elapsedMs} ms`);
  });
});

test('a delay holds for both directions', async () => {
  const slow = { delayMs: 40 };
  await withConnection({ toServer: slow, toClient: slow }, async ({ client, fromServer, server, fromClient }) => {
    const startedMs = performance.now();
    client.write('ping');
    await fromClient.until(4);
    server.write('pong');
    await fromServer.until(4);
    assert.ok(performance.now() - startedMs >= 78);
  });
});

test('cut after N bytes: exactly these arrive, then both sides end', async () => {
  await withConnection({}, async ({ proxy, client, fromServer, fromClient }) => {
    const cut = proxy.cutAfter('toServer', { bytes: 7 });
    client.write('0123456789');
    await Promise.all([cut, fromClient.ended, fromServer.ended]);
    assert.is(fromClient.received().toString(), '0123456');
    assert.is(proxy.connections, 0);
  });
});

test('cut inside a frame, whatever chunks it comes in', async () => {
  const bytes = frames(5, 9, 300, 20);
  for (const chunkBytes of [1, 3, 4, 6, 50, bytes.length]) {
    await withConnection({}, async ({ proxy, client, server, fromServer }) => {
      client.write('x');
      await once(server, 'data');
      const cut = proxy.cutAfter('toClient', { frames: 2, bytes: 6 });
      server.setNoDelay(true);
      for (let at = 0; at < bytes.length; at += chunkBytes) server.write(bytes.subarray(at, at + chunkBytes));
      await Promise.all([cut, fromServer.ended]);
      assert.ok(fromServer.received().equals(bytes.subarray(0, 9 + 13 + 6)), `chunks of ${chunkBytes}`);
    });
  }
});

test('a cut is for one connection only', async () => {
  await withConnection({}, async ({ proxy, client, fromClient }) => {
    const cut = proxy.cutAfter('toServer', { bytes: 1 });
    client.write('ab');
    await Promise.all([cut, fromClient.ended]);
    const second = dial(proxy);
    second.write('abc');
    await once(second, 'connect');
    await afterAWhile();
    assert.is(proxy.connections, 1);
    second.destroy();
  });
});

test('frames are counted from the end of the one under way', () => {
  const bytes = frames(10, 10, 10);
  const walk = new FrameWalk();
  walk.step(bytes.subarray(0, 6), 0);
  const point = new CutPoint({ frames: 2, bytes: 3 });
  assert.equal(point.passing(bytes.subarray(6, 20), walk), { bytes: 14, isDue: false });
  assert.equal(point.passing(bytes.subarray(20), walk), { bytes: 8 + 3, isDue: true });
});

test('dropped replies: the server works, the client waits, nobody is told', async () => {
  await withConnection({}, async ({ proxy, client, fromServer, server, fromClient }) => {
    proxy.dropReplies();
    client.write('claim');
    await fromClient.until(5);
    server.end('granted');
    await afterAWhile();
    assert.is(fromServer.received().length, 0);
    assert.is(client.readableEnded, false);
    proxy.cut();
    await fromServer.ended;
  });
});

test('a frozen connection says nothing and comes back whole', async () => {
  await withConnection({}, async ({ proxy, client, fromClient }) => {
    proxy.freeze();
    client.end('after the thaw');
    await afterAWhile();
    assert.is(fromClient.received().length, 0);
    proxy.set('toServer', NO_FAULTS);
    await fromClient.ended;
    assert.is(fromClient.received().toString(), 'after the thaw');
  });
});

test('while it refuses, new connections end and old ones go on', async () => {
  await withConnection({}, async ({ proxy, client, fromClient }) => {
    proxy.refuse();
    const refused = dial(proxy);
    await peerOf(refused).ended;
    client.write('still here');
    await fromClient.until(10);
    proxy.accept();
    const taken = dial(proxy);
    await once(taken, 'connect');
    taken.destroy();
  });
});
