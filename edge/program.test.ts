import { createSession } from '../clients/session/session.ts';
import { assert, suite } from '../protocol/testing/kit.ts';
import { valueIn, withPrograms } from '../server/testing/program.ts';
import { type Player, playerAt } from './testing/live.ts';

const test = suite('accounts from end to end');
const DEADLINE_MS = 60_000;
const WITHIN_MS = 2_000;
const READY = 'claimd ready ';
type Json = Record<string, unknown>;

function memory() {
  const entries = new Map<string, string>();
  return {
    get: (key: string) => entries.get(key),
    set: (key: string, value: string) => void entries.set(key, value),
    remove: (key: string) => void entries.delete(key),
  };
}

/** A person with a device, at an edge. */
function person(baseUrl: string, username: string, password: string) {
  let ended = 0;
  const session = createSession({ baseUrl, storage: memory(), deviceId: 'phone', onEnded: () => void ended++ });
  async function ask(method: string, path: string, body?: Json): Promise<{ status: number; json: Json }> {
    const headers = { 'content-type': 'application/json' };
    const init = body === undefined ? { method } : { method, headers, body: JSON.stringify(body) };
    const response = await session.fetch(path, init);
    const text = await response.text();
    return { status: response.status, json: text === '' ? {} : JSON.parse(text) };
  }
  return {
    session,
    ask,
    register: (extra: Json = {}) => ask('POST', '/v1/auth/register', { username, password, ...extra }),
    login: () => session.login({ username, password }),
    ended: () => ended,
    async live(events: string[]): Promise<Player> {
      const player = playerAt(Number(new URL(baseUrl).port));
      await player.opened;
      player.say({ type: 'hello', accessToken: await session.accessToken(), events });
      const ready = await player.next();
      assert.is(ready.type, 'ready');
      return player;
    },
  };
}

async function until(player: Player, type: string, holds: (message: Json) => boolean = () => true): Promise<Json> {
  for (;;) {
    const message = await player.next();
    if (message.type === type && holds(message)) return message;
  }
}

async function within<T>(promise: Promise<T>): Promise<T> {
  const startedAt = performance.now();
  const value = await promise;
  assert.ok(performance.now() - startedAt < WITHIN_MS, `${performance.now() - startedAt} ms`);
  return value;
}

test(
  'register, login, claim, sessions, refresh, roles, a pause and a forced logout, seen on two edges',
  () =>
    withPrograms(async ({ folder, start }) => {
      const both = start(['start', '--data', folder, '--admin', 'root:correct horse 9']);
      const ready = await both.line(READY);
      const second = start(['edge', '--data', folder, '--server', valueIn(ready, 'tcp')]);
      const here = `http://${valueIn(ready, 'http')}`;
      const there = `http://${valueIn(await second.line(READY), 'http')}`;

      const ann = person(here, 'Ann', 'battery staple');
      const registered = await ann.register({ roles: ['ADMIN'] });
      assert.is(registered.status, 201, JSON.stringify(registered));
      const { id, roles } = registered.json.user as { id: string; roles: string[] };
      assert.equal(roles, ['USER']);
      assert.is((await person(there, 'ANN', 'battery staple').register()).json.code, 'USERNAME_TAKEN');
      assert.is((await person(here, 'Ann', 'wrong battery').login()).code, 'BAD_CREDENTIALS');
      assert.is((await ann.login()).code, 'OK');

      // Claims, over HTTP here and live there.
      const live = await ann.live(['welcome']);
      const elsewhere = person(there, 'Ann', 'battery staple');
      assert.is((await person(there, 'nobody', 'battery staple').login()).code, 'BAD_CREDENTIALS');
      const away = createSession({ baseUrl: there, storage: memory(), deviceId: 'tablet' });
      await away.login({ username: 'ann', password: 'battery staple' });
      const far = playerAt(Number(new URL(there).port));
      await far.opened;
      far.say({ type: 'hello', accessToken: await away.accessToken(), events: ['welcome'] });
      assert.is((await until(live, 'event')).state, 'LIVE');
      assert.is((await until(far, 'event')).state, 'LIVE');
      live.say({ type: 'claim', eventKey: 'welcome', requestId: 'r1' });
      assert.is((await until(live, 'outcome')).status, 201);
      const granted = await within(until(far, 'granted'));
      assert.is((granted.claim as Json).claimKey, `welcome/-/${id}`);
      const again = await ann.ask('POST', '/v1/events/welcome/claims');
      assert.equal([again.status, again.json.code], [409, 'ALREADY_CLAIMED']);

      const sessions = (await ann.ask('GET', '/v1/me/sessions')).json.items as Json[];
      assert.equal(sessions.map(({ deviceId }) => deviceId).sort(), ['phone', 'tablet']);
      const before = await ann.session.accessToken();
      assert.ok((await ann.session.refresh()) !== before);
      assert.equal((await ann.ask('GET', '/v1/me')).json.id, id);
      assert.is((await ann.ask('GET', '/v1/users')).status, 403);

      const root = person(here, 'root', 'correct horse 9');
      assert.is((await root.login()).code, 'OK');
      const admins = await root.ask('GET', '/v1/users?roles=ADMIN,AUDITOR&match=any');
      assert.equal(
        (admins.json.items as Json[]).map(({ username }) => username),
        ['root'],
      );
      assert.is((await root.ask('GET', '/v1/users?roles=NOBODY')).status, 400);
      const rootId = (admins.json.items as { id: string }[])[0]?.id;
      assert.is((await root.ask('PUT', `/v1/users/${rootId}/roles`, { roles: ['USER'] })).json.code, 'LAST_ADMIN');

      // The pause of the event is seen on both edges.
      assert.is((await root.ask('POST', '/v1/events/welcome/pause')).status, 200);
      await within(Promise.all([live, far].map((socket) => until(socket, 'event', ({ state }) => state === 'PAUSED'))));

      // Forced out: told and closed on both edges, refused on both, and for good.
      assert.is((await root.ask('POST', `/v1/users/${id}/logout`)).status, 204);
      assert.equal(await within(Promise.all([live.closed, far.closed])), [4403, 4403]);
      const token = (await away.accessToken()) ?? '';
      const refused = await fetch(`${here}/v1/me`, { headers: { authorization: `Bearer ${token}` } });
      assert.is(((await refused.json()) as Json).code, 'SESSION_ENDED');
      assert.is((await ann.ask('GET', '/v1/me')).status, 401);
      assert.equal([ann.ended(), await ann.session.accessToken()], [1, null]);
      assert.is(await away.refresh(), null);
      const audit = await root.ask('GET', `/v1/audit?action=session.ended&limit=200`);
      assert.ok(
        (audit.json.items as Json[]).some(({ actor }) => actor === rootId),
        JSON.stringify(audit.json),
      );

      // Nobody else was: root goes on, and Ann may come back.
      assert.is((await elsewhere.login()).code, 'OK');
      await elsewhere.live([]);
      assert.is((await root.ask('POST', '/v1/auth/logout')).status, 204);
      for (const running of [second, both]) {
        running.signal('SIGTERM');
        assert.is((await running.exit).code, 0);
      }
    }),
  { deadlineMs: DEADLINE_MS },
);
