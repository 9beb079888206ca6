import { OPS, type RequestName } from '../../protocol/ops.ts';
import { assert, suite } from '../../protocol/testing/kit.ts';
import { dependsOnRoles, isPermitted, NEEDS, reachOf } from './permissions.ts';
import { type Principal, SERVICE_ROLES, type ServiceRole } from './principal.ts';
import { BUILT_IN_TABLE, roleTableWith } from './roles.ts';

const test = suite('permissions');

// any: whomever is named; own: oneself; -: refused.
const TABLE = `
  op               | game | edge | admin | (none) | USER | OPERATOR | AUDITOR | ADMIN | STRANGER | PAUSER
  CLAIM            | any  | -    | -     | -      | own  | own      | own     | own   | own      | own
  CLAIM_BY_REQUEST | any  | -    | any   | -      | own  | any      | any     | any   | own      | own
  CLAIMS_OF_USER   | any  | -    | any   | -      | own  | any      | any     | any   | own      | own
  CLAIMS_LIST      | any  | -    | any   | -      | -    | any      | any     | any   | -        | -
  EVENT_CREATE     | -    | -    | any   | -      | -    | any      | -       | any   | -        | any
  EVENT_CHANGE     | -    | -    | any   | -      | -    | any      | -       | any   | -        | any
  EVENT_GET        | any  | -    | any   | -      | any  | any      | any     | any   | any      | any
  EVENT_LIST       | any  | -    | any   | -      | any  | any      | any     | any   | any      | any
  EVENT_PAUSE      | -    | -    | any   | -      | -    | any      | -       | any   | -        | any
  EVENT_RESUME     | -    | -    | any   | -      | -    | any      | -       | any   | -        | any
  QUALIFY          | any  | -    | any   | -      | -    | any      | -       | any   | -        | -
  DISQUALIFY       | any  | -    | any   | -      | -    | any      | -       | any   | -        | -
  QUALIFIED        | any  | -    | any   | -      | -    | any      | any     | any   | -        | -
  TOKEN_KEYS       | -    | any  | -     | -      | -    | -        | -       | -     | -        | -
  STATUS           | -    | any  | any   | -      | -    | -        | any     | any   | -        | -
  METRICS          | -    | any  | any   | -      | -    | -        | any     | any   | -        | -
  REGISTER         | -    | any  | -     | -      | -    | -        | -       | -     | -        | -
  LOGIN            | -    | any  | -     | -      | -    | -        | -       | -     | -        | -
  REFRESH          | -    | any  | -     | -      | -    | -        | -       | -     | -        | -
  LOGOUT           | -    | -    | -     | -      | own  | own      | own     | own   | own      | own
  ME               | -    | -    | -     | -      | own  | own      | own     | own   | own      | own
  SESSIONS_OF_USER | -    | -    | -     | -      | own  | own      | own     | own   | own      | own
  SESSION_END      | -    | -    | -     | -      | own  | own      | own     | own   | own      | own
  PASSWORD_CHANGE  | -    | -    | -     | -      | own  | own      | own     | own   | own      | own
  ERASE_SELF       | -    | -    | -     | -      | own  | own      | own     | own   | own      | own
  USERS_LIST       | -    | -    | any   | -      | -    | -        | any     | any   | -        | -
  USER_ROLES_SET   | -    | -    | any   | -      | -    | -        | -       | any   | -        | -
  USER_LOGOUT      | -    | -    | any   | -      | -    | -        | -       | any   | -        | -
  USER_ERASE       | -    | -    | any   | -      | -    | -        | -       | any   | -        | -
  ROLES_LIST       | -    | -    | any   | -      | -    | -        | any     | any   | -        | -
  ROLE_CREATE      | -    | -    | any   | -      | -    | -        | -       | any   | -        | -
  ROLE_CHANGE      | -    | -    | any   | -      | -    | -        | -       | any   | -        | -
  ROLE_DELETE      | -    | -    | any   | -      | -    | -        | -       | any   | -        | -
  AUDIT_LIST       | -    | -    | any   | -      | -    | -        | any     | any   | -        | -
  SUBSCRIBE        | -    | any  | -     | -      | -    | -        | -       | -     | -        | -
  UNSUBSCRIBE      | -    | any  | -     | -      | -    | -        | -       | -     | -        | -
  HELLO            | -    | -    | -     | -      | -    | -        | -       | -     | -        | -
  PING             | -    | -    | -     | -      | -    | -        | -       | -     | -        | -
`;

/** With one role that an admin wrote. */
const ROLES = roleTableWith([{ name: 'PAUSER', permissions: ['events.write'] }]);

function principalNamed(name: string): Principal {
  if (name === '(none)') return { kind: 'service', service: { serviceId: 's', roles: new Set() } };
  if ((SERVICE_ROLES as readonly string[]).includes(name)) {
    return { kind: 'service', service: { serviceId: 's', roles: new Set([name as ServiceRole]) } };
  }
  return userWith(name);
}

function userWith(...roles: string[]): Principal {
  const via = { serviceId: 'edge', roles: new Set(['edge'] as const) };
  return { kind: 'user', userId: 'u', sessionId: 'd', roles, issuedAt: null, from: null, via };
}

const [head = [], ...rows] = TABLE.trim()
  .split('\n')
  .map((line) => line.split('|').map((cell) => cell.trim()));

for (const [op, ...cells] of rows) {
  test(`${op}`, () => {
    for (const [i, cell] of cells.entries()) {
      const name = head[i + 1] as string;
      const expected = cell === '-' ? 'none' : cell;
      assert.is(reachOf(principalNamed(name), op as RequestName, ROLES), expected, `${op} by ${name}`);
      assert.is(isPermitted(principalNamed(name), op as RequestName, ROLES), expected !== 'none', `${op} by ${name}`);
    }
  });
}

test('the table names every request once', () => {
  const requests = Object.entries(OPS).flatMap(([name, { kind }]) => (kind === 'request' ? [name] : []));
  assert.equal(rows.map(([op]) => op).sort(), requests.sort());
  assert.equal(Object.keys(NEEDS).sort(), requests.sort());
});

test('an op depends on roles exactly where the table’s users differ', () => {
  const users = head.slice(1).filter((name) => principalNamed(name).kind === 'user');
  for (const [op] of rows) {
    const reaches = new Set(users.map((name) => reachOf(principalNamed(name), op as RequestName, ROLES)));
    // Where nobody gets anywhere, a look-up finds nothing either.
    if (!reaches.has('none') || reaches.size > 1) assert.is(dependsOnRoles(op as RequestName), reaches.size > 1, op);
  }
});

test('roles add up, and somebody without any is still a player', () => {
  assert.is(reachOf(userWith('AUDITOR', 'OPERATOR'), 'EVENT_PAUSE'), 'any');
  assert.is(reachOf(userWith(), 'CLAIM'), 'own');
});

test('a user cannot take a service role, nor one of JavaScript', () => {
  for (const role of ['game', 'edge', 'admin', '__proto__', 'constructor', 'operator']) {
    assert.is(reachOf(userWith(role), 'EVENT_CREATE'), 'none', role);
    assert.is(reachOf(userWith(role), 'CLAIM'), 'own', role);
  }
});

test('a record cannot take the place of a built-in role', () => {
  const table = roleTableWith([{ name: 'USER', permissions: ['accounts.roles'] }]);
  assert.equal(table.get('USER'), BUILT_IN_TABLE.get('USER'));
  assert.not(isPermitted(userWith('USER'), 'USER_ROLES_SET', table));
});
