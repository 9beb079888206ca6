import { encodeFrame } from '../protocol/codec.ts';
import { KIND } from '../protocol/frame.ts';
import { LIMITS } from '../protocol/limits.ts';
import { assert, rejection, suite } from '../protocol/testing/kit.ts';
import { Client, connect } from './client.ts';
import type { ClientOptions } from './options.ts';
import { ConnectFailed } from './pool.ts';
import { type Behaviour, FakeServer, SERVICE_ID, SERVICE_KEY } from './testing/fake-server.ts';
import { eventually, ManualRuntime, promptly } from './testing/manual-runtime.ts';

const test = suite('handshake');

async function withServer(
  behaviour: Behaviour,
  run: (server: FakeServer, options: ClientOptions & { runtime: ManualRuntime }) => Promise<void>,
): Promise<void> {
  const server = await FakeServer.start(behaviour);
  const runtime = new ManualRuntime();
  try {
    await run(server, { servers: server.address, serviceId: SERVICE_ID, serviceKey: SERVICE_KEY, runtime });
  } finally {
    await server.stop();
  }
}

test('both proofs right: the client is ready', () =>
  withServer({}, async (_server, options) => {
    const client = await connect({ ...options, serviceKey: SERVICE_KEY.toString('base64') });
    assert.ok(client.isReady);
    assert.is(client.status().ready, 1);
    client.close();
    assert.not(client.isReady);
  }));

const LASTING: [string, Behaviour, Partial<ClientOptions>, string][] = [
  ['a server without the key', { key: Buffer.alloc(32, 8) }, {}, 'SERVER_UNPROVEN'],
  ['a client with a wrong key', {}, { serviceKey: Buffer.alloc(32, 8) }, 'HANDSHAKE_REFUSED'],
  ['a server of later versions only', { versions: [2, 3] }, {}, 'VERSION_UNSUPPORTED'],
];
for (const [name, behaviour, changed, reason] of LASTING) {
  test(`${name}: connect fails at once with ${reason}`, () =>
    withServer(behaviour, async (server, options) => {
      const error = await rejection(connect({ ...options, ...changed }));
      assert.instance(error, ConnectFailed);
      assert.is((error as ConnectFailed).servers[0]?.closing?.reason, reason);
      assert.match(error.message, server.address);
      assert.is(server.requests.length, 0);
    }));
}

const MALFORMED: [string, Behaviour][] = [
  ['a reply before WELCOME', { greet: (peer) => peer.write(encodeFrame(KIND.reply, 2, 1, [0, null, null])) }],
  ['a WELCOME that is not one', { greet: (peer) => peer.notice('WELCOME', [1, 1, 'c', 'n', 'nonce', 4096]) }],
  ['a READY that is not one', { hello: (hello) => hello.reply([0, [1, 2, 3], null]) }],
  ['a frame over 4 KiB before READY', { greet: (peer) => peer.write(Buffer.from([0, 0, 0x20, 0])) }],
  ['an HTTP server', { greet: (peer) => peer.socket.end('HTTP/1.1 400 Bad Request\r\n\r\n') }],
];
for (const [name, behaviour] of MALFORMED) {
  test(`${name} ends the connection`, () =>
    withServer(behaviour, async (_server, options) => {
      const client = new Client(options);
      await eventually(() => client.status().servers[0]?.lastClosing?.reason === 'SERVER_MALFORMED');
      client.close();
    }));
}

test('connect waits for a server that starts late, and says why when none does', () =>
  withServer({}, async (server, options) => {
    const { port } = server;
    await server.stop();
    const { runtime } = options;
    const late = connect({ ...options, connectMs: 2_000 });
    await eventually(() => runtime.pending[0] === 0);
    const failed = connect({ ...options, connectMs: 100 });
    await eventually(() => runtime.pending[1] === 0);
    const rejected = rejection(failed);
    runtime.advance(100);
    assert.match(
      (await rejected).message,
      /no claim server is ready after 100 ms: .*CONNECT_FAILED \(connect ECONNREFUSED/,
    );
    const again = await FakeServer.start({ port });
    await promptly(runtime, () => again.peers.length === 1);
    (await late).close();
    await again.stop();
  }));

test('a server that says nothing is left after the handshake time', () =>
  withServer({ greet: () => {} }, async (server, options) => {
    const client = new Client(options);
    await eventually(() => server.peers.length === 1);
    options.runtime.advance(LIMITS.handshakeMs);
    assert.is(client.status().servers[0]?.lastClosing?.reason, 'HANDSHAKE_TIMEOUT');
    client.close();
  }));

const REFUSED: [Partial<ClientOptions>, RegExp][] = [
  [{ servers: 'localhost' }, /servers: "localhost" is not host:port/],
  [{ servers: [] }, /servers: at least one/],
  [{ servers: '127.0.0.1:70000' }, /not host:port/],
  [{ serviceKey: 'c2hvcnQ=' }, /serviceKey: at least 32 bytes/],
  [{ serviceKey: 'not base64!' }, /serviceKey: base64/],
  [{ serviceId: '' }, /serviceId: 1…128/],
  [{ connections: 0 }, /connections: integer 1…64/],
  [{ deadlineMs: 30_001 }, /deadlineMs: integer 1…30000/],
  [{ tls: { cert: 'no PEM' } }, /tls: /],
];
for (const [changed, message] of REFUSED) {
  test(`option refused: ${Object.keys(changed)[0]} ${message.source}`, async () => {
    const options = { servers: '127.0.0.1:1', serviceId: 's', serviceKey: SERVICE_KEY, ...changed };
    assert.match((await rejection(connect(options))).message, message);
  });
}
