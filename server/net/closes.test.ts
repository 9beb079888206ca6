/** Each pinned reason: what a peer does, how it ends, and that others do not notice. */
import { encodeFrame } from '../../protocol/codec.ts';
import { type ErrorName, errorName } from '../../protocol/errors.ts';
import { KIND } from '../../protocol/frame.ts';
import { LIMITS } from '../../protocol/limits.ts';
import { OPS } from '../../protocol/ops.ts';
import { assert, suite } from '../../protocol/testing/kit.ts';
import { PINNED_REASONS } from './life.ts';
import { helloFrame, type RawClient, rawClient, readyClient, request } from './testing/raw-client.ts';
import { type Bench, until, withListener } from './testing/with-listener.ts';

const test = suite('closes');

type Offence = (client: RawClient, bench: Bench) => Promise<void> | void;
type Row = [reason: ErrorName, offence: string, when: 'CONNECTED' | 'READY', act: Offence];

/** The length and header of a frame whose body never comes. */
function prefix({ length, version = 1, kind = 1, flags = 0 }: Record<string, number>): Uint8Array {
  const bytes = Buffer.from([0, 0, 0, 0, version, kind, 200, flags, 0, 0, 0, 1]);
  bytes.writeUInt32BE(length as number, 0);
  return bytes;
}
const whole = (header: Record<string, number>) =>
  Buffer.concat([prefix({ length: 9, ...header }), Buffer.from([0x90])]);
const hello = (wrong: Parameters<typeof helloFrame>[1]) => async (client: RawClient) =>
  client.send(helloFrame(await client.frame(0), wrong));

/** A byte each half second until the server has had enough. */
async function drip(client: RawClient, { runtime, listener }: Bench, bytes: Uint8Array): Promise<void> {
  for (const byte of bytes) {
    const { bytesIn } = listener.stats();
    client.send(Uint8Array.of(byte));
    await until(() => listener.stats().bytesIn > bytesIn);
    await runtime.advance(500);
    if (listener.stats().closes.size > 0) return;
  }
}

const ROWS: Row[] = [
  ['FRAME_TOO_LARGE', 'announces 4 GiB', 'READY', (client) => client.send(prefix({ length: 0xffffffff }))],
  [
    'FRAME_TOO_LARGE',
    'announces one byte too many',
    'READY',
    (client) => client.send(prefix({ length: LIMITS.frameBytesMax + 1 })),
  ],
  [
    'FRAME_TOO_LARGE',
    'announces 4 KiB and a byte before READY',
    'CONNECTED',
    (client) => client.send(prefix({ length: 4_097 })),
  ],
  [
    'FRAME_MALFORMED',
    'sends HTTP',
    'CONNECTED',
    (client) => client.send(Buffer.from([0, 0, 0, 20]), Buffer.from('GET / HTTP/1.1\r\n\r\n\r\n')),
  ],
  ['FRAME_MALFORMED', 'sends an empty frame', 'READY', (client) => client.send(prefix({ length: 8 }))],
  ['FRAME_MALFORMED', 'names another version', 'READY', (client) => client.send(whole({ version: 2 }))],
  ['FRAME_MALFORMED', 'names another kind', 'READY', (client) => client.send(whole({ kind: 4 }))],
  ['FRAME_MALFORMED', 'sets a flag', 'READY', (client) => client.send(whole({ flags: 1 }))],
  ['FRAME_MALFORMED', 'sends a notice', 'READY', (client) => client.send(whole({ kind: 3 }))],
  ['FRAME_MALFORMED', 'sends a reply to nothing', 'READY', (client) => client.send(whole({ kind: 2 }))],
  ['VERSION_UNSUPPORTED', 'says HELLO in version 2', 'CONNECTED', hello({ version: 2 })],
  ['HANDSHAKE_REFUSED', 'signs with another key', 'CONNECTED', hello({ key: Buffer.alloc(32, 8) })],
  ['HANDSHAKE_REFUSED', 'is not known', 'CONNECTED', hello({ serviceId: 'game-2' })],
  ['HANDSHAKE_EXPECTED', 'sends a short proof', 'CONNECTED', hello({ proof: new Uint8Array(31) })],
  [
    'HANDSHAKE_EXPECTED',
    'sends no MessagePack',
    'CONNECTED',
    (client) => client.send(encodeFrame(KIND.request, OPS.HELLO.op, 1, ['x']).fill(0xc1, 12)),
  ],
  ['HANDSHAKE_EXPECTED', 'asks before HELLO', 'CONNECTED', (client) => client.send(request(1))],
  ['HANDSHAKE_EXPECTED', 'pings before HELLO', 'CONNECTED', (client) => client.send(request(1, { op: OPS.PING.op }))],
  [
    'HANDSHAKE_EXPECTED',
    'asks before READY',
    'CONNECTED',
    async (client) => client.send(helloFrame(await client.frame(0)), request(2)),
  ],
  [
    'HANDSHAKE_EXPECTED',
    'begins to ask before READY',
    'CONNECTED',
    async (client) => client.send(helloFrame(await client.frame(0)), request(2).subarray(0, 3)),
  ],
  ['HANDSHAKE_TIMEOUT', 'says nothing', 'CONNECTED', (_, { runtime }) => runtime.advance(3_500)],
  [
    'HANDSHAKE_TIMEOUT',
    'drips its HELLO',
    'CONNECTED',
    async (client, bench) => drip(client, bench, helloFrame(await client.frame(0))),
  ],
  [
    'FRAME_TIMEOUT',
    'drips a frame',
    'READY',
    (client, bench) => drip(client, bench, request(1, { body: ['0123456789'] })),
  ],
  [
    'FRAME_TIMEOUT',
    'sends the half of a frame after a whole one',
    'READY',
    async (client, { runtime, taken }) => {
      client.send(request(1), request(2).subarray(0, 9));
      await until(() => taken.length === 1);
      await runtime.advance(5_500);
    },
  ],
  ['IDLE_TIMEOUT', 'does not answer pings', 'READY', (_, { runtime }) => runtime.advance(40_500)],
  [
    'TOO_MANY_IN_FLIGHT',
    'sends one request too many',
    'READY',
    (client) => client.send(...Array.from({ length: LIMITS.inFlightFramesMax + 1 }, (_, number) => request(number))),
  ],
  ['NUMBER_REUSED', 'uses a number twice', 'READY', (client) => client.send(request(5), request(5))],
  [
    'NUMBER_REUSED',
    'pings under a number in flight',
    'READY',
    (client) => client.send(request(5), request(5, { op: OPS.PING.op })),
  ],
  [
    'SHUTDOWN',
    'stays until the listener closes',
    'READY',
    async (_, { listener, runtime }) => {
      const drained = listener.drain({ graceMs: 0 });
      await runtime.advance(0);
      await drained;
    },
  ],
];

for (const [reason, offence, when, act] of ROWS) {
  test(`${reason}: a peer that ${offence}`, async () => {
    await withListener({}, async (bench) => {
      const honest = await readyClient(bench.address);
      const client = when === 'READY' ? await readyClient(bench.address) : rawClient(bench.address);
      await client.frame(0);
      await act(client, bench);
      assert.is(await client.reason(), reason);
      const isForAll = reason === 'SHUTDOWN' || reason === 'IDLE_TIMEOUT';
      assert.is(bench.closes()[reason], isForAll ? 2 : 1);
      if (!isForAll) await stillServes(honest);
    });
  });
}

async function stillServes(honest: RawClient): Promise<void> {
  const at = honest.frames.length;
  honest.send(request(77, { op: OPS.PING.op }));
  assert.is((await honest.frame(at)).number, 77);
}

test('a refused HELLO is answered before the close, and says the same for a wrong key and an unknown service', async () => {
  await withListener({}, async ({ address }) => {
    const answers = await Promise.all(
      [{ key: Buffer.alloc(32, 8) }, { serviceId: 'nobody' }].map((wrong) => rawClient(address).hello(wrong)),
    );
    assert.equal(answers[0], answers[1]);
    assert.is(errorName((answers[0] as [number])[0]), 'HANDSHAKE_REFUSED');
  });
});

test('TOO_MANY_CONNECTIONS: those above the cap are told, those below stay', async () => {
  await withListener({ connectionsMax: 2, limits: { refusalsMax: 5 } }, async ({ address, listener, closes }) => {
    const served = [await readyClient(address), await readyClient(address)];
    const refused = rawClient(address);
    assert.is(await refused.reason(), 'TOO_MANY_CONNECTIONS');
    assert.is(refused.frames[0]?.op, OPS.WELCOME.op);
    for (const client of served) await stillServes(client);
    served[0]?.socket.destroy();
    await until(() => listener.connectionCount() === 1);
    await stillServes(await readyClient(address));
    assert.is(closes().TOO_MANY_CONNECTIONS, 1);
  });
});

test('TOO_MANY_CONNECTIONS: of those that prove nothing the oldest makes room', async () => {
  await withListener({ limits: { unreadyMax: 3 } }, async ({ address, listener }) => {
    const served = await readyClient(address);
    const silent = [];
    for (let i = 0; i < 4; i++) {
      silent.push(rawClient(address));
      await silent[i]?.frame(0);
    }
    assert.is(await silent[0]?.reason(), 'TOO_MANY_CONNECTIONS');
    assert.is(listener.stats().connectionsUnready, 3);
    await stillServes(await readyClient(address));
    await stillServes(served);
  });
});

test('every pinned reason has a test here or in slow-reader.test.ts', () => {
  const tested = new Set<string>(ROWS.map(([reason]) => reason)).add('TOO_MANY_CONNECTIONS').add('SLOW_READER');
  assert.equal(
    [...PINNED_REASONS].filter((reason) => !tested.has(reason)),
    [],
  );
});
