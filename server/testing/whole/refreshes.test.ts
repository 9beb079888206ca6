/** Refresh tokens over HTTP: many at once through two servers and two edges, lost replies, replays, the grace of 30 s. */
import { connect } from 'node:net';
import type { SignedIn } from '../../../protocol/accounts.ts';
import type { Runtime } from '../../../protocol/runtime.ts';
import { assert, suite } from '../../../protocol/testing/kit.ts';
import { realRuntime } from '../../lib/runtime.ts';
import { STORE_CASES, stopStores } from '../stores.ts';
import { msUntil, refreshed, signedUp } from './http.ts';
import { type Node, withSite } from './site.ts';

const test = suite('refreshes over HTTP');
const AT_ONCE = 200;
const EVERYWHERE_MS = 2_000;
const NODES = { lmdb: 1, mongo: 2 } as const;

const tokenIn = (answer: { body: unknown }) => (answer.body as SignedIn).refreshToken;

for (const { name, skip, withStores } of STORE_CASES) {
  const it = (says: string, use: (nodes: readonly [Node, ...Node[]], passed: { ms: number }) => Promise<void>) =>
    test(
      `${name}: ${says}`,
      () => {
        const passed = { ms: 0 };
        const runtime: Runtime = { ...realRuntime, monotonicMs: () => realRuntime.monotonicMs() + passed.ms };
        return withStores(NODES[name], (stores) => withSite(stores, { runtime }, ({ nodes }) => use(nodes, passed)));
      },
      { skip },
    );

  it(`${AT_ONCE} refreshes of one token at once have one successor; a replay from elsewhere ends it all`, async (nodes) => {
    const [first] = nodes;
    const last = nodes.at(-1) ?? first;
    const mira = await signedUp(first.call, 'mira');
    const laptop = await signedUp(first.call, 'other', 'laptop');
    const { refreshToken, session } = mira.signedIn;
    const asks = Array.from({ length: AT_ONCE }, (_, i) => nodes[i % nodes.length] as Node);
    const answers = await Promise.all(asks.map(({ call }) => refreshed(call, refreshToken, 'phone')));
    assert.equal([...new Set(answers.map(({ status, code }) => `${status} ${code}`))], ['200 ']);
    const successors = new Set(answers.map(tokenIn));
    assert.is(successors.size, 1);
    assert.not(successors.has(refreshToken));
    assert.is(new Set(answers.map(({ body }) => (body as SignedIn).session.id)).size, 1);
    const tokens = answers.map(({ body }) => (body as SignedIn).accessToken);
    for (const { call } of nodes) {
      for (const token of tokens.slice(0, 4)) assert.is((await call('GET /v1/me', { token })).status, 200);
    }

    const replay = await refreshed(last.call, refreshToken, 'laptop');
    assert.equal([replay.status, replay.code], [401, 'SESSION_ENDED']);
    const [successor = null] = successors;
    for (const { call } of nodes) {
      for (const token of [successor, refreshToken]) {
        const { status, code } = await refreshed(call, token, 'phone');
        assert.equal([status, code], [401, 'SESSION_ENDED'], 'refresh is over at once');
      }
      for (const token of [mira.signedIn.accessToken, ...tokens.slice(0, 3)]) {
        assert.ok((await msUntil('SESSION_ENDED', () => call('GET /v1/me', { token }))) < EVERYWHERE_MS);
      }
      assert.is((await call('GET /v1/me', { token: laptop.signedIn.accessToken })).status, 200, 'nobody else');
    }
    const [ended] = (
      await first.server.done('AUDIT_LIST', null, null, 'session.ended', mira.id, null, null, null, null)
    )[0];
    assert.equal([ended?.before, ended?.after], [{ sessionId: session.id, deviceId: 'phone' }, { reason: 'reuse' }]);
  });

  it('a reply that is cut on the wire: the same token after 5 s, not after 31 s', async (nodes, passed) => {
    const [first] = nodes;
    const last = nodes.at(-1) ?? first;
    const { signedIn } = await signedUp(first.call, 'mira');
    const { refreshToken, session } = signedIn;
    await refreshWithoutReply(first.port, { refreshToken, deviceId: 'phone' });
    const usedAt = async () =>
      (await first.server.done('SESSIONS_OF_USER', actorOf(signedIn)))[0].find(({ id }) => id === session.id)
        ?.lastUsedAt;
    while ((await usedAt()) === session.lastUsedAt);

    passed.ms += 5_000;
    const again = await refreshed(last.call, refreshToken, 'phone');
    assert.is(again.status, 200);
    const next = await refreshed(first.call, tokenIn(again), 'phone');
    assert.is(next.status, 200, 'still logged in');
    passed.ms += 31_000;
    const late = await refreshed(last.call, tokenIn(again), 'phone');
    assert.equal([late.status, late.code], [401, 'SESSION_ENDED']);
    assert.is((await refreshed(first.call, tokenIn(next), 'phone')).code, 'SESSION_ENDED', 'the session is over');
  });
}

function actorOf({ accessToken, session }: SignedIn): [string, string, string[], null, null] {
  const { sub } = JSON.parse(Buffer.from(accessToken.split('.')[1] ?? '', 'base64url').toString());
  return [sub, session.id, [], null, null];
}

/** Resolves when the request has left; whoever sent it is gone before the answer. */
function refreshWithoutReply(port: number, body: object): Promise<void> {
  const text = JSON.stringify(body);
  const head = `POST /v1/auth/refresh HTTP/1.1\r\nhost: edge\r\ncontent-type: application/json\r\ncontent-length: ${text.length}`;
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.write(`${head}\r\n\r\n${text}`, () => {
        socket.on('close', () => resolve()).destroy();
      });
    }).on('error', reject);
  });
}

test('the stores are stopped', stopStores);
