import { OPS } from '../../protocol/ops.ts';
import { assert, suite } from '../../protocol/testing/kit.ts';
import { dependsOnRoles, isPermitted, NEEDS, reachOf } from './permissions.ts';
import { type Principal, SERVICE_ROLES, type ServiceRole } from './principal.ts';
import { BUILT_IN_TABLE, roleTableWith } from './roles.ts';
import { OP_TABLE, WHO } from './testing/op-table.ts';

const test = suite('permissions');

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

for (const { op, reach } of OP_TABLE) {
  test(`${op}`, () => {
    for (const [who, expected] of reach) {
      assert.is(reachOf(principalNamed(who), op, ROLES), expected, `${op} by ${who}`);
      assert.is(isPermitted(principalNamed(who), op, ROLES), expected !== 'none', `${op} by ${who}`);
    }
  });
}

test('the table names every request once', () => {
  const requests = Object.entries(OPS).flatMap(([name, { kind }]) => (kind === 'request' ? [name] : []));
  assert.equal(OP_TABLE.map(({ op }) => op).sort(), requests.sort());
  assert.equal(Object.keys(NEEDS).sort(), requests.sort());
});

test('an op depends on roles exactly where the table’s users differ', () => {
  const users = WHO.filter((name) => principalNamed(name).kind === 'user');
  for (const { op, reach } of OP_TABLE) {
    const reaches = new Set(users.map((name) => reach.get(name)));
    // Where nobody gets anywhere, a look-up finds nothing either.
    if (!reaches.has('none') || reaches.size > 1) assert.is(dependsOnRoles(op), reaches.size > 1, op);
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
