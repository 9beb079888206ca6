import { assert, suite } from '../../protocol/testing/kit.ts';
import { type Asked, ok, type Script, withEdge } from '../testing/fixture.ts';
import { signedInOf, userOf } from '../testing/samples.ts';
import { ACTOR } from '../testing/tokens.ts';

const test = suite('signing in over HTTP');
const AGENT = { 'user-agent': 'tests/1' };
const FROM = ['127.0.0.1', 'tests/1'];

function argsOf(asked: Asked | undefined): unknown[] {
  return asked?.args as unknown[];
}

function post(body: unknown, headers: Record<string, string> = AGENT) {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return { method: 'POST', token: null, body: text, headers: { 'content-type': 'application/json', ...headers } };
}

test('registering is 201 with the user; a role that was asked for is as if it were not there', async () => {
  await withEdge({ script: { REGISTER: () => ok('REGISTER', userOf()) } }, async ({ call, asked }) => {
    const body = { username: 'Ann', password: 'correct horse', role: 'ADMIN', roles: ['ADMIN'], id: 'u0' };
    const answer = await call('/v1/auth/register', post(body));
    assert.is(answer.status, 201);
    assert.equal(answer.json, { user: userOf() });
    assert.is(answer.headers.get('cache-control'), 'no-store');
    assert.equal(asked, [{ op: 'REGISTER', args: [null, 'Ann', 'correct horse', ...FROM] }]);
  });
});

test('logging in answers what the server answers, and a device with a live session gets no refresh token', async () => {
  const LOGIN = () => ok('LOGIN', signedInOf({ refreshToken: null, refreshExpiresAt: null }));
  await withEdge({ script: { LOGIN } }, async ({ call, asked }) => {
    const body = { username: 'Ann', password: 'x', deviceId: 'phone' };
    const answer = await call('/v1/auth/login', post(body));
    assert.is(answer.status, 200);
    assert.equal(answer.json, { ...signedInOf(), refreshToken: null, refreshExpiresAt: null });
    assert.is(answer.headers.get('cache-control'), 'no-store');
    await call('/v1/auth/login', post({ ...body, replaceSession: true }));
    assert.equal(asked, [
      { op: 'LOGIN', args: [null, 'Ann', 'x', 'phone', null, ...FROM] },
      { op: 'LOGIN', args: [null, 'Ann', 'x', 'phone', true, ...FROM] },
    ]);
  });
});

test('refreshing passes token and device on', async () => {
  await withEdge({ script: { REFRESH: () => ok('REFRESH', signedInOf()) } }, async ({ call, asked }) => {
    const answer = await call('/v1/auth/refresh', post({ refreshToken: 'r0', deviceId: 'phone' }));
    assert.equal([answer.status, answer.json], [200, signedInOf()]);
    assert.equal(asked, [{ op: 'REFRESH', args: [null, 'r0', 'phone', ...FROM] }]);
  });
});

test('what a form may not hold is named all at once, and the server is not bothered', async () => {
  await withEdge({}, async ({ call, asked }) => {
    const rows: readonly (readonly [path: string, body: unknown, fields: string[]])[] = [
      ['register', {}, ['username', 'password']],
      ['register', { username: '', password: 'short' }, ['username', 'password']],
      ['register', { username: 'a'.repeat(65), password: 'x'.repeat(257) }, ['username', 'password']],
      ['register', { username: 1, password: ['correct horse'] }, ['username', 'password']],
      ['register', '[]', ['body']],
      ['register', '', ['body']],
      ['login', {}, ['username', 'password', 'deviceId']],
      [
        'login',
        { username: 'a', password: 'b', deviceId: 'two words', replaceSession: 'yes', role: 'ADMIN' },
        ['deviceId', 'replaceSession', 'role'],
      ],
      ['login', { username: { $ne: null }, password: { $gt: '' }, deviceId: 'd' }, ['username', 'password']],
      ['refresh', { refreshToken: '', deviceId: 'd'.repeat(129) }, ['refreshToken', 'deviceId']],
    ];
    for (const [path, body, fields] of rows) {
      const answer = await call(`/v1/auth/${path}`, post(body));
      assert.is(answer.status, 400, path);
      assert.equal(answer.json.errors.map(({ field }) => field).sort(), [...fields].sort(), JSON.stringify(body));
    }
    assert.equal(asked, []);
  });
});

test('refusals keep their status, say when to come back and name no field', async () => {
  const rows = [
    ['BAD_CREDENTIALS', 401, {}],
    ['RATE_LIMITED', 429, { retryAfterMs: 30_000 }],
    ['BUSY', 503, { retryAfterMs: 700 }],
  ] as const;
  await withEdge({}, async ({ call, script }) => {
    for (const [code, status, carried] of rows) {
      script({ LOGIN: () => ({ code, ...carried }) as ReturnType<NonNullable<Script['LOGIN']>> });
      const answer = await call('/v1/auth/login', post({ username: 'a', password: 'b', deviceId: 'd' }));
      assert.equal([answer.status, answer.json.code], [status, code]);
      assert.is(answer.json.errors, undefined);
      assert.is(answer.headers.get('www-authenticate'), status === 401 ? 'Bearer' : null);
      assert.is(answer.headers.get('retry-after'), status === 429 ? '30' : status === 503 ? '1' : null);
    }
    script({ REFRESH: () => ({ code: 'SESSION_ENDED' }) });
    const ended = await call('/v1/auth/refresh', post({ refreshToken: 'r', deviceId: 'd' }));
    assert.equal([ended.status, ended.json.code], [401, 'SESSION_ENDED']);
    script({ REGISTER: () => ({ code: 'USERNAME_TAKEN' }) });
    const taken = await call('/v1/auth/register', post({ username: 'a', password: 'correct horse' }));
    assert.equal([taken.status, taken.json.code], [409, 'USERNAME_TAKEN']);
  });
});

test('where a caller comes from: forwarding headers count only when their proxy is trusted', async () => {
  const script = { REGISTER: () => ok('REGISTER', userOf()) };
  const form = { username: 'Ann', password: 'correct horse' };
  const forwarded = { 'x-forwarded-for': '203.0.113.9', 'user-agent': 'x'.repeat(2_000) };
  await withEdge({ script }, async ({ call, asked }) => {
    await call('/v1/auth/register', post(form, forwarded));
    assert.equal(argsOf(asked[0]).slice(3), ['127.0.0.1', 'x'.repeat(512)]);
  });
  await withEdge({ script, trustProxy: ['127.0.0.1'] }, async ({ call, asked }) => {
    await call('/v1/auth/register', post(form, forwarded));
    await call('/v1/auth/register', post(form, { 'x-forwarded-for': 'nobody, "; drop', 'user-agent': '' }));
    const froms = asked.map((one) => argsOf(one)[3]);
    assert.equal(froms, ['203.0.113.9', '127.0.0.1']);
  });
});

test('logout and password change are 204 without a body, for whoever has a token', async () => {
  const script = { LOGOUT: () => ok('LOGOUT', null), PASSWORD_CHANGE: () => ok('PASSWORD_CHANGE', null) };
  await withEdge({ script }, async ({ call, token, asked }) => {
    const logout = await call('/v1/auth/logout', { method: 'POST' });
    assert.equal([logout.status, logout.text, logout.headers.get('content-type')], [204, '', null]);
    const body = { currentPassword: 'old', newPassword: 'new and longer' };
    const changed = await call('/v1/auth/password', { ...post(body), token: token() });
    assert.equal([changed.status, changed.text], [204, '']);
    assert.equal(asked, [
      { op: 'LOGOUT', args: [ACTOR] },
      { op: 'PASSWORD_CHANGE', args: [ACTOR, 'old', 'new and longer'] },
    ]);
    assert.is((await call('/v1/auth/logout', { method: 'POST', token: null })).status, 401);
    assert.is((await call('/v1/auth/password', post(body))).status, 401);
  });
});

test('a bad form of somebody who may not ask is answered with that, else with every fault', async () => {
  const ended = { code: 'SESSION_ENDED' } as const;
  await withEdge({ script: { mayAsk: () => ended } }, async ({ call, token, script, asked }) => {
    const bad = { ...post({ newPassword: 'short', extra: 1 }), token: token() };
    assert.is((await call('/v1/auth/password', bad)).json.code, 'SESSION_ENDED');
    script({
      PASSWORD_CHANGE: () => {
        throw new Error('a blank form was carried out');
      },
    });
    const refused = await call('/v1/auth/password', bad);
    assert.is(refused.status, 400);
    const fields = refused.json.errors.map(({ field }) => field);
    assert.equal(fields.sort(), ['currentPassword', 'extra', 'newPassword']);
    assert.ok(!JSON.stringify(asked).includes('short'));
  });
});

test('passwords and tokens are in no log line, also when a server fails', async () => {
  const fail = () => {
    throw new Error('fault');
  };
  await withEdge({ script: { LOGIN: fail, REFRESH: fail } }, async ({ call, log }) => {
    await call('/v1/auth/login', post({ username: 'Ann', password: 'secret-1', deviceId: 'd' }));
    await call('/v1/auth/refresh', post({ refreshToken: 'secret-2', deviceId: 'd' }));
    await call('/v1/me', { token: 'secret-3' });
    const text = JSON.stringify(log, (_key, value) => (value instanceof Error ? value.stack : value));
    assert.ok(log.length === 3 && !text.includes('secret'), text);
  });
});
