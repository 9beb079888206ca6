/** What only the embedded store does with the log of changes: it keeps the last ones. The rest is in the contract. */
import { assert, suite } from '../../../protocol/testing/kit.ts';
import { realRuntime } from '../../lib/runtime.ts';
import { openLmdbStore } from './open.ts';
import { temporaryFolder } from './testing/folder.ts';

const test = suite('lmdb qualifications');
const KEPT = 2_000;

test('the log keeps the last changes; who is further behind is told that it is', async () => {
  const folder = temporaryFolder();
  const store = await openLmdbStore({ directory: folder.path, runtime: realRuntime });
  try {
    const { qualifications } = store;
    // Calls of one turn share a commit, and each is a change.
    const users = Array.from({ length: KEPT + 100 }, (_, n) => `user${n}`);
    await Promise.all(users.map((userId) => qualifications.add('vip', [userId])));
    assert.is(await qualifications.changes(0), null);
    assert.is(await qualifications.changes(99), null);
    const told: string[] = [];
    for (let [mark, isLast] = [100, false]; !isLast; ) {
      const page = await qualifications.changes(mark);
      if (page === null) throw new Error('these are kept');
      told.push(...page.changes.flatMap(({ userIds }) => userIds));
      ({ mark, isLast } = page);
    }
    assert.equal(told, users.slice(100));
    assert.equal(await qualifications.changes(KEPT + 100), { changes: [], mark: KEPT + 100, isLast: true });
  } finally {
    await store.close();
    folder.remove();
  }
});
