import { fastify } from 'fastify';
import {
  roleInputShape,
  rolePatchShape,
  roleViewShape,
  sessionViewShape,
  signedInShape,
  userViewShape,
} from '../../protocol/accounts.ts';
import { eventInputShape, eventPatchShape, eventViewShape } from '../../protocol/event.ts';
import { faultsOf } from '../../protocol/shape.ts';
import { assert, suite } from '../../protocol/testing/kit.ts';
import type { Context } from '../context.ts';
import { createHttp } from '../http.ts';
import { EDGE_LIMITS } from '../limits.ts';
import { ROUTES } from '../routes/table.ts';
import { type Called, type Operation, ok, type Script, withEdge } from '../testing/fixture.ts';
import { auditOf, claimTupleOf, eventOf, roleOf, sessionOf, signedInOf, userOf } from '../testing/samples.ts';
import { openapiOf, openapiPath } from './document.ts';
import { SCHEMAS } from './schemas.ts';

const test = suite('openapi');
type Document = Pick<Called['json'], 'paths'>;

/** Every route that fastify really has, read from the tree that it prints: four characters of drawing a level. */
function servedBy(app: ReturnType<typeof createHttp>): string[] {
  const parts: string[] = [];
  return app
    .printRoutes({ commonPrefix: false })
    .split('\n')
    .flatMap((line) => {
      const found = /^(.*?)(\/\S*) \(([A-Z, ]+)\)$/.exec(line);
      if (found === null) return [];
      const [, drawing = '', part = '', methods = ''] = found;
      parts.length = drawing.length / 4 - 1;
      parts.push(part);
      return methods.split(', ').map((method) => `${method} ${openapiPath(parts.join(''))}`);
    });
}

test('the served document names exactly the routes that are served', async () => {
  const app = createHttp({ context: { limits: EDGE_LIMITS } as Context, routes: ROUTES });
  await app.ready();
  const served = servedBy(app).filter((route) => !route.startsWith('HEAD '));
  await app.close();
  await withEdge({}, async ({ call }) => {
    const document = (await call('/openapi.json', { token: null })).json;
    assert.is(document.openapi, '3.1.0');
    const described = Object.entries(document.paths).flatMap(([path, operations]) =>
      Object.keys(operations).map((method) => `${method.toUpperCase()} ${path}`),
    );
    assert.ok(described.includes('POST /v1/events/{eventKey}/claims'));
    assert.equal(described.sort(), served.sort());
  });
});

test('operation ids are unique and every reference leads somewhere', () => {
  const text = JSON.stringify(openapiOf(ROUTES));
  const names = ROUTES.map(({ name }) => name);
  assert.is(new Set(names).size, names.length);
  for (const [, name] of text.matchAll(/"#\/components\/schemas\/(\w+)"/g))
    assert.ok(Object.hasOwn(SCHEMAS, name as string), name);
});

test('the schemas of events and accounts have the fields of the shapes, no more and no fewer', () => {
  const rows = [
    [eventInputShape, SCHEMAS.EventInput],
    [eventPatchShape, SCHEMAS.EventPatch],
    [eventViewShape, SCHEMAS.Event],
    [userViewShape, SCHEMAS.User],
    [sessionViewShape, SCHEMAS.Session],
    [signedInShape, SCHEMAS.SignedIn],
    [roleInputShape, SCHEMAS.RoleInput],
    [rolePatchShape, SCHEMAS.RolePatch],
    [roleViewShape, SCHEMAS.Role],
  ] as const;
  for (const [shape, schema] of rows) {
    const { properties, required } = schema as unknown as { properties: object; required: string[] };
    const names = Object.keys(properties);
    // A value that no field takes: the shape names every field that it knows.
    const wrong = Object.fromEntries(names.map((name) => [name, Symbol.iterator]));
    const faults = faultsOf(shape, wrong);
    assert.equal(faults.map(({ field }) => field).sort(), [...names].sort());
    assert.ok(faults.every(({ rule }) => rule !== 'no such field'));
    const missing = faultsOf(shape, {}).map(({ field }) => field);
    assert.equal(missing.sort(), [...required].sort());
  }
  for (const [schema, sample] of [
    [SCHEMAS.Event, eventOf()],
    [SCHEMAS.AuditEntry, auditOf()],
  ] as const) {
    const { properties } = schema as unknown as { properties: object };
    assert.equal(Object.keys(properties).sort(), Object.keys(sample).sort());
  }
});

/** What an answer without content has for JSON. */
function isNothing(value: unknown): boolean {
  return value === null;
}

/** Checks an answer against the response that the document promises for its status and type. */
async function promised(document: Document): Promise<(operationId: string, answer: Called) => void> {
  const app = fastify({ ajv: { customOptions: { coerceTypes: false, removeAdditional: false } } });
  const definitions = JSON.parse(JSON.stringify(SCHEMAS).replaceAll('#/components/schemas/', '#/definitions/'));
  app.addSchema({ $id: 'http://claimd.test/schemas', definitions });
  const validators = new Map<string, (value: unknown) => boolean>();
  app.get('/', async (request) => {
    for (const operation of Object.values(document.paths).flatMap(Object.values) as Operation[]) {
      for (const [status, { content }] of Object.entries(operation.responses)) {
        if (content === undefined) validators.set(`${operation.operationId} ${status} undefined`, isNothing);
        for (const [type, { schema }] of Object.entries(content ?? {})) {
          const $ref = schema.$ref?.replace('#/components/schemas/', 'http://claimd.test/schemas#/definitions/');
          if ($ref === undefined) continue;
          const validate = request.compileValidationSchema({ $ref });
          validators.set(`${operation.operationId} ${status} ${type}`, (value) => validate(value));
        }
      }
    }
    return {};
  });
  const made = await app.inject('/');
  assert.is(made.statusCode, 200, made.body);
  await app.close();
  return (operationId, { status, headers, json, text }) => {
    const name = `${operationId} ${status} ${headers.get('content-type')?.split(';')[0]}`;
    const validate = validators.get(name);
    assert.ok(validate, `${name} is not promised`);
    assert.ok(validate?.(json), `${name} is not as promised: ${text}`);
  };
}

const script: Script = {
  CLAIM: () => ({ code: 'GRANTED', result: claimTupleOf() }),
  CLAIM_BY_REQUEST: () => ok('CLAIM_BY_REQUEST', claimTupleOf({ slot: 3 })),
  CLAIMS_OF_USER: () => ok('CLAIMS_OF_USER', [[claimTupleOf()], null, ['b'], null]),
  CLAIMS_LIST: () => ok('CLAIMS_LIST', [[claimTupleOf()], 'next', null, 1_800_000_000_000]),
  REGISTER: () => ok('REGISTER', userOf()),
  LOGIN: () => ok('LOGIN', signedInOf({ refreshToken: null, refreshExpiresAt: null })),
  REFRESH: () => ok('REFRESH', signedInOf()),
  LOGOUT: () => ok('LOGOUT', null),
  ME: () => ok('ME', userOf({ username: null })),
  SESSIONS_OF_USER: () => ok('SESSIONS_OF_USER', [[sessionOf()], null]),
  SESSION_END: () => ok('SESSION_END', null),
  PASSWORD_CHANGE: () => ok('PASSWORD_CHANGE', null),
  ERASE_SELF: () => ok('ERASE_SELF', null),
  USERS_LIST: () => ok('USERS_LIST', [[userOf()], 'next']),
  USER_ROLES_SET: () => ok('USER_ROLES_SET', userOf()),
  USER_LOGOUT: () => ok('USER_LOGOUT', null),
  USER_ERASE: () => ok('USER_ERASE', null),
  ROLES_LIST: () => ok('ROLES_LIST', [[roleOf()], null]),
  ROLE_CREATE: () => ok('ROLE_CREATE', roleOf()),
  ROLE_CHANGE: () => ok('ROLE_CHANGE', roleOf()),
  ROLE_DELETE: () => ok('ROLE_DELETE', null),
  AUDIT_LIST: () => ok('AUDIT_LIST', [[auditOf(), auditOf({ from: null, before: null })], null]),
  STORES: () => ok('STORES', [[['main', true, [['user_events', 3, 400, 50, 'ok']], 1, 20]]]),
  EVENT_CREATE: () => ok('EVENT_CREATE', eventOf()),
  EVENT_CHANGE: () => ({ code: 'VERSION_MISMATCH' }),
  EVENT_GET: () => ok('EVENT_GET', eventOf({ stock: 5 })),
  EVENT_LIST: () => ok('EVENT_LIST', [[eventOf()], null]),
  EVENT_PAUSE: () => ({ code: 'EVENT_NOT_FOUND' }),
  EVENT_RESUME: () => ok('EVENT_RESUME', eventOf()),
  EVENT_MODE: () => ok('EVENT_MODE', eventOf({ mode: 'journal' })),
  QUALIFY: ({ 2: { length } }) => ok('QUALIFY', [length, length, 0]),
  DISQUALIFY: ({ 2: { length } }) => ok('DISQUALIFY', [length, 0, length]),
  QUALIFIED: () => ok('QUALIFIED', true),
  STATUS: () => ok('STATUS', [false, { store: { ok: false, detail: 'away' } }]),
};

test('answers are what the document promises', async () => {
  await withEdge({ script }, async ({ call }) => {
    const check = await promised((await call('/openapi.json')).json);
    const who = { username: 'Ann', password: 'correct horse' };
    const bodies: Record<string, object> = {
      createEvent: { eventKey: 'summer' },
      changeEvent: {},
      setEventMode: { mode: 'journal' },
      register: who,
      login: { ...who, deviceId: 'phone' },
      refresh: { refreshToken: 'r', deviceId: 'phone' },
      changePassword: { currentPassword: 'old', newPassword: 'new and longer' },
      eraseMe: { password: 'p' },
      setRoles: { roles: ['USER'] },
      createRole: { name: 'HOST' },
      changeRole: {},
    };
    for (const { name, method, path, produces, streams } of ROUTES) {
      if (produces?.[0]?.startsWith('text/')) continue;
      const body = streams === undefined ? bodies[name] : { userId: 'u1' };
      const headers = { 'content-type': streams?.[0] ?? 'application/json' };
      const init = body === undefined ? { method } : { method, body: JSON.stringify(body), headers };
      const url = path.replace(/:\w+/g, 'X');
      check(name, await call(url, init));
      if (path.startsWith('/v1')) check(name, await call(url, { ...init, token: 'bad' }));
    }
    check('claim', await call('/v1/events/a%20b/claims', { method: 'POST' }));
    check(
      'claim',
      await call('/v1/events/a/claims', { method: 'POST', body: 'x', headers: { 'content-type': 'text/plain' } }),
    );
    check('claims', await call('/v1/claims', { headers: { accept: 'image/png' } }));
    const csv = { method: 'PUT', body: 'userId\nu1\nno id\n', headers: { 'content-type': 'text/csv' } };
    check('qualify', await call('/v1/events/a/qualifications', csv));
    check('qualify', await call('/v1/events/a/qualifications', { ...csv, body: 'u1\n' }));
    check('qualify', await call('/v1/events/a/qualifications', { ...csv, headers: { 'content-type': 'text/plain' } }));
  });
});
