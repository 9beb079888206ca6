/** Lists of the users who may claim an event. */
import { assert } from '../../../protocol/testing/kit.ts';
import type { Test } from './fixtures.ts';

export function qualificationContract(test: Test): void {
  test('adding and removing count what changed, repeats in one call included', async ({ store }) => {
    const { qualifications } = store;
    assert.equal(await qualifications.add('summer', ['anna', 'ben', 'anna']), { added: 2, existing: 1 });
    assert.equal(await qualifications.add('summer', ['ben', 'cleo']), { added: 1, existing: 1 });
    assert.equal(await qualifications.add('summer', []), { added: 0, existing: 0 });
    assert.equal(await qualifications.remove('summer', ['anna', 'anna', 'nobody']), { removed: 1, absent: 2 });
    assert.equal(await qualifications.remove('winter', ['ben']), { removed: 0, absent: 1 });
    assert.equal(await qualifications.remove('summer', []), { removed: 0, absent: 0 });
    assert.equal(await qualifications.has(['anna', 'ben', 'cleo'].map((userId) => ({ eventKey: 'summer', userId }))), [
      false,
      true,
      true,
    ]);
  });

  test('has looks at exactly the event and the user named, in order', async ({ store, other }) => {
    const users = ['__proto__', 'constructor', 'a.b', 'Anna', ':', 'u'.repeat(128)];
    await store.qualifications.add('summer', users);
    const ask = (eventKey: string, userId: string) => ({ eventKey, userId });
    assert.equal(
      await other.qualifications.has(users.map((userId) => ask('summer', userId))),
      users.map(() => true),
    );
    assert.equal(
      await other.qualifications.has([
        ask('summer', 'anna'),
        ask('summer', 'Anna'),
        ask('summer.', 'Anna'),
        ask('Summer', 'Anna'),
        ask('summer', 'Ann'),
      ]),
      [false, true, false, false, false],
    );
    assert.equal(await other.qualifications.has([]), []);
  });

  test('large lists and calls at the same time count right', async ({ store, other }) => {
    const users = Array.from({ length: 3_000 }, (_, index) => `user${index}`);
    const counts = await Promise.all([
      store.qualifications.add('summer', users),
      other.qualifications.add('summer', users),
    ]);
    assert.is(counts[0].added + counts[1].added, users.length);
    assert.is(counts[0].existing + counts[1].existing, users.length);
    assert.equal(await store.qualifications.remove('summer', users), { removed: users.length, absent: 0 });
  });
}
