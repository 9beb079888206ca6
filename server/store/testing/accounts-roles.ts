/** Custom roles: created once, replaced by revision, and removed only while nobody has them. */
import { assert } from '../../../protocol/testing/kit.ts';
import { chanceOf } from '../../../protocol/testing/random.ts';
import { changed, createUsers, raced, roleOf, userOf } from './accounts-fixtures.ts';
import type { Test } from './fixtures.ts';

export function roleContract(test: Test): void {
  test('a role is created once, listed by name, replaced over its revision and removed', async ({ store, other }) => {
    const { roles } = store.accounts;
    const [care, shop] = [roleOf(), roleOf({ name: 'A.SHOP', permissions: [] })];
    assert.equal(await roles.all(), []);
    assert.equal([await roles.create(care), await roles.create(shop), await roles.create(care)], [true, true, false]);
    assert.equal(await other.accounts.roles.all(), [shop, care]);
    const next = roleOf({ title: 'Care', revision: 2 });
    const answers = await raced(6, [store, other], ({ accounts }, index) =>
      accounts.roles.replace({ ...next, description: `by ${index}` }),
    );
    assert.is(answers.filter(Boolean).length, 1);
    assert.equal(await roles.all(), [shop, { ...next, description: `by ${answers.indexOf(true)}` }]);
    assert.is(await roles.replace(roleOf({ name: 'ABSENT', revision: 2 })), false);
    assert.equal([await roles.remove('CARE'), await roles.remove('CARE')], ['REMOVED', 'ABSENT']);
    assert.equal(await other.accounts.roles.all(), [shop]);
  });

  test('a role that somebody has is not removed', async ({ store, other }) => {
    const { roles } = store.accounts;
    for (const name of ['CARE', 'CARE2', 'SHOP']) await roles.create(roleOf({ name }));
    await createUsers(store, [userOf()]);
    const anna = await changed(store, userOf(), { roles: ['SHOP', 'USER', 'CARE2'] });
    assert.equal([await roles.remove('SHOP'), await roles.remove('CARE2')], ['IN_USE', 'IN_USE']);
    assert.is(await roles.remove('CARE'), 'REMOVED', 'whose name only begins another');
    await changed(other, anna, { roles: ['USER'] });
    assert.equal([await roles.remove('SHOP'), await roles.remove('CARE2')], ['REMOVED', 'REMOVED']);
  });

  test('a role that is removed while it is given is one or the other', async ({ store, other }) => {
    const chance = chanceOf(20_261_125);
    await createUsers(store, [userOf()]);
    let anna = userOf();
    const seen = new Set<string>();
    for (let round = 0; round < 30; round++) {
      await store.accounts.roles.create(roleOf());
      const given = { ...anna, roles: ['USER', 'CARE'], revision: anna.revision + 1 };
      const [remover, giver] = chance.integer(2) === 0 ? [store, other] : [other, store];
      const readsBefore = chance.integer(6);
      const removing = async () => {
        for (let read = 0; read < readsBefore; read++) await remover.accounts.roles.all();
        return remover.accounts.roles.remove('CARE');
      };
      const [removed, replaced] = await Promise.all([removing(), giver.accounts.users.replace(given)]);
      const outcome = `${removed} ${replaced}`;
      assert.ok(outcome === 'REMOVED ROLE_ABSENT' || outcome === 'IN_USE DONE', `seed ${chance.seed}: ${outcome}`);
      seen.add(outcome);
      if (replaced === 'DONE') anna = await changed(store, given, { roles: ['USER'] });
    }
    assert.is(seen.size, 2, 'both sides have won');
  });
}
