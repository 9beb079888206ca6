/** Lists of users: by any or all of some roles, by the start of the name, in keyset pages. */
import { assert } from '../../../protocol/testing/kit.ts';
import { type Chance, chanceOf } from '../../../protocol/testing/random.ts';
import type { UserFilter, UserRecord } from '../accounts.ts';
import { byBytes } from '../prefix.ts';
import type { Store } from '../store.ts';
import { createUsers, userOf } from './accounts-fixtures.ts';
import type { Test } from './fixtures.ts';

/** More than any list here has; a page that repeats the one before must not run for ever. */
const ROWS_MAX = 1_000;
const ROLES = ['USER', 'OPERATOR', 'AUDITOR', 'ADMIN'];
/** Beyond the 16-bit characters the order of bytes is not the order of JavaScript. */
const NAMES = ['a', 'an', 'ann', 'anna', 'änn', 'an/', 'an\u{ffff}', 'an😀', 'b', '\u{ffff}an', '😀', '😀b'];

function userNumber(number: number, chance: Chance): UserRecord {
  const username = `${chance.pick(NAMES)}${number}`;
  const named = chance.integer(8) === 0 ? { username: null, usernameKey: null } : { username, usernameKey: username };
  return userOf({
    userId: `${chance.pick(['u', 'U', 'u-', 'u.'])}${number}`,
    roles: ROLES.filter(() => chance.integer(2) === 0),
    ...named,
  });
}

function expected(users: readonly UserRecord[], { roles, usernamePrefix: prefix }: UserFilter): UserRecord[] {
  const matching = users.filter((user) => {
    if (prefix !== undefined && !user.usernameKey?.startsWith(prefix)) return false;
    if (roles === undefined) return true;
    const has = (name: string) => user.roles.includes(name);
    return roles.match === 'any' ? roles.names.some(has) : roles.names.every(has);
  });
  return matching.sort((left, right) => byBytes(placeOf(left, prefix), placeOf(right, prefix)));
}

function placeOf({ userId, usernameKey }: UserRecord, prefix: string | undefined): string {
  return prefix === undefined ? userId : (usernameKey ?? '');
}

async function readAll(store: Store, filter: UserFilter, limit: number, between = async () => {}) {
  const all: UserRecord[] = [];
  for (let page = await store.accounts.users.list(filter, { limit }); page.length > 0; ) {
    assert.ok(page.length <= limit);
    all.push(...page);
    assert.ok(all.length <= ROWS_MAX, 'the pages do not come to an end');
    await between();
    const after = placeOf(page.at(-1) as UserRecord, filter.usernamePrefix);
    page = await store.accounts.users.list(filter, { limit, after });
  }
  return all;
}

const FILTERS: readonly UserFilter[] = [
  {},
  { usernamePrefix: 'an' },
  { usernamePrefix: '😀' },
  { usernamePrefix: '\u{ffff}' },
  { usernamePrefix: 'zz' },
  ...(['any', 'all'] as const).flatMap((match) =>
    [
      ['USER'],
      ['ADMIN', 'AUDITOR'],
      ['AUDITOR', 'ADMIN', 'AUDITOR'],
      ['OPERATOR', 'USER', 'ADMIN'],
      ROLES,
      ['NONE', 'USER'],
    ]
      .map((names) => ({ names, match }))
      .flatMap((roles) => [{ roles }, { roles, usernamePrefix: 'an' }, { roles, usernamePrefix: '😀' }]),
  ),
];

export function userListContract(test: Test): void {
  test('users are listed by roles and by the start of the name, in pages', async ({ store }) => {
    const chance = chanceOf(20_261_124);
    const users = Array.from({ length: 150 }, (_, number) => userNumber(number, chance));
    await createUsers(store, users);
    for (const filter of FILTERS) {
      const wanted = expected(users, filter);
      const why = JSON.stringify(filter);
      assert.equal(await readAll(store, filter, 40), wanted, why);
      assert.equal(await store.accounts.users.list(filter, { limit: 3 }), wanted.slice(0, 3), why);
    }
  });

  test('a page may start where no user is', async ({ store }) => {
    const users = ['b', 'd', 'f'].map((userId) => userOf({ userId }));
    await createUsers(store, users);
    const roles = { names: ['USER', 'ADMIN'], match: 'any' } as const;
    const idsOf = async (filter: UserFilter, after: string) =>
      (await store.accounts.users.list(filter, { limit: 9, after })).map(({ userId }) => userId);
    for (const filter of [{}, { roles }]) assert.equal(await idsOf(filter, 'c'), ['d', 'f']);
    for (const filter of [{ usernamePrefix: 'd' }, { usernamePrefix: 'd', roles }]) {
      assert.equal(await idsOf(filter, 'a'), ['d'], 'before the prefix');
      assert.equal(await idsOf(filter, 'e'), [], 'behind the prefix');
    }
  });

  test('paging neither skips nor repeats while users are added', async ({ store, other }) => {
    const users = Array.from({ length: 40 }, (_, index) =>
      userOf({
        userId: `m${String(index * 2).padStart(3, '0')}`,
        roles: index % 2 === 0 ? ['USER'] : ['USER', 'ADMIN'],
      }),
    );
    await createUsers(store, users);
    const filters: UserFilter[] = [
      {},
      { roles: { names: ['ADMIN', 'USER'], match: 'any' } },
      { roles: { names: ['ADMIN', 'USER'], match: 'all' } },
      { usernamePrefix: 'm' },
    ];
    let added = 0;
    for (const filter of filters) {
      const seen = await readAll(store, filter, 7, async () => {
        added++;
        const ids = added > 12 ? [] : [`a${added}`, `z${added}`, `m${String(added * 6 + 1).padStart(3, '0')}`];
        await createUsers(
          other,
          ids.map((userId) => userOf({ userId, roles: ['ADMIN', 'USER'] })),
        );
      });
      const ids = seen.map(({ userId }) => userId);
      assert.is(new Set(ids).size, ids.length, JSON.stringify(filter));
      const isOld = new Set(users.map(({ userId }) => userId));
      assert.equal(
        seen.filter(({ userId }) => isOld.has(userId)),
        expected(users, filter),
        JSON.stringify(filter),
      );
    }
  });
}
