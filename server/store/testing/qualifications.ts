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

  test('a list is read in pages, each user once and in order', async ({ store, other }) => {
    const users = Array.from({ length: 25 }, (_, index) => `user${index}`);
    await store.qualifications.add('summer', users);
    await store.qualifications.add('summer.', ['stranger']);
    await store.qualifications.add('summe', ['stranger']);
    const listed: string[] = [];
    for (let page: string[] = ['']; page.length > 0; listed.push(...page)) {
      const after = listed.at(-1);
      page = await other.qualifications.list('summer', { limit: 10, ...(after === undefined ? {} : { after }) });
    }
    assert.equal(listed, [...users].sort());
    assert.equal(await other.qualifications.list('winter', { limit: 10 }), []);
  });

  test('changes are told in order, each once, and only those that changed something', async ({ store, other }) => {
    const { qualifications } = store;
    await qualifications.add('summer', ['before']);
    const begin = await other.qualifications.changes(null);
    assert.equal(begin?.changes, []);
    assert.equal(await other.qualifications.changes(begin?.mark ?? 0), begin, 'nothing has changed since');
    await qualifications.add('summer', ['anna', 'before', 'anna', 'ben']);
    await qualifications.add('summer', ['anna']);
    await qualifications.remove('summer', ['ben', 'nobody', 'ben']);
    await other.qualifications.add('winter', ['ben']);
    const told = await other.qualifications.changes(begin?.mark ?? 0);
    assert.equal(
      told?.changes.map(({ kind, eventKey, userIds }) => [kind, eventKey, ...userIds]),
      [
        ['added', 'summer', 'anna', 'ben'],
        ['removed', 'summer', 'ben'],
        ['added', 'winter', 'ben'],
      ],
    );
    assert.is(told?.isLast, true);
    assert.is((await store.qualifications.changes(null))?.mark, told?.mark);
  });

  test('whoever applies all changes since a mark has the list, whatever happens at once', async ({ store, other }) => {
    const users = new Set<string>();
    let mark = (await store.qualifications.changes(null))?.mark ?? 0;
    const work: Promise<unknown>[] = [];
    for (let round = 0; round < 12; round++) {
      const some = Array.from({ length: 40 }, (_, index) => `user${(index * 7 + round * 3) % 60}`);
      const { qualifications } = round % 2 === 0 ? store : other;
      work.push(round % 3 === 2 ? qualifications.remove('summer', some) : qualifications.add('summer', some));
    }
    await Promise.all(work);
    for (let isLast = false; !isLast; ) {
      const told = await other.qualifications.changes(mark);
      if (told === null) throw new Error('the log is too short');
      for (const { kind, userIds } of told.changes) {
        for (const userId of userIds) assert.is(users.has(userId), kind === 'removed', 'a change changes something');
        for (const userId of userIds) kind === 'added' ? users.add(userId) : users.delete(userId);
      }
      ({ mark, isLast } = told);
    }
    assert.equal([...users].sort(), await store.qualifications.list('summer', { limit: 100 }));
  });
}
