/** Accounts seen from an edge, over real sockets, on each real store and through two servers at once. */

import { createPublicKey } from 'node:crypto';
import jsonwebtoken from 'jsonwebtoken';
import { assert, suite } from '../protocol/testing/kit.ts';
import { AccountClient, type ActorTuple, actorOf, PASSWORD } from './testing/account-client.ts';
import { type Running, startServer, TOKENS } from './testing/servers.ts';
import { STORE_CASES, stopStores } from './testing/stores.ts';

const test = suite('identity');
const EVERYWHERE_MS = 2_000;

type World = { one: AccountClient; two: AccountClient; servers: Running[] };

/** Milliseconds until the op is refused with the code; asks again and again. */
async function msUntil(code: string, ask: () => Promise<string>): Promise<number> {
  const startedAt = performance.now();
  while ((await ask()) !== code) {
    if (performance.now() - startedAt > EVERYWHERE_MS * 2) throw new Error(`${code} never came`);
    await new Promise((resolve) => setImmediate(resolve));
  }
  return performance.now() - startedAt;
}

for (const { name, skip, withStores } of STORE_CASES) {
  const it = (says: string, use: (world: World) => Promise<void>) =>
    test(
      `${name}: ${says}`,
      () =>
        withStores(2, async (stores) => {
          const servers: Running[] = [];
          for (const [i, store] of stores.entries()) servers.push(await startServer(store, { nodeId: `n${i}` }));
          const [one, two] = servers.map(({ client }) => new AccountClient(client));
          try {
            await use({ one: one as AccountClient, two: two as AccountClient, servers });
          } finally {
            for (const server of servers) await server.stop();
          }
        }),
      { skip },
    );

  it('an access token is what was promised', async ({ one }) => {
    const { user, signedIn } = await one.signUp('mira');
    const [jwk] = JSON.parse(new TextDecoder().decode(TOKENS.jwks)).keys;
    const key = createPublicKey({ key: jwk, format: 'jwk' });
    const verified = jsonwebtoken.verify(signedIn.accessToken, key, { algorithms: ['ES256'], complete: true });
    assert.equal(verified.header, { alg: 'ES256', typ: 'at+jwt', kid: 'test' });
    const { iss, aud, sub, sid, roles, iat = 0, exp = 0 } = verified.payload as jsonwebtoken.JwtPayload;
    assert.equal([iss, aud, sub, sid, roles], ['claimd', 'claimd', user.id, signedIn.session.id, ['USER']]);
    assert.is(exp - iat, 600);
    assert.is(signedIn.accessExpiresAt, new Date(exp * 1_000).toISOString());
    const again = await one.login('mira');
    assert.equal([again.refreshToken, again.refreshExpiresAt, again.session.id], [null, null, signedIn.session.id]);
  });

  it('a forced logout: refresh is over at once, access on every server within 2 s, others go on', async (world) => {
    const { one, two } = world;
    const mira = await one.signUp('mira');
    const other = await two.signUp('other');
    const cli: ActorTuple = [mira.user.id, 'cli', ['USER'], Date.now() - 1_000, null];
    assert.is(await two.code('ME', mira.actor), 'OK');
    assert.is(await two.code('ME', cli), 'OK');
    await one.done('USER_LOGOUT', null, mira.user.id);
    assert.is((await two.refresh(mira.signedIn)).code, 'SESSION_ENDED');
    assert.is(await one.code('ME', mira.actor), 'SESSION_ENDED', 'here at once');
    for (const ask of [
      () => two.code('ME', mira.actor),
      () => two.code('EVENT_LIST', mira.actor, null, null),
      () => two.code('CLAIM', mira.actor, 'none', null, null, null),
      () => two.code('EVENT_CREATE', mira.actor, { eventKey: 'x' }),
      () => two.code('ME', cli),
    ]) {
      assert.ok((await msUntil('SESSION_ENDED', ask)) < EVERYWHERE_MS);
    }
    assert.is(await two.code('ME', other.actor), 'OK');
    const back = actorOf(await two.login('mira'));
    for (const server of [one, two])
      assert.is(await server.code('ME', back), 'OK', 'who signs in again is somebody new');
  });

  it('one session ends, the others go on; nobody ends another’s', async ({ one, two }) => {
    const mira = await one.signUp('mira');
    const other = await one.signUp('other');
    const laptop = await two.login('mira', 'laptop');
    assert.is(await two.code('SESSION_END', other.actor, laptop.session.id), 'SESSION_NOT_FOUND');
    const [sessions] = await two.done('SESSIONS_OF_USER', mira.actor);
    assert.equal(sessions.map(({ deviceId }) => deviceId).sort(), ['laptop', 'phone']);
    await two.done('SESSION_END', mira.actor, laptop.session.id);
    assert.is(await two.code('ME', actorOf(laptop)), 'SESSION_ENDED');
    await one.done('LOGOUT', mira.actor);
    assert.is(await one.code('LOGOUT', mira.actor), 'SESSION_ENDED');
    assert.is((await two.refresh(mira.signedIn)).code, 'SESSION_ENDED');
  });

  it('roles: the server’s word counts, for live tokens within 2 s, whatever the token says', async ({ one, two }) => {
    const mira = await one.signUp('mira');
    const boast: ActorTuple = [mira.user.id, mira.signedIn.session.id, ['ADMIN'], null, null];
    assert.is(await one.code('USERS_LIST', boast, null, null, null, null, null), 'FORBIDDEN');
    const guest: ActorTuple = ['guest', 'cli', ['AUDITOR'], Date.now(), null];
    assert.is(await one.code('USERS_LIST', guest, null, null, null, null, null), 'OK', 'who has no document');
    const pause = () => two.code('EVENT_PAUSE', mira.actor, 'none');
    assert.is(await pause(), 'FORBIDDEN');
    await one.done('ROLE_CREATE', null, { name: 'PAUSER', permissions: ['events.write'] });
    await one.done('USER_ROLES_SET', null, mira.user.id, ['USER', 'PAUSER']);
    assert.ok((await msUntil('EVENT_NOT_FOUND', pause)) < EVERYWHERE_MS);
    await one.done('ROLE_CHANGE', null, 'PAUSER', { permissions: [] });
    assert.is(await one.code('EVENT_PAUSE', mira.actor, 'none'), 'FORBIDDEN', 'here at once');
    assert.ok((await msUntil('FORBIDDEN', pause)) < EVERYWHERE_MS);
  });

  it('users by roles and by the beginning of a name, by pages', async ({ one, two }) => {
    const users = await Promise.all(['Ada', 'Alan', 'Barbara', 'Edsger'].map((name) => one.register(name)));
    const [ada, alan, barbara] = users.map(({ id }) => id) as [string, string, string];
    await one.done('USER_ROLES_SET', null, ada, ['USER', 'OPERATOR']);
    await one.done('USER_ROLES_SET', null, alan, ['OPERATOR', 'AUDITOR']);
    await one.done('USER_ROLES_SET', null, barbara, ['AUDITOR']);
    async function list(roles: string[] | null, match: 'any' | 'all' | null, prefix: string | null) {
      const names: (string | null)[] = [];
      let cursor: string | null = null;
      do {
        const [page, next]: readonly [{ username: string | null }[], string | null] = await two.done(
          'USERS_LIST',
          ...([null, roles, match, prefix, 1, cursor] as const),
        );
        names.push(...page.map(({ username }) => username));
        cursor = next;
      } while (cursor !== null);
      return prefix === null ? names.sort() : names;
    }
    assert.equal(await list(['OPERATOR', 'AUDITOR'], null, null), ['Ada', 'Alan', 'Barbara']);
    assert.equal(await list(['OPERATOR', 'AUDITOR'], 'all', null), ['Alan']);
    assert.equal(await list(null, null, 'A'), ['Ada', 'Alan']);
    assert.equal(await list(['AUDITOR'], 'any', 'AL'), ['Alan']);
    assert.equal((await list(null, null, null)).length, 4);
    const unknown = await two.ask('USERS_LIST', null, ['OPERATOR', 'NONE'], null, null, null, null);
    assert.equal('faults' in unknown && unknown.faults.map(({ field }) => field), ['roles']);
    assert.is(await two.code('USERS_LIST', null, null, null, null, null, '%'), 'BAD_REQUEST');
  });

  it('the audit log says who did what, from where, before and after', async ({ one, two }) => {
    const { user } = await one.signUp('mira');
    await one.done('USER_ROLES_SET', null, user.id, ['OPERATOR']);
    const operator = actorOf(await two.login('mira', 'desk'), '192.0.2.7');
    await two.done('EVENT_CREATE', operator, { eventKey: 'summer', title: 'Summer' });
    await two.done('EVENT_CHANGE', operator, 'summer', { title: 'Late summer' }, null);
    for (const op of ['EVENT_PAUSE', 'EVENT_PAUSE', 'EVENT_RESUME'] as const) await two.done(op, operator, 'summer');
    await two.done('QUALIFY', null, 'summer', ['u1', 'u2']);
    await two.ask('LOGIN', null, 'mira', 'wrong', 'x', null, '192.0.2.9', null);
    const list = async (by: string | null, action: string | null, subject: string | null) =>
      (await one.done('AUDIT_LIST', null, by, action, subject, null, null, null, null))[0];
    const acts = await list(user.id, null, null);
    assert.equal(
      acts.map(({ action }) => action),
      ['event.resumed', 'event.paused', 'event.changed', 'event.created'],
    );
    const [changed] = await list(null, 'event.changed', null);
    assert.equal([changed?.actor, changed?.from, changed?.subject], [user.id, '192.0.2.7', 'summer']);
    const titleOf = (event: unknown) => (event as { title: string }).title;
    assert.equal([titleOf(changed?.before), titleOf(changed?.after)], ['Summer', 'Late summer']);
    const [refused] = await list(null, 'login.refused', user.id);
    assert.equal([refused?.actor, refused?.from], ['service:test', '192.0.2.9']);
    const [qualified] = await list('service:test', 'event.qualified', 'summer');
    assert.equal(qualified?.after, { added: 2 });
  });

  it('a user’s whole life, and no secret in any answer but its own', async ({ one, two }) => {
    const { user, actor } = await one.signUp('mira');
    assert.equal(await two.done('ME', actor), user);
    assert.equal(Object.keys(user).sort(), ['createdAt', 'id', 'roles', 'username']);
    await two.done('PASSWORD_CHANGE', actor, PASSWORD, 'battery staple');
    assert.is(await two.code('ERASE_SELF', actor, PASSWORD), 'BAD_CREDENTIALS');
    await two.done('ERASE_SELF', actor, 'battery staple');
    assert.is(await two.code('ME', actor), 'SESSION_ENDED');
    assert.ok((await msUntil('SESSION_ENDED', () => one.code('ME', actor))) < EVERYWHERE_MS);
    const seen = JSON.stringify([
      await one.done('USERS_LIST', null, null, null, null, null, null),
      await one.done('AUDIT_LIST', null, null, null, null, null, null, null, null),
    ]);
    for (const secret of ['argon2', PASSWORD, 'battery', 'mira']) assert.not(seen.includes(secret), secret);
  });
}

test('the stores are stopped', stopStores);
