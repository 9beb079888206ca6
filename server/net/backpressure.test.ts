/** Peers that do not read, and a server that is full. */
import type { Frame } from '../../protocol/frame.ts';
import { LIMITS } from '../../protocol/limits.ts';
import { OPS } from '../../protocol/ops.ts';
import { assert, suite } from '../../protocol/testing/kit.ts';
import type { Peer } from './peer.ts';
import { type RawClient, readyClient, request } from './testing/raw-client.ts';
import { answer, type Bench, type Taken, until, withListener } from './testing/with-listener.ts';

const test = suite('backpressure');
const MIB = 1_048_576;
const big = new Uint8Array(MIB - 1_024);

/** Replies of a MiB each to a peer that does not read, until the server's own buffer holds `unsentBytes`. */
async function fill(client: RawClient, { taken, listener }: Bench, { unsentBytes }: { unsentBytes: number }) {
  client.socket.pause();
  const kernelBytesMax = 16 * MIB;
  const count = Math.ceil((unsentBytes + kernelBytesMax) / big.length);
  client.send(...Array.from({ length: count }, (_, number) => request(number)));
  await until(() => taken.length === count || listener.stats().closes.size > 0);
}

test('SLOW_READER: too much is left unsent', async () => {
  await withListener({}, async (bench) => {
    const client = await readyClient(bench.address);
    await fill(client, bench, { unsentBytes: 9 * MIB });
    for (const each of bench.taken) {
      answer(each, big);
      await bench.runtime.settle();
    }
    assert.is(bench.closes().SLOW_READER, 1);
    assert.not(bench.taken[0]?.peer.isOpen);
    await bench.runtime.advance(1_500);
    await until(() => bench.listener.connectionCount() === 0);
  });
});

test('SLOW_READER: paused for ten seconds; the peer learns why if it reads after all', async () => {
  await withListener({ limits: { unsentBytesMax: 100 * MIB } }, async (bench) => {
    const client = await readyClient(bench.address);
    await fill(client, bench, { unsentBytes: 2 * MIB });
    for (const each of bench.taken) answer(each, big);
    await bench.runtime.advance(9_500);
    assert.is(bench.closes().SLOW_READER, undefined);
    await bench.runtime.advance(1_000);
    assert.is(bench.closes().SLOW_READER, 1);
    client.socket.resume();
    assert.is(await client.reason(), 'SLOW_READER');
  });
});

test('a peer with too much unsent is not read, and read again when it reads', async () => {
  await withListener({ limits: { unsentBytesMax: 100 * MIB } }, async (bench) => {
    const client = await readyClient(bench.address);
    await fill(client, bench, { unsentBytes: 2 * MIB });
    const count = bench.taken.length;
    for (const each of bench.taken) answer(each, big);
    await bench.runtime.settle();
    const { bytesIn } = bench.listener.stats();
    client.send(request(5_000), request(5_001));
    await bench.runtime.advance(2_000);
    assert.is(bench.listener.stats().bytesIn, bytesIn);
    client.socket.resume();
    await until(() => bench.taken.length === count + 2);
    assert.is(bench.listener.stats().closes.size, 0);
  });
});

test('a burst of replies in one turn, larger than what may be left over, reaches a peer that reads', async () => {
  await withListener({}, async ({ address, taken, listener }) => {
    const client = await readyClient(address);
    client.send(...Array.from({ length: 24 }, (_, number) => request(number)));
    await until(() => taken.length === 24);
    for (const each of taken) answer(each, big);
    await client.frame(25);
    assert.is(listener.stats().closes.size, 0);
  });
});

/** A handler that is full from each request until the test says otherwise. */
function fullHandler() {
  const handler = {
    isAtLimit: false,
    taken: [] as Bench['taken'],
    isFull: () => handler.isAtLimit,
    request(peer: Peer, frame: Frame) {
      handler.taken.push({ peer, frame });
      handler.isAtLimit = true;
    },
  };
  return handler;
}

test('while everything is full nobody is read; a reply makes room for all', async () => {
  const handler = fullHandler();
  await withListener({ handler }, async ({ address, listener, runtime }) => {
    const [one, other, quiet] = [await readyClient(address), await readyClient(address), await readyClient(address)];
    for (const [index, client] of [one, other, quiet].entries()) {
      client.send(request(1));
      await until(() => handler.taken.length === index + 1);
    }
    const { bytesIn } = listener.stats();
    one.send(request(2));
    other.send(request(2, { op: OPS.PING.op }));
    // Longer than any peer may be silent: the silence is the server's own.
    await runtime.advance(LIMITS.idleMs + 5_000);
    assert.is(listener.stats().bytesIn, bytesIn);
    handler.isAtLimit = false;
    answer(handler.taken[0] as Taken);
    await until(() => handler.taken.length === 4);
    assert.is((await other.frame(2)).op, OPS.PING.op);
    await runtime.advance(500);
    assert.is(listener.connectionCount(), 3);
  });
});

test('room that came without a reply is found by the sweep', async () => {
  const handler = fullHandler();
  await withListener({ handler }, async ({ address, runtime }) => {
    const client = await readyClient(address);
    client.send(request(1));
    await until(() => handler.taken.length === 1);
    client.send(request(2));
    await runtime.advance(1_000);
    assert.is(handler.taken.length, 1);
    handler.isAtLimit = false;
    await runtime.advance(250);
    await until(() => handler.taken.length === 2);
  });
});

test('a connection that is not read can be closed in order, over bytes that nobody reads', async () => {
  const handler = fullHandler();
  await withListener({ handler }, async ({ address, listener, runtime }) => {
    const client = await readyClient(address);
    client.send(request(1));
    await until(() => handler.taken.length === 1);
    client.send(...Array.from({ length: 1_000 }, (_, number) => request(2 + number, { body: ['x'.repeat(500)] })));
    const drained = listener.drain({ graceMs: 0 });
    await runtime.advance(0);
    assert.is(await client.reason(), 'SHUTDOWN');
    await drained;
  });
});
