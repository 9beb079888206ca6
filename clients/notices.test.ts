import { encodeFrame, type Value, widen } from '../protocol/codec.ts';
import { KIND } from '../protocol/frame.ts';
import { OPS } from '../protocol/ops.ts';
import { assert, suite } from '../protocol/testing/kit.ts';
import type { ConnectionChange } from './closing.ts';
import type { Notice, NoticeName } from './notices.ts';
import type { FakePeer } from './testing/fake-server.ts';
import { withServers } from './testing/fixture.ts';
import { eventually } from './testing/manual-runtime.ts';

const test = suite('notices');
const CHANGED = ['summer', 'PAUSED', null];

function notice(name: NoticeName, args: readonly unknown[]): Uint8Array {
  return encodeFrame(KIND.notice, OPS[name].op, 0, widen(args) as Value[]);
}
function record() {
  const notices: Notice[] = [];
  const changes: ConnectionChange[] = [];
  return {
    notices,
    changes,
    listener: {
      onNotice: (told: Notice) => void notices.push(told),
      onState: (change: ConnectionChange) => void changes.push(change),
    },
  };
}

test('a listener is told of the connections that are ready, of notices with their server, and of the end', async () => {
  await withServers([{}, {}], async ({ client, servers, runtime }) => {
    const { notices, changes, listener } = record();
    const stop = client.listen(listener);
    await eventually(() => changes.length === 2);
    for (const change of changes) {
      const serverTimeMs = change.state === 'ready' ? change.timeOriginMs + runtime.monotonicMs() : 0;
      assert.ok(Math.abs(serverTimeMs - Date.now()) < 5_000, 'and of the time there');
    }
    const [first, second] = servers;
    first?.peers[0]?.write(notice('EVENT_CHANGED', CHANGED));
    second?.peers[0]?.write(notice('REVOKED', ['u1', null, 1, 1_900_000_000_000]));
    await eventually(() => notices.length === 2);
    const told = notices.find(({ name }) => name === 'EVENT_CHANGED');
    assert.equal(told, { server: first?.address, name: 'EVENT_CHANGED', args: CHANGED });
    first?.peers[0]?.cut();
    await eventually(() => changes.length === 3);
    assert.is(changes[2]?.state, 'closed');
    stop();
    second?.peers[0]?.write(notice('EVENT_CHANGED', CHANGED));
    second?.peers[0]?.cut();
    await eventually(() => client.status().ready === 0);
    assert.equal([notices.length, changes.length], [2, 3]);
  });
});

test('a notice behind an answer in one piece is told after the answer', async () => {
  const order: string[] = [];
  await withServers([{}], async ({ client, server }) => {
    const stop = client.listen({ onNotice: ({ name }) => void order.push(name), onState() {} });
    const asked = client.request('SUBSCRIBE', [null, ['summer'], null]).then(() => order.push('SUBSCRIBE'));
    await eventually(() => server.requests.length === 1);
    const peer = server.peers[0] as FakePeer;
    const number = server.requests[0]?.number ?? 0;
    const reply = encodeFrame(KIND.reply, OPS.SUBSCRIBE.op, number, [0, [[['summer', 'LIVE', null]]], null]);
    peer.write(Buffer.concat([reply, notice('EVENT_CHANGED', CHANGED)]));
    await asked;
    await eventually(() => order.length === 2);
    assert.equal(order, ['SUBSCRIBE', 'EVENT_CHANGED']);
    stop();
  });
});

test('a malformed notice ends the connection', async () => {
  await withServers([{}], async ({ client, server }) => {
    server.peers[0]?.write(notice('EVENT_CHANGED', ['summer', 'OPEN', null]));
    await eventually(() => client.status().servers[0]?.lastClosing !== null);
    assert.is(client.status().servers[0]?.lastClosing?.reason, 'SERVER_MALFORMED');
  });
});

test('a request for one server goes there or nowhere', async () => {
  const answer = () => [0, null, null];
  await withServers([{ answer }, { answer }], async ({ client, servers }) => {
    const [first, second] = servers;
    const server = second?.address;
    for (let i = 0; i < 3; i++) {
      const reply = await client.request('UNSUBSCRIBE', [null, null, null], { server });
      assert.is(reply.code, 'OK');
    }
    assert.equal([first?.requests.length, second?.requests.length], [0, 3]);
    await second?.stop();
    await eventually(() => client.status().ready === 1);
    const reply = await client.request('UNSUBSCRIBE', [null, null, null], { server });
    assert.is(reply.code, 'SERVER_UNAVAILABLE');
    assert.is(first?.requests.length, 0);
  });
});
