import { OPS, type RequestName } from '../../protocol/ops.ts';
import { assert, suite } from '../../protocol/testing/kit.ts';
import { BUILT_IN_ROLES, isPermitted, NEEDS, reachOf, roleTableOf, SERVICE_PERMISSIONS } from './permissions.ts';
import type { Principal, ServiceRole } from './principal.ts';

const test = suite('permissions');

// any: whomever is named; own: oneself; -: refused.
const TABLE = `
  op               | game | edge | admin | (none) | USER | OPERATOR | AUDITOR | ADMIN | STRANGER
  CLAIM            | any  | -    | -     | -      | own  | own      | own     | own   | own
  CLAIM_BY_REQUEST | any  | -    | any   | -      | own  | any      | any     | any   | own
  CLAIMS_OF_USER   | any  | -    | any   | -      | own  | any      | any     | any   | own
  CLAIMS_LIST      | any  | -    | any   | -      | -    | any      | any     | any   | -
  EVENT_CREATE     | -    | -    | any   | -      | -    | any      | -       | any   | -
  EVENT_CHANGE     | -    | -    | any   | -      | -    | any      | -       | any   | -
  EVENT_GET        | any  | -    | any   | -      | any  | any      | any     | any   | any
  EVENT_LIST       | any  | -    | any   | -      | any  | any      | any     | any   | any
  EVENT_PAUSE      | -    | -    | any   | -      | -    | any      | -       | any   | -
  EVENT_RESUME     | -    | -    | any   | -      | -    | any      | -       | any   | -
  QUALIFY          | any  | -    | any   | -      | -    | any      | -       | any   | -
  DISQUALIFY       | any  | -    | any   | -      | -    | any      | -       | any   | -
  QUALIFIED        | any  | -    | any   | -      | -    | any      | any     | any   | -
  TOKEN_KEYS       | -    | any  | -     | -      | -    | -        | -       | -     | -
  STATUS           | -    | any  | any   | -      | -    | -        | any     | any   | -
  METRICS          | -    | any  | any   | -      | -    | -        | any     | any   | -
  HELLO            | -    | -    | -     | -      | -    | -        | -       | -     | -
  PING             | -    | -    | -     | -      | -    | -        | -       | -     | -
`;

function principalNamed(name: string): Principal {
  if (name === '(none)') return { kind: 'service', service: { serviceId: 's', roles: new Set() } };
  if (name in SERVICE_PERMISSIONS) {
    return { kind: 'service', service: { serviceId: 's', roles: new Set([name as ServiceRole]) } };
  }
  return userWith(name);
}

function userWith(...roles: string[]): Principal {
  const via = { serviceId: 'edge', roles: new Set(['edge'] as const) };
  return { kind: 'user', userId: 'u', sessionId: 'd', roles, via };
}

const [head = [], ...rows] = TABLE.trim()
  .split('\n')
  .map((line) => line.split('|').map((cell) => cell.trim()));

for (const [op, ...cells] of rows) {
  test(`${op}`, () => {
    for (const [i, cell] of cells.entries()) {
      const name = head[i + 1] as string;
      const expected = cell === '-' ? 'none' : cell;
      assert.is(reachOf(principalNamed(name), op as RequestName), expected, `${op} by ${name}`);
      assert.is(isPermitted(principalNamed(name), op as RequestName), expected !== 'none', `${op} by ${name}`);
    }
  });
}

test('the table names every request once', () => {
  const requests = Object.entries(OPS).flatMap(([name, { kind }]) => (kind === 'request' ? [name] : []));
  assert.equal(rows.map(([op]) => op).sort(), requests.sort());
  assert.equal(Object.keys(NEEDS).sort(), requests.sort());
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

test('a role written by an admin permits what it holds and nothing else', () => {
  const table = roleTableOf({ ...BUILT_IN_ROLES, PAUSER: ['events.write'] });
  assert.ok(isPermitted(userWith('PAUSER'), 'EVENT_PAUSE', table));
  assert.not(isPermitted(userWith('PAUSER'), 'QUALIFY', table));
  assert.not(isPermitted(userWith('PAUSER'), 'EVENT_PAUSE'));
});
