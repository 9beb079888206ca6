/** Bytes from an accepted socket: into one buffer for all where Node allows it, and with nothing lost around it. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { assert, suite } from '../../protocol/testing/kit.ts';
import { intakeOf } from './intake.ts';
import { until } from './testing/with-listener.ts';

const test = suite('intake');

type Accepted = { socket: Socket; chunks: Uint8Array[]; text: () => string };
type Bench = { server: Server; accepted: Accepted[]; dial: () => Promise<Socket> };

async function withServer(prepare: (socket: Socket) => void, use: (bench: Bench) => Promise<void>): Promise<void> {
  const accepted: Accepted[] = [];
  const server = createServer({ pauseOnConnect: true }, (raw) => {
    prepare(raw);
    const chunks: Uint8Array[] = [];
    let text = '';
    const socket = intakeOf(raw, (chunk) => {
      chunks.push(chunk);
      text += Buffer.from(chunk).toString('latin1');
    });
    socket.on('error', () => {});
    accepted.push({ socket, chunks, text: () => text });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const dialled: Socket[] = [];
  const dial = async () => {
    const before = accepted.length;
    const socket = connect(port, '127.0.0.1').on('error', () => {});
    dialled.push(socket);
    await until(() => accepted.length > before);
    return socket;
  };
  try {
    await use({ server, accepted, dial });
  } finally {
    for (const { socket } of accepted) socket.destroy();
    for (const socket of dialled) socket.destroy();
    server.close();
  }
}

test('plain sockets share the memory they are read into', () =>
  withServer(
    () => {},
    async ({ accepted, dial }) => {
      for (const word of ['one', 'two']) (await dial()).write(word);
      await until(() => accepted.every(({ text }) => text().length === 3));
      assert.equal(
        accepted.map(({ text }) => text()),
        ['one', 'two'],
      );
      const [first, second] = accepted.map(({ chunks }) => chunks[0]?.buffer);
      assert.is(first, second);
    },
  ));

test('where Node cannot do that, a socket comes by chunks of its own', () =>
  withServer(
    (raw) => {
      const { _handle } = raw as unknown as { _handle: object };
      Object.defineProperty(_handle, 'useUserBuffer', { value: undefined });
    },
    async ({ accepted, dial }) => {
      (await dial()).write('one');
      await until(() => accepted[0]?.text() === 'one');
    },
  ));

test('every byte of a long stream comes, in order, also around a pause', () =>
  withServer(
    () => {},
    async ({ accepted, dial }) => {
      const sent = Buffer.from(Array.from({ length: 3_000_000 }, (_, i) => (i * 31 + (i >> 8)) & 0xff));
      const client = await dial();
      const [{ socket, text }] = accepted as [Accepted];
      client.end(sent);
      await until(() => text().length > 100_000);
      socket.pause();
      const heard = text().length;
      await new Promise((resolve) => setImmediate(resolve));
      assert.is(text().length, heard);
      socket.resume();
      await once(socket, 'end');
      assert.ok(Buffer.from(text(), 'latin1').equals(sent));
    },
  ));

test('the server counts its sockets and is closed when the last is gone', () =>
  withServer(
    () => {},
    async ({ server, accepted, dial }) => {
      const client = await dial();
      const count = () =>
        new Promise<number>((resolve, reject) =>
          server.getConnections((error, sockets) => (error === null ? resolve(sockets) : reject(error))),
        );
      assert.is(await count(), 1);
      assert.is(accepted[0]?.socket.remotePort, (client.address() as AddressInfo).port);
      let isClosed = false;
      const closed = once(server.close(), 'close').then(() => {
        isClosed = true;
      });
      client.write('still');
      await until(() => accepted[0]?.text() === 'still');
      assert.is(isClosed, false);
      client.destroy();
      await closed;
      assert.is(await count(), 0);
    },
  ));
