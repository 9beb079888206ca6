/** Under which sets a user is listed, and which a filter reads. */
import { assert, rejection, suite } from '../../protocol/testing/kit.ts';
import { userOf } from './testing/accounts-fixtures.ts';
import { isAdmin, roleSetsOf, roleSetsOfFilter, rolesGiven } from './user-roles.ts';

const test = suite('roles of users in the store');

test('a user is listed under every set of roles, whatever their order', () => {
  assert.equal(roleSetsOf([]), []);
  assert.equal(roleSetsOf(['USER']), ['USER']);
  assert.equal(roleSetsOf(['USER', 'ADMIN']).sort(), ['ADMIN', 'ADMIN,USER', 'USER']);
  const three = ['A', 'A,B', 'A,B,C', 'A,C', 'B', 'B,C', 'C'];
  for (const roles of [
    ['A', 'B', 'C'],
    ['C', 'B', 'A'],
  ]) {
    assert.equal(roleSetsOf(roles).sort(), three);
  }
  assert.is(new Set(roleSetsOf([...'ABCDEFGH'])).size, 255);
});

test('more roles than a user may have are refused', async () => {
  assert.instance(await rejection(Promise.resolve().then(() => roleSetsOf([...'ABCDEFGHI']))), RangeError);
});

test('a filter reads one set for all and one a role for any', () => {
  assert.equal(roleSetsOfFilter({ names: ['B', 'A', 'B'], match: 'all' }), ['A,B']);
  assert.equal(roleSetsOfFilter({ names: ['B', 'A', 'B'], match: 'any' }), ['B', 'A']);
});

test('only roles that are new to the user and no code have to exist', () => {
  assert.equal(rolesGiven(['CARE'], ['USER', 'ADMIN', 'CARE', 'SHOP']), ['SHOP']);
});

test('an erased user is no admin', () => {
  assert.is(isAdmin(userOf({ roles: ['USER', 'ADMIN'] })), true);
  assert.is(isAdmin(userOf({ roles: ['ADMIN'], erasedAt: 1 })), false);
  assert.is(isAdmin(userOf({ roles: ['ADMINS'] })), false);
});
