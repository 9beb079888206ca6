/** Users: one a name, replaced only over the revision that was read, and never without an admin. */
import { assert, rejection } from '../../../protocol/testing/kit.ts';
import { chanceOf } from '../../../protocol/testing/random.ts';
import type { UserRecord } from '../accounts.ts';
import { StoreUnavailable } from '../store.ts';
import { isAdmin } from '../user-roles.ts';
import { changed, createUsers, raced, roleOf, userOf } from './accounts-fixtures.ts';
import { NOON, type Test } from './fixtures.ts';

export function userContract(test: Test): void {
  test('a user is created once and read back as it is', async ({ store, other }) => {
    const anna = userOf({ username: 'Änna 😀', usernameKey: 'änna 😀' });
    const guest = userOf({ userId: 'guest', username: null, usernameKey: null, passwordHash: null, roles: [] });
    await createUsers(store, [anna, guest]);
    const { users } = other.accounts;
    assert.equal(await users.byId(['guest', 'absent', 'anna', 'guest']), [guest, null, anna, guest]);
    assert.equal(await users.byId([]), []);
    assert.equal(await users.byUsername('änna 😀'), anna);
    assert.equal([await users.byUsername('Änna 😀'), await users.byUsername('')], [null, null]);
    assert.is(await users.create(userOf({ userId: 'rival', usernameKey: 'änna 😀' })), false);
    assert.equal(await users.byId(['rival']), [null]);
    assert.equal([await users.create(anna), await users.create(guest)], [true, true], 'the same users again');
    assert.instance(await rejection(users.create({ ...guest, usernameKey: 'guest' })), StoreUnavailable);
    await createUsers(other, [userOf({ userId: 'guest2', username: null, usernameKey: null })]);
  });

  test('of many users who sign up under one name one does', async ({ store, other }) => {
    for (const name of ['one', 'two', 'three']) {
      const made = await raced(12, [store, other], ({ accounts }, index) =>
        accounts.users.create(userOf({ userId: `${name}${index}`, username: name })),
      );
      assert.is(made.filter(Boolean).length, 1);
      assert.is((await store.accounts.users.byUsername(name))?.userId, `${name}${made.indexOf(true)}`);
      assert.is((await other.accounts.users.list({ usernamePrefix: name }, { limit: 99 })).length, 1);
    }
  });

  test('of many replacements of one revision one holds', async ({ store, other }) => {
    await createUsers(store, [userOf(), userOf({ userId: 'root', roles: ['ADMIN'] })]);
    for (let revision = 2; revision <= 6; revision++) {
      // Every other one changes roles as well, which may be decided in another way.
      const users = Array.from({ length: 8 }, (_, index) =>
        userOf({ revision, passwordHash: `hash ${index}`, roles: index % 4 < 2 ? ['USER'] : ['USER', 'AUDITOR'] }),
      );
      const answers = await raced(8, [store, other], ({ accounts }, index) =>
        accounts.users.replace(users[index] as UserRecord),
      );
      assert.equal(
        answers.filter((answer) => answer !== 'CHANGED'),
        ['DONE'],
      );
      assert.equal(await store.accounts.users.byId(['anna']), [users[answers.indexOf('DONE')]]);
    }
    assert.is(await store.accounts.users.replace(userOf({ revision: 9 })), 'CHANGED');
    assert.is(await store.accounts.users.replace(userOf({ userId: 'absent', revision: 2 })), 'CHANGED');
    assert.equal(await store.accounts.users.byId(['absent']), [null]);
  });

  test('an erased user leaves the name to others and every list of roles', async ({ store }) => {
    const { users } = store.accounts;
    await createUsers(store, [userOf({ roles: ['USER', 'OPERATOR'] })]);
    const erased = { username: null, usernameKey: null, passwordHash: null, roles: [], erasedAt: NOON + 1 };
    const anna = await changed(store, userOf({ roles: ['USER', 'OPERATOR'] }), erased);
    assert.equal(await users.byId(['anna']), [anna]);
    assert.is(await users.byUsername('anna'), null);
    assert.equal(await users.list({ roles: { names: ['USER', 'OPERATOR'], match: 'any' } }, { limit: 9 }), []);
    assert.equal(await users.list({ usernamePrefix: 'a' }, { limit: 9 }), []);
    assert.equal(await users.list({}, { limit: 9 }), [anna]);
    await createUsers(store, [userOf({ userId: 'anna2', username: 'anna' })]);
  });

  test('a role is given only while it exists', async ({ store }) => {
    const { users, roles } = store.accounts;
    await createUsers(store, [userOf()]);
    const [care, absent] = [
      ['USER', 'CARE'],
      ['CARE', 'ABSENT'],
    ];
    assert.is(await users.replace(userOf({ revision: 2, roles: care })), 'ROLE_ABSENT');
    await roles.create(roleOf());
    assert.is(await users.replace(userOf({ revision: 2, roles: absent })), 'ROLE_ABSENT');
    assert.is(await users.replace(userOf({ revision: 3, roles: absent })), 'CHANGED', 'the revision comes first');
    const anna = await changed(store, userOf(), { roles: care });
    await changed(store, anna, { roles: ['AUDITOR', 'OPERATOR', 'ADMIN', 'CARE'] });
  });

  test('the last admin stays, whatever would take the role away', async ({ store, other }) => {
    const { users } = store.accounts;
    const admins = ['anna', 'bob'].map((userId) => userOf({ userId, roles: ['USER', 'ADMIN'] }));
    await createUsers(store, [...admins, userOf({ userId: 'carl' })]);
    const [anna, bob] = admins as [UserRecord, UserRecord];
    const former = await changed(other, anna, { roles: ['USER'] });
    assert.is(await users.replace({ ...bob, revision: 2, roles: ['USER'] }), 'LAST_ADMIN');
    assert.is(await users.replace({ ...bob, revision: 2, roles: [] }), 'LAST_ADMIN');
    assert.is(await users.replace({ ...bob, revision: 2, erasedAt: NOON }), 'LAST_ADMIN');
    assert.is(await users.replace({ ...bob, revision: 3, roles: [] }), 'CHANGED', 'the revision comes first');
    assert.is(await users.replace({ ...bob, revision: 2, roles: ['ABSENT'] }), 'ROLE_ABSENT', 'so does the role');
    assert.equal(await users.byId(['bob']), [bob]);
    // The erased user keeps the role in the record, but is nobody to rely upon.
    await changed(other, await changed(store, former, { roles: ['ADMIN'] }), { erasedAt: NOON });
    assert.is(await users.replace({ ...bob, revision: 2, roles: ['USER'] }), 'LAST_ADMIN');
    const still = await changed(store, bob, { passwordHash: 'new', roles: ['ADMIN', 'OPERATOR'] });
    await changed(store, userOf({ userId: 'carl' }), { roles: ['ADMIN'] });
    await changed(store, still, { roles: [] });
  });

  test('two admins who remove each other at the same time do not both succeed', async ({ store, other }) => {
    const chance = chanceOf(20_261_123);
    let pair: [UserRecord, UserRecord] = [
      userOf({ userId: 'anna', roles: ['ADMIN'] }),
      userOf({ userId: 'bob', roles: ['USER', 'ADMIN'] }),
    ];
    await createUsers(store, pair);
    for (let round = 0; round < 50; round++) {
      const stores = chance.integer(2) === 0 ? ([store, other] as const) : ([other, store] as const);
      const removed = pair.map((user) => {
        const loss = chance.integer(3) === 0 ? { erasedAt: NOON } : { roles: ['USER'] };
        return { ...user, ...loss, revision: user.revision + 1 };
      }) as [UserRecord, UserRecord];
      const answers = await Promise.all(removed.map((user, at) => stores[at as 0 | 1].accounts.users.replace(user)));
      const why = `seed ${chance.seed}, round ${round}`;
      assert.equal([...answers].sort(), ['DONE', 'LAST_ADMIN'], why);
      const admins = await store.accounts.users.list({ roles: { names: ['ADMIN'], match: 'any' } }, { limit: 9 });
      assert.is(admins.filter(isAdmin).length, 1, why);
      const loser = removed[answers.indexOf('DONE')] as UserRecord;
      const again = await changed(store, loser, { roles: ['USER', 'ADMIN'], erasedAt: null });
      pair = [pair[answers.indexOf('LAST_ADMIN')] as UserRecord, again];
    }
  });
}
