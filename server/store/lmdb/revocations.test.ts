/** That old revocations go and that marks go on counting. */
import { assert, suite } from '../../../protocol/testing/kit.ts';
import { realRuntime } from '../../lib/runtime.ts';
import { REVOCATION_KEPT_MS } from '../accounts.ts';
import { revocationOf } from '../testing/accounts-fixtures.ts';
import { NOON } from '../testing/fixtures.ts';
import { openLmdbStore } from './open.ts';
import { temporaryFolder } from './testing/folder.ts';

const test = suite('lmdb revocations');

test('those long past their time are removed as others come, and marks count on', async () => {
  const folder = temporaryFolder();
  const store = await openLmdbStore({ directory: folder.path, runtime: realRuntime });
  try {
    const { revocations } = store.accounts;
    const [old, live] = [revocationOf(), revocationOf({ at: NOON + 3_600_000 })];
    const late = revocationOf({ at: old.until + REVOCATION_KEPT_MS + 1 });
    await revocations.add([old, old, live]);
    const { mark } = await revocations.since(null);
    await revocations.add([late]);
    assert.equal(await revocations.since(null), { revocations: [live, late], mark: '4' });
    assert.equal(await revocations.since(mark), { revocations: [late], mark: '4' });
    // A clock that was put back removes nothing.
    await revocations.add([old]);
    const muchLater = revocationOf({ at: late.at * 2 });
    await revocations.add([muchLater]);
    assert.equal(await revocations.since(null), { revocations: [muchLater], mark: '6' });
  } finally {
    await store.close();
    folder.remove();
  }
});
