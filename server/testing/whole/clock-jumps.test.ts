/**
 * Machines whose wall clock jumps by an hour, forwards and back, under servers and edges that run: what is signed, judged
 * and ended goes by the store's time and the monotonic clock, and nobody notices.
 */
import { readyPlayer } from '../../../edge/testing/live.ts';
import type { SignedIn } from '../../../protocol/accounts.ts';
import { NO_SESSION } from '../../../protocol/accounts.ts';
import type { Runtime } from '../../../protocol/runtime.ts';
import { assert, suite } from '../../../protocol/testing/kit.ts';
import { realRuntime } from '../../lib/runtime.ts';
import { signAccessToken } from '../../session/access-token.ts';
import { TOKENS } from '../servers.ts';
import { STORE_CASES, stopStores } from '../stores.ts';
import { msUntil, type Person, refreshed, signedIn, signedUp } from './http.ts';
import { type Node, withSite } from './site.ts';

const test = suite('clock jumps');
const HOUR_MS = 3_600_000;
const EVERYWHERE_MS = 2_000;
const NODES = { lmdb: 1, mongo: 2 } as const;

type Clocks = { jumpedMs: number; passedMs: number };
type Nodes = readonly [Node, ...Node[]];

/** A token of the person as it would have been signed so long ago, with the life that it has. */
function tokenSigned(ageMs: number, { id }: Person, sessionId: string, ttlMs = 600_000): string {
  const { issuer, audience, key } = TOKENS;
  const randomBytes = (length: number) => realRuntime.randomBytes(length);
  const claims = { userId: id, sessionId, roles: ['USER'], nowMs: Date.now() - ageMs, ttlMs };
  return signAccessToken({ key, issuer, audience, randomBytes }, claims).token;
}

async function statusesOf(nodes: Nodes, token: string): Promise<number[]> {
  return Promise.all(nodes.map(async ({ call }) => (await call('GET /v1/me', { token })).status));
}

for (const { name, skip, withStores } of STORE_CASES) {
  const it = (says: string, startedMs: number, use: (nodes: Nodes, clocks: Clocks) => Promise<void>) =>
    test(
      `${name}: ${says}`,
      () => {
        const clocks: Clocks = { jumpedMs: startedMs, passedMs: 0 };
        const runtime: Runtime = {
          ...realRuntime,
          wallMs: () => realRuntime.wallMs() + clocks.jumpedMs,
          monotonicMs: () => realRuntime.monotonicMs() + clocks.passedMs,
        };
        return withStores(NODES[name], (stores) => withSite(stores, { runtime }, ({ nodes }) => use(nodes, clocks)));
      },
      { skip },
    );

  for (const jumpMs of [HOUR_MS, -HOUR_MS]) {
    const direction = jumpMs > 0 ? 'an hour ahead' : 'an hour back';
    const all = (status: number) => Array<number>(NODES[name]).fill(status);

    it(`tokens live and end as they would have, ${direction}`, 0, async (nodes, clocks) => {
      const [first] = nodes;
      const mira = await signedUp(first.call, 'mira');
      const { session, accessToken } = mira.signedIn;
      const young = [
        accessToken,
        tokenSigned(500_000, mira, session.id),
        tokenSigned(HOUR_MS, mira, NO_SESSION, HOUR_MS * 2),
      ];
      const old = [tokenSigned(601_000, mira, session.id), tokenSigned(HOUR_MS, mira, session.id)];
      assert.equal(await statusesOf(nodes, accessToken), all(200), 'verified before the jump');
      clocks.jumpedMs = jumpMs;
      for (const token of young) assert.equal(await statusesOf(nodes, token), all(200), 'good tokens');
      for (const token of old) assert.equal(await statusesOf(nodes, token), all(401), 'tokens that have ended');
      const later = await signedIn(first.call, 'mira', 'laptop');
      assert.ok(Math.abs(Date.parse(later.accessExpiresAt) - Date.now() - 600_000) < 5_000, later.accessExpiresAt);
      assert.equal(await statusesOf(nodes, later.accessToken), all(200), 'signed after the jump');
      const { body } = await first.call('GET /readyz');
      assert.not((body as { checks: { clock: { ok: boolean } } }).checks.clock.ok, 'operators are told');
      clocks.passedMs = 601_000;
      for (const token of [accessToken, later.accessToken]) assert.equal(await statusesOf(nodes, token), all(401));
    });

    it(`30 s of grace are 30 s, ${direction}`, 0, async (nodes, clocks) => {
      const [first] = nodes;
      const last = nodes.at(-1) ?? first;
      const { refreshToken } = (await signedUp(first.call, 'mira')).signedIn;
      const next = (await refreshed(first.call, refreshToken, 'phone')).body as SignedIn;
      clocks.jumpedMs = jumpMs;
      const again = (await refreshed(last.call, refreshToken, 'phone')).body as SignedIn;
      assert.is(again.refreshToken, next.refreshToken, 'the same successor');
      clocks.passedMs = 31_000;
      assert.is((await refreshed(last.call, refreshToken, 'phone')).code, 'SESSION_ENDED');
    });

    it(`a forced logout holds everywhere within 2 s and for good, ${direction}`, 0, async (nodes, clocks) => {
      const [first] = nodes;
      const mira = await signedUp(first.call, 'mira');
      const other = await signedUp(first.call, 'other');
      const { accessToken, refreshToken } = mira.signedIn;
      const unstored = tokenSigned(1_000, mira, NO_SESSION, HOUR_MS);
      const sockets = await Promise.all(nodes.map(({ port }) => readyPlayer({ port, token: () => accessToken }, [])));
      clocks.jumpedMs = jumpMs;
      const startedAt = performance.now();
      await first.server.done('USER_LOGOUT', null, mira.id);
      for (const { call } of nodes) {
        assert.is((await refreshed(call, refreshToken, 'phone')).code, 'SESSION_ENDED', 'refresh at once');
        for (const token of [accessToken, unstored])
          await msUntil('SESSION_ENDED', () => call('GET /v1/me', { token }));
      }
      assert.equal(await Promise.all(sockets.map(({ closed }) => closed)), all(4403));
      assert.ok(performance.now() - startedAt < EVERYWHERE_MS);
      clocks.jumpedMs = -jumpMs;
      for (const token of [accessToken, unstored]) assert.equal(await statusesOf(nodes, token), all(401), 'still');
      assert.equal(await statusesOf(nodes, other.signedIn.accessToken), all(200), 'nobody else');
    });
  }

  it('an edge and a server that start on a machine whose clock is an hour ahead', HOUR_MS, async (nodes) => {
    const { signedIn } = await signedUp(nodes[0].call, 'mira');
    assert.ok((await statusesOf(nodes, signedIn.accessToken)).every((status) => status === 200));
  });
}

test('the stores are stopped', stopStores);
