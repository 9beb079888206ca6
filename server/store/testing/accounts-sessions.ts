/** Sessions: one a user and device, rotated only over the revision that was read. */
import { assert } from '../../../protocol/testing/kit.ts';
import { raced, sessionOf } from './accounts-fixtures.ts';
import { NOON, type Test } from './fixtures.ts';

export function sessionContract(test: Test): void {
  test('a session is created once a device and found by device, by id and by user', async ({ store, other }) => {
    const { sessions } = store.accounts;
    const phone = sessionOf();
    const tablet = sessionOf({ deviceId: 'tablet', lastUsedAt: NOON + 2, endedAt: NOON + 3, previousHash: 'bb' });
    const watch = sessionOf({ deviceId: 'watch', lastUsedAt: NOON + 1 });
    const stranger = sessionOf({ userId: 'anna.2' });
    for (const session of [phone, tablet, watch, stranger]) assert.is(await sessions.create(session), true);
    assert.is(await other.accounts.sessions.create(sessionOf({ sessionId: 'another' })), false);
    assert.equal(await other.accounts.sessions.ofDevice('anna', 'tablet'), tablet);
    assert.is(await sessions.ofDevice('anna.2', 'tablet'), null);
    assert.equal(await other.accounts.sessions.bySessionId(watch.sessionId), watch);
    assert.is(await sessions.bySessionId('another'), null);
    assert.equal(await other.accounts.sessions.ofUser('anna'), [tablet, watch, phone]);
    assert.equal(await sessions.ofUser('ann'), []);
  });

  test('a replacement may bring another session id, and a removed session is gone by every way', async ({ store }) => {
    const { sessions } = store.accounts;
    assert.is(await sessions.replace(sessionOf({ revision: 2 })), false);
    await sessions.create(sessionOf());
    const next = sessionOf({ sessionId: 'second', revision: 2 });
    assert.is(await sessions.replace(next), true);
    assert.is(await sessions.replace(sessionOf({ sessionId: 'third', revision: 2 })), false);
    assert.equal(await sessions.bySessionId('second'), next);
    assert.equal(
      [await sessions.bySessionId(sessionOf().sessionId), await sessions.bySessionId('third')],
      [null, null],
    );
    await sessions.remove('anna', 'phone');
    await sessions.remove('anna', 'phone');
    assert.equal([await sessions.bySessionId('second'), await sessions.ofDevice('anna', 'phone')], [null, null]);
    assert.equal(await sessions.ofUser('anna'), []);
    assert.is(await sessions.create(sessionOf({ sessionId: 'second' })), true);
  });

  test('of many logins on one device one makes the session', async ({ store, other }) => {
    const made = await raced(20, [store, other], ({ accounts }, index) =>
      accounts.sessions.create(sessionOf({ sessionId: `login${index}` })),
    );
    assert.is(made.filter(Boolean).length, 1);
    assert.equal(
      (await store.accounts.sessions.ofUser('anna')).map(({ sessionId }) => sessionId),
      [`login${made.indexOf(true)}`],
    );
    assert.is(await other.accounts.sessions.bySessionId(`login${made.indexOf(false)}`), null);
  });

  test('of 200 rotations of one revision at once exactly one holds', async ({ store, other }) => {
    await store.accounts.sessions.create(sessionOf());
    for (let revision = 2; revision <= 5; revision++) {
      const rotated = await raced(200, [store, other], ({ accounts }, index) =>
        accounts.sessions.replace(sessionOf({ revision, generation: revision, tokenHash: `hash ${index}` })),
      );
      assert.is(rotated.filter(Boolean).length, 1);
      const session = await other.accounts.sessions.ofDevice('anna', 'phone');
      assert.is(session?.tokenHash, `hash ${rotated.indexOf(true)}`);
      assert.is(session?.revision, revision);
    }
  });
}
