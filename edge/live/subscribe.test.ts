import type { Reply } from '../../protocol/reply.ts';
import { assert, suite } from '../../protocol/testing/kit.ts';
import type { Standing } from '../live/upstream.ts';
import { deferred } from '../testing/deferred.ts';
import { ok, type Script, withEdge } from '../testing/fixture.ts';
import { eventually, readyPlayer, readyServer, subscriptions } from '../testing/live.ts';
import { eventOf } from '../testing/samples.ts';

const test = suite('live subscriptions');
const [FIRST, SECOND] = ['127.0.0.1:7400', '127.0.0.1:7401'];
const EVENT_LIST: Script['EVENT_LIST'] = () => ok('EVENT_LIST', [[eventOf()], null]);
const userOf = (sub: string) => ({ payload: { sub } });

test('a server that becomes ready is subscribed to at once, for revocations alone when nothing is watched', async () => {
  const { said, script } = subscriptions();
  await withEdge({ script }, async ({ change }) => {
    change(readyServer(FIRST));
    change(readyServer(SECOND));
    await eventually(() => said.length === 2);
    assert.equal(said, [
      ['SUBSCRIBE', [], []],
      ['SUBSCRIBE', [], []],
    ]);
  });
});

test('what is watched first is asked for, what nobody watches any more is given up', async () => {
  const { said, script } = subscriptions();
  await withEdge({ script: { EVENT_LIST, ...script } }, async (bench) => {
    bench.change(readyServer(FIRST));
    await eventually(() => said.length === 1);
    const first = await readyPlayer(bench, ['summer', 'winter']);
    const second = await readyPlayer(bench, ['winter']);
    const third = await readyPlayer(bench, ['winter'], userOf('u2'));
    await eventually(() => said.length === 3);
    first.socket.close();
    await eventually(() => said.length === 4);
    second.socket.close();
    await eventually(() => said.length === 5);
    third.socket.close();
    await eventually(() => said.length === 6);
    assert.equal(said.slice(1), [
      ['SUBSCRIBE', ['summer', 'winter'], ['u1']],
      ['SUBSCRIBE', [], ['u2']],
      ['UNSUBSCRIBE', ['summer'], []],
      ['UNSUBSCRIBE', [], ['u1']],
      ['UNSUBSCRIBE', ['winter'], ['u2']],
    ]);
  });
});

test('after a reconnect, and on each further server, everything is asked for again', async () => {
  const { said, script } = subscriptions([['summer', 'LIVE', null]]);
  await withEdge({ script: { EVENT_LIST, ...script } }, async (bench) => {
    bench.change(readyServer(FIRST));
    const player = await readyPlayer(bench, ['summer']);
    assert.is((await player.next()).state, 'LIVE');
    bench.change({ server: FIRST, state: 'closed', reason: 'CONNECTION_LOST', detail: '' });
    // What changed meanwhile is told when the server is back.
    const later = subscriptions([['summer', 'ENDED', null]]);
    bench.script({ EVENT_LIST, ...later.script });
    bench.change(readyServer(FIRST));
    assert.is((await player.next()).state, 'ENDED');
    bench.change(readyServer(SECOND));
    await eventually(() => later.said.length === 2);
    for (const said of later.said) assert.equal(said, ['SUBSCRIBE', ['summer'], ['u1']]);
    assert.equal(player.left(), []);
    assert.ok(said.length > 0);
  });
});

test('a server that refuses is asked again; requests name it and no other', async () => {
  const { said, script } = subscriptions();
  let refusals = 2;
  const SUBSCRIBE: Script['SUBSCRIBE'] = (args) =>
    refusals-- > 0 ? { code: 'BUSY', retryAfterMs: 1 } : script.SUBSCRIBE(args);
  await withEdge({ script: { EVENT_LIST, ...script, SUBSCRIBE }, limits: { liveRetryMs: 5 } }, async (bench) => {
    bench.change(readyServer(FIRST));
    await readyPlayer(bench, ['summer']);
    await eventually(() => said.length > 0);
    assert.equal(said, [['SUBSCRIBE', ['summer'], ['u1']]]);
    assert.is(bench.log.filter(({ message }) => message === 'not subscribed').length, 2);
  });
});

test('thousands of keys go in requests of as many as one may hold', async () => {
  const { said, script } = subscriptions();
  await withEdge({ script: { EVENT_LIST, ...script }, limits: { subscribedMax: 3 } }, async (bench) => {
    await readyPlayer(bench, ['e1', 'e2', 'e3', 'e4', 'e5', 'e6', 'e7']);
    bench.change(readyServer(FIRST));
    await eventually(() => said.length === 3);
    assert.equal(
      said.map(([, events]) => events.length),
      [3, 3, 1],
    );
    assert.equal(
      said.map(([, , users]) => users.length),
      [1, 0, 0],
    );
  });
});

test('who comes and goes while a server is being asked ends up neither forgotten nor kept', async () => {
  const { said, script } = subscriptions();
  const slow = deferred<Reply>();
  let asked = 0;
  const SUBSCRIBE: Script['SUBSCRIBE'] = async (args) => {
    if (++asked === 2) await slow.promise;
    return script.SUBSCRIBE(args);
  };
  await withEdge({ script: { EVENT_LIST, ...script, SUBSCRIBE } }, async (bench) => {
    bench.change(readyServer(FIRST));
    await eventually(() => said.length === 1);
    const first = await readyPlayer(bench, ['summer']);
    await eventually(() => asked === 2);
    first.socket.close();
    await first.closed;
    await readyPlayer(bench, ['winter'], userOf('u2'));
    slow.resolve(ok('PING', null));
    await eventually(() => said.length === 4);
    const subscribed = { events: new Set<string>(), users: new Set<string>() };
    for (const [op, events, users] of said) {
      for (const [kind, keys] of [
        ['events', events],
        ['users', users],
      ] as const) {
        for (const key of keys) op === 'SUBSCRIBE' ? subscribed[kind].add(key) : subscribed[kind].delete(key);
      }
    }
    assert.equal([[...subscribed.events], [...subscribed.users]], [['winter'], ['u2']]);
  });
});

test('what a server tells while it is asked how an event stands is the later word', async () => {
  const { script } = subscriptions();
  const slow = deferred<Reply>();
  let asked = 0;
  const SUBSCRIBE: Script['SUBSCRIBE'] = (args) => (++asked === 1 ? script.SUBSCRIBE(args) : slow.promise);
  await withEdge({ script: { EVENT_LIST, ...script, SUBSCRIBE } }, async (bench) => {
    bench.change(readyServer(FIRST));
    await eventually(() => asked === 1);
    const player = await readyPlayer(bench, ['summer', 'winter']);
    await eventually(() => asked === 2);
    bench.tell({ server: FIRST, name: 'EVENT_CHANGED', args: ['summer', 'PAUSED', null] });
    assert.is((await player.next()).state, 'PAUSED');
    const standings: Standing[] = [
      ['summer', 'LIVE', null],
      ['winter', 'LIVE', null],
    ];
    slow.resolve(ok('SUBSCRIBE', [standings]));
    assert.is((await player.next()).eventKey, 'winter');
    assert.equal(player.left(), []);
  });
});
