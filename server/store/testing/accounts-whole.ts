/** That accounts outlive their handles, and that a closed store says so. */
import { assert, rejection } from '../../../protocol/testing/kit.ts';
import { StoreUnavailable } from '../store.ts';
import { changed, createUsers, entryOf, revocationOf, roleOf, sessionOf, userOf } from './accounts-fixtures.ts';
import type { Test } from './fixtures.ts';

export function accountContract(test: Test): void {
  test('every account answered is there after the store is opened again', async ({ store, reopen }) => {
    if (reopen === null) return;
    await store.accounts.roles.create(roleOf());
    await createUsers(store, [userOf()]);
    const anna = await changed(store, userOf(), { roles: ['USER', 'CARE'] });
    await store.accounts.sessions.create(sessionOf());
    await store.accounts.revocations.add([revocationOf()]);
    const { mark } = await store.accounts.revocations.since(null);
    await store.accounts.audit.append([entryOf(1)]);

    const { accounts } = await reopen();
    assert.equal(await accounts.users.byUsername('anna'), anna);
    assert.equal(await accounts.users.list({ roles: { names: ['CARE', 'USER'], match: 'all' } }, { limit: 9 }), [anna]);
    assert.is(await accounts.users.create(userOf({ userId: 'rival', username: 'anna' })), false);
    assert.equal(await accounts.roles.all(), [roleOf()]);
    assert.is(await accounts.roles.remove('CARE'), 'IN_USE');
    assert.equal(await accounts.sessions.bySessionId(sessionOf().sessionId), sessionOf());
    assert.equal((await accounts.revocations.since(null)).revocations, [revocationOf()]);
    await accounts.revocations.add([revocationOf({ userId: 'bob' })]);
    assert.equal((await accounts.revocations.since(mark)).revocations, [revocationOf({ userId: 'bob' })]);
    assert.equal(await accounts.audit.list({}, { limit: 9 }), [entryOf(1)]);
  });

  test('a closed store rejects every question about accounts', async ({ store }) => {
    const { users, roles, sessions, revocations, audit } = store.accounts;
    await store.close();
    const asked = [
      () => users.create(userOf()),
      () => users.byId(['anna']),
      () => users.byUsername('anna'),
      () => users.replace(userOf({ revision: 2 })),
      () => users.list({}, { limit: 1 }),
      () => roles.all(),
      () => roles.create(roleOf()),
      () => roles.replace(roleOf({ revision: 2 })),
      () => roles.remove('CARE'),
      () => sessions.create(sessionOf()),
      () => sessions.replace(sessionOf({ revision: 2 })),
      () => sessions.ofDevice('anna', 'phone'),
      () => sessions.bySessionId('session1'),
      () => sessions.ofUser('anna'),
      () => sessions.remove('anna', 'phone'),
      () => revocations.add([revocationOf()]),
      () => revocations.since(null),
      () => audit.append([entryOf(1)]),
      () => audit.list({}, { limit: 1 }),
    ];
    for (const ask of asked) assert.instance(await rejection(ask()), StoreUnavailable, String(ask));
  });
}
