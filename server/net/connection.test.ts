/** What an honest peer sees: handshake, pipelining, pings, one write a turn. */
import { createHmac } from 'node:crypto';
import { decodeBody, encodeFrame } from '../../protocol/codec.ts';
import { ERRORS } from '../../protocol/errors.ts';
import { type Frame, KIND } from '../../protocol/frame.ts';
import { proofBytes } from '../../protocol/handshake.ts';
import { LIMITS } from '../../protocol/limits.ts';
import { OPS } from '../../protocol/ops.ts';
import { decodeReady, readyTuple } from '../../protocol/ready.ts';
import { read } from '../../protocol/reply.ts';
import { faultsOf } from '../../protocol/shape.ts';
import { assert, suite } from '../../protocol/testing/kit.ts';
import { CLIENT_NONCE, rawClient, readyClient, request, SERVICE_ID, SERVICE_KEY } from './testing/raw-client.ts';
import { answer, until, withListener } from './testing/with-listener.ts';

const test = suite('connection');
const bodyOf = (frame: Frame) => decodeBody(frame.body) as unknown[];

test('WELCOME comes at once, with another nonce each time', async () => {
  await withListener({}, async ({ address }) => {
    const welcomes = [await rawClient(address).frame(0), await rawClient(address).frame(0)];
    const nonces = welcomes.map((frame) => {
      const body = bodyOf(frame);
      assert.is(frame.kind, KIND.notice);
      assert.is(frame.op, OPS.WELCOME.op);
      assert.equal(faultsOf(OPS.WELCOME.args, body), []);
      assert.equal(body.slice(0, 4), [1, 1, 'cluster-1', 'node-1']);
      assert.is(body[5], 4_096);
      return Buffer.from(body[4] as Uint8Array).toString('hex');
    });
    assert.is.not(nonces[0], nonces[1]);
  });
});

test('HELLO is answered with READY and the proof of the server', async () => {
  await withListener({ timeMs: () => 1_795_323_600_123 }, async ({ address, listener }) => {
    const client = rawClient(address);
    const [code, result, detail] = (await client.hello({ number: 9 })) as [number, unknown, unknown];
    assert.is(code, ERRORS.OK.code);
    assert.is(detail, null);
    assert.is(client.frames[1]?.number, 9);
    const ready = decodeReady(read(readyTuple, result));
    const serverNonce = bodyOf(client.frames[0] as Frame)[4] as Uint8Array;
    const signed = proofBytes({ side: 'server', serverNonce, clientNonce: CLIENT_NONCE, serviceId: SERVICE_ID });
    const proof = createHmac('sha256', SERVICE_KEY).update(signed).digest();
    assert.equal(Buffer.from(ready.serverProof), proof);
    assert.is(ready.frameBytesMax, LIMITS.frameBytesMax);
    assert.is(ready.inFlightFramesMax, LIMITS.inFlightFramesMax);
    assert.is(ready.serverTimeMs, 1_795_323_600_123);
    assert.equal(ready.roles, ['game']);
    assert.is(listener.stats().connectionsUnready, 0);
  });
});

test('what the handler keeps of a request stays as it came, whatever is read after it', async () => {
  await withListener({}, async ({ address, taken }) => {
    const [first, second] = [await readyClient(address), await readyClient(address)];
    for (const [client, word] of [
      [first, 'one'],
      [second, 'two'],
      [first, 'six'],
    ] as const) {
      const before = taken.length;
      client.send(request(before, { body: [word, Buffer.from(word)] }));
      await until(() => taken.length > before);
    }
    assert.equal(
      taken.map(({ frame }) => decodeBody(frame.body)),
      ['one', 'two', 'six'].map((word) => [word, Buffer.from(word)]),
    );
  });
});

test('the handler gets requests in order with who asked; replies go out in any order', async () => {
  await withListener({}, async ({ address, taken }) => {
    const client = await readyClient(address);
    client.send(...[5, 0, 0xffffffff].map((number) => request(number, { body: [`n${number}`] })));
    await until(() => taken.length === 3);
    assert.equal(
      taken.map(({ frame }) => [frame.number, bodyOf(frame)]),
      [
        [5, ['n5']],
        [0, ['n0']],
        [0xffffffff, ['n4294967295']],
      ],
    );
    assert.is(taken[0]?.peer.service.serviceId, SERVICE_ID);
    assert.ok(taken[0]?.peer.isOpen);
    for (const request of taken.reverse()) answer(request);
    await client.frame(4);
    assert.equal(
      client.frames.slice(2).map(({ number }) => number),
      [0xffffffff, 0, 5],
    );
  });
});

test('a number may be used again once it is answered, and not twice answered', async () => {
  await withListener({}, async ({ address, taken }) => {
    const client = await readyClient(address);
    for (let round = 0; round < 2; round++) {
      client.send(request(7));
      await until(() => taken.length === round + 1);
      const latest = taken[round] as (typeof taken)[number];
      answer(latest);
      assert.throws(() => answer(latest), /not in flight/);
      assert.is((await client.frame(2 + round)).number, 7);
    }
  });
});

test('as many requests as agreed are in flight at once', async () => {
  await withListener({}, async ({ address, taken }) => {
    const client = await readyClient(address);
    client.send(...Array.from({ length: LIMITS.inFlightFramesMax }, (_, number) => request(number)));
    await until(() => taken.length === LIMITS.inFlightFramesMax);
    for (const request of taken) answer(request);
    await client.frame(1 + LIMITS.inFlightFramesMax);
  });
});

test('the replies of one turn leave in one write', async () => {
  await withListener({}, async ({ address, taken }) => {
    const client = await readyClient(address);
    client.send(...Array.from({ length: 500 }, (_, number) => request(number)));
    await until(() => taken.length === 500);
    client.chunks.length = 0;
    for (const request of taken) answer(request);
    await client.frame(501);
    assert.equal(client.chunks, [500 * 20]);
  });
});

test('a frame split at every byte arrives', async () => {
  await withListener({}, async ({ address, taken }) => {
    const client = await readyClient(address);
    for (const byte of request(3, { body: ['drip'] })) {
      client.send(Uint8Array.of(byte));
      await new Promise((resolve) => setImmediate(resolve));
    }
    await until(() => taken.length === 1);
    assert.equal(bodyOf(taken[0]?.frame as Frame), ['drip']);
  });
});

test('a frame of the agreed size arrives after READY', async () => {
  await withListener({}, async ({ address, taken }) => {
    const client = await readyClient(address);
    // Prefix of the body: array of one, bin 32 with its length.
    client.send(request(3, { body: [new Uint8Array(LIMITS.frameBytesMax - 8 - 6)] }));
    await until(() => taken.length === 1);
    assert.is(taken[0]?.frame.body.length, LIMITS.frameBytesMax - 8);
  });
});

test('PING is answered here, a second HELLO and other ops of the connection are not known', async () => {
  await withListener({}, async ({ address, taken }) => {
    const client = await readyClient(address);
    client.send(request(1, { op: OPS.PING.op }), request(2, { op: OPS.HELLO.op }), request(3, { op: OPS.GOAWAY.op }));
    await client.frame(4);
    assert.equal(
      client.frames.slice(2).map((frame) => [frame.kind, frame.op, frame.number, bodyOf(frame)[0]]),
      [
        [KIND.reply, OPS.PING.op, 1, ERRORS.OK.code],
        [KIND.reply, OPS.HELLO.op, 2, ERRORS.OP_UNKNOWN.code],
        [KIND.reply, OPS.GOAWAY.op, 3, ERRORS.OP_UNKNOWN.code],
      ],
    );
    assert.is(taken.length, 0);
  });
});

test('a silent peer is pinged, and its answer keeps the connection', async () => {
  await withListener({}, async ({ address, listener, runtime }) => {
    const client = await readyClient(address);
    for (let i = 0; i < 4; i++) {
      await runtime.advance(16_000);
      const ping = await client.frame(2 + i);
      assert.equal([ping.kind, ping.op, bodyOf(ping)], [KIND.request, OPS.PING.op, []]);
      const { bytesIn } = listener.stats();
      client.send(encodeFrame(KIND.reply, OPS.PING.op, ping.number, [0, null, null]));
      await until(() => listener.stats().bytesIn > bytesIn);
    }
    assert.is(listener.connectionCount(), 1);
  });
});

test('a notice reaches the peer; a peer that is gone can be answered in vain', async () => {
  await withListener({}, async ({ address, listener, taken, closes }) => {
    const client = await readyClient(address);
    client.send(request(1), request(2));
    await until(() => taken.length === 2);
    const [first, second] = taken as [(typeof taken)[number], (typeof taken)[number]];
    first.peer.notify(encodeFrame(KIND.notice, 99, 0, ['news']));
    assert.equal(bodyOf(await client.frame(2)), ['news']);
    client.socket.destroy();
    await until(() => listener.connectionCount() === 0);
    assert.not(first.peer.isOpen);
    answer(first);
    second.peer.notify(encodeFrame(KIND.notice, 99, 0, ['news']));
    assert.is((closes().PEER_CLOSED ?? 0) + (closes().PEER_LOST ?? 0), 1);
  });
});

test('a handler that throws costs its request alone', async () => {
  const handler = {
    request() {
      throw new Error('a bug');
    },
  };
  await withListener({ handler }, async ({ address }) => {
    const client = await readyClient(address);
    client.send(request(1), request(2));
    await client.frame(3);
    assert.equal(
      client.frames.slice(2).map((frame) => [frame.number, bodyOf(frame)[0]]),
      [
        [1, ERRORS.INTERNAL.code],
        [2, ERRORS.INTERNAL.code],
      ],
    );
  });
});

test('bytes and connections are counted', async () => {
  await withListener({}, async ({ address, listener }) => {
    const client = await readyClient(address);
    const { accepted, bytesIn, bytesOut, connectionsOpen } = listener.stats();
    assert.equal([accepted, connectionsOpen], [1, 1]);
    assert.is(bytesIn, client.socket.bytesWritten);
    assert.is(bytesOut, client.socket.bytesRead);
  });
});
