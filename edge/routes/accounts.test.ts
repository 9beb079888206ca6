import { assert, suite } from '../../protocol/testing/kit.ts';
import { type CallInit, ok, type Script, withEdge } from '../testing/fixture.ts';
import { auditOf, roleOf, sessionOf, userOf } from '../testing/samples.ts';
import { ACTOR } from '../testing/tokens.ts';

const test = suite('accounts over HTTP');

function withBody(method: string, body: unknown): CallInit {
  return { method, body: JSON.stringify(body), headers: { 'content-type': 'application/json' } };
}

const script: Script = {
  ME: () => ok('ME', userOf()),
  ERASE_SELF: () => ok('ERASE_SELF', null),
  SESSIONS_OF_USER: () => ok('SESSIONS_OF_USER', [[sessionOf()], null]),
  SESSION_END: () => ok('SESSION_END', null),
  USERS_LIST: () => ok('USERS_LIST', [[userOf()], 'next']),
  USER_ROLES_SET: () => ok('USER_ROLES_SET', userOf({ roles: ['OPERATOR'] })),
  USER_LOGOUT: () => ok('USER_LOGOUT', null),
  USER_ERASE: () => ok('USER_ERASE', null),
  ROLES_LIST: () => ok('ROLES_LIST', [[roleOf()], null]),
  ROLE_CREATE: () => ok('ROLE_CREATE', roleOf()),
  ROLE_CHANGE: () => ok('ROLE_CHANGE', roleOf()),
  ROLE_DELETE: () => ok('ROLE_DELETE', null),
  AUDIT_LIST: () => ok('AUDIT_LIST', [[auditOf()], 'next']),
};

type Row = readonly [path: string, init: CallInit, status: number, json: unknown, op: string, args: unknown[]];
const GET = {};
const AT_MS = Date.parse('2026-11-22T05:00:00.000Z');
const ROWS: readonly Row[] = [
  ['/v1/me', GET, 200, userOf(), 'ME', []],
  ['/v1/me', withBody('DELETE', { password: 'p' }), 204, null, 'ERASE_SELF', ['p']],
  ['/v1/me/sessions', GET, 200, { items: [sessionOf()], nextCursor: null }, 'SESSIONS_OF_USER', []],
  ['/v1/me/sessions/s%2F2', { method: 'DELETE' }, 204, null, 'SESSION_END', ['s/2']],
  ['/v1/users', GET, 200, { items: [userOf()], nextCursor: 'next' }, 'USERS_LIST', [null, null, null, null, null]],
  [
    '/v1/users?roles=OPERATOR,AUDITOR&match=all&username=%C3%84nn&limit=2&cursor=c',
    GET,
    200,
    { items: [userOf()], nextCursor: 'next' },
    'USERS_LIST',
    [['OPERATOR', 'AUDITOR'], 'all', 'Änn', 2, 'c'],
  ],
  [
    '/v1/users/u2/roles',
    withBody('PUT', { roles: ['OPERATOR'] }),
    200,
    userOf({ roles: ['OPERATOR'] }),
    'USER_ROLES_SET',
    ['u2', ['OPERATOR']],
  ],
  ['/v1/users/u2/logout', { method: 'POST' }, 204, null, 'USER_LOGOUT', ['u2']],
  ['/v1/users/u2/logout', withBody('POST', {}), 204, null, 'USER_LOGOUT', ['u2']],
  ['/v1/users/u2', { method: 'DELETE' }, 204, null, 'USER_ERASE', ['u2']],
  ['/v1/roles', GET, 200, { items: [roleOf()], nextCursor: null }, 'ROLES_LIST', []],
  ['/v1/roles', withBody('POST', { name: 'HOST' }), 201, roleOf(), 'ROLE_CREATE', [{ name: 'HOST' }]],
  ['/v1/roles/HOST', withBody('PATCH', { title: 'T' }), 200, roleOf(), 'ROLE_CHANGE', ['HOST', { title: 'T' }]],
  ['/v1/roles/HOST', { method: 'DELETE' }, 204, null, 'ROLE_DELETE', ['HOST']],
  [
    '/v1/audit?actor=service:edge-1&action=user.roles&subject=u2&from=2026-11-22T05:00:00Z&to=2026-11-22T05:00:01.000Z&limit=1&cursor=c',
    GET,
    200,
    { items: [auditOf()], nextCursor: 'next' },
    'AUDIT_LIST',
    ['service:edge-1', 'user.roles', 'u2', AT_MS, AT_MS + 1_000, 1, 'c'],
  ],
];

test('every route asks its op for the caller and answers as the contract says', async () => {
  await withEdge({ script }, async ({ call, asked }) => {
    for (const [path, init, status, json, op, args] of ROWS) {
      asked.length = 0;
      const name = `${init.method ?? 'GET'} ${path}`;
      const answer = await call(path, init);
      assert.is(answer.status, status, `${name}: ${answer.text}`);
      assert.equal(answer.json, json, name);
      assert.is(answer.headers.get('cache-control'), 'no-store', name);
      assert.equal(asked, [{ op, args: [ACTOR, ...args] }], name);
    }
  });
});

test('without a token every one of them is 401 and asks nothing; what the server refuses is passed on', async () => {
  await withEdge({ script }, async ({ call, asked, script: replace }) => {
    for (const [path, init] of ROWS) assert.is((await call(path, { ...init, token: null })).status, 401, path);
    assert.equal(asked, []);
    for (const code of ['FORBIDDEN', 'SESSION_ENDED'] as const) {
      replace({ ...script, mayAsk: () => ({ code }) });
      for (const [path, init] of ROWS) assert.is((await call(path, init)).json.code, code, path);
    }
  });
});

test('who may not change roles is told so before the form is judged', async () => {
  await withEdge({ script: { mayAsk: () => ({ code: 'FORBIDDEN' }) } }, async ({ call, script: replace }) => {
    for (const body of [{}, { roles: 'ADMIN' }, { roles: ['USER'], extra: 1 }, []]) {
      replace({ mayAsk: () => ({ code: 'FORBIDDEN' }) });
      assert.is((await call('/v1/users/u2/roles', withBody('PUT', body))).status, 403);
      replace({});
      assert.is((await call('/v1/users/u2/roles', withBody('PUT', body))).status, 400);
    }
    assert.is((await call('/v1/users/u2/roles', { method: 'PUT' })).status, 400);
    const faults = (await call('/v1/users/u2/roles', withBody('PUT', { roles: ['a', 'B', 'c'] }))).json.errors;
    assert.equal(
      faults.map(({ field }) => field),
      ['roles[0]', 'roles[2]'],
    );
  });
});

test('filters that make no sense are 400 by name', async () => {
  await withEdge({ script }, async ({ call, asked }) => {
    const rows = [
      ['/v1/users?roles=', 'roles'],
      ['/v1/users?roles=USER,', 'roles'],
      ['/v1/users?roles=user', 'roles'],
      [`/v1/users?roles=${'A,'.repeat(16)}A`, 'roles'],
      [`/v1/users?roles=${'A'.repeat(65)}`, 'roles'],
      ['/v1/users?roles=USER&roles=ADMIN', 'roles'],
      ['/v1/users?match=some', 'match'],
      ['/v1/users?username=', 'username'],
      ['/v1/users?role=USER', 'role'],
      ['/v1/audit?from=yesterday', 'from'],
      ['/v1/audit?action=', 'action'],
      [`/v1/users/${encodeURIComponent('a/b')}/logout`, 'userId', 'POST'],
      ['/v1/roles/host', 'roleName', 'DELETE'],
    ] as const;
    for (const [path, field, method = 'GET'] of rows) {
      const answer = await call(path, { method });
      assert.is(answer.status, 400, path);
      assert.equal(
        answer.json.errors.map((fault) => fault.field),
        [field],
        path,
      );
    }
    assert.equal(asked, []);
  });
});

test('an unknown role in the filter and a role in use are the server’s word', async () => {
  await withEdge({}, async ({ call, script: replace }) => {
    const faults = [{ field: 'roles', rule: 'roles that exist' }];
    replace({ USERS_LIST: () => ({ code: 'BAD_REQUEST', faults }) });
    assert.equal((await call('/v1/users?roles=NOBODY')).json.errors, faults);
    for (const [code, status] of [
      ['ROLE_IN_USE', 409],
      ['ROLE_BUILT_IN', 409],
      ['ROLE_NOT_FOUND', 404],
    ] as const) {
      replace({ ROLE_DELETE: () => ({ code }) });
      const answer = await call('/v1/roles/HOST', { method: 'DELETE' });
      assert.equal([answer.status, answer.json.code], [status, code]);
    }
    replace({ SESSION_END: () => ({ code: 'SESSION_NOT_FOUND' }) });
    assert.is((await call('/v1/me/sessions/theirs', { method: 'DELETE' })).status, 404);
  });
});
