/** Revocations: whoever adds them, whoever reads them finds each one, once. */
import { assert } from '../../../protocol/testing/kit.ts';
import type { Revocation } from '../accounts.ts';
import type { Store } from '../store.ts';
import { raced, revocationOf } from './accounts-fixtures.ts';
import { NOON, type Test } from './fixtures.ts';

/** Reads on from mark to mark, as a node does that polls. */
class Reader {
  readonly seen: Revocation[] = [];
  readonly #store: Store;
  #mark: string | null = null;

  constructor(store: Store) {
    this.#store = store;
  }

  async read(): Promise<Revocation[]> {
    const { revocations, mark } = await this.#store.accounts.revocations.since(this.#mark);
    this.#mark = mark;
    this.seen.push(...revocations);
    return revocations;
  }
}

export function revocationContract(test: Test): void {
  test('each read tells what was added since the mark, and a null mark tells all', async ({ store, other }) => {
    const reader = new Reader(store);
    assert.equal(await reader.read(), []);
    assert.equal(await reader.read(), []);
    const [first, second] = [revocationOf(), revocationOf({ sessionId: 'session1', at: NOON + 1 })];
    await other.accounts.revocations.add([first, second]);
    assert.equal(await reader.read(), [first, second]);
    await store.accounts.revocations.add([]);
    assert.equal(await reader.read(), []);
    // A clock that was put back does not hide what is added then.
    const early = revocationOf({ userId: 'bob', at: NOON - 3_600_000 });
    await store.accounts.revocations.add([early]);
    await other.accounts.revocations.add([first]);
    assert.equal(await reader.read(), [early, first]);
    assert.equal(await new Reader(other).read(), [first, second, early, first]);
  });

  test('what was added before a read began is in it or before it, whoever added it', async ({ store, other }) => {
    let isDone = false;
    const added: Revocation[] = [];
    const readers = [store, other, store, other].map((each) => new Reader(each));
    const read = async (reader: Reader) => {
      while (!isDone) {
        const before = added.length;
        await reader.read();
        const seen = new Set(reader.seen.map(({ userId }) => userId));
        for (const { userId } of added.slice(0, before)) assert.ok(seen.has(userId), `${userId} was missed`);
        // A store that answers from memory would leave the writers no time.
        await new Promise((resolve) => setImmediate(resolve));
      }
    };
    const write = raced(8, [store, other], async ({ accounts }, writer) => {
      for (let number = 0; number < 25; number++) {
        const revocations = [1, 2].map((part) => revocationOf({ userId: `user${writer}.${number}.${part}` }));
        await accounts.revocations.add(revocations);
        added.push(...revocations);
      }
    }).finally(() => {
      isDone = true;
    });
    await Promise.all([write, ...readers.map(read)]);
    for (const reader of readers) {
      await reader.read();
      const ids = reader.seen.map(({ userId }) => userId).sort();
      assert.equal(ids, added.map(({ userId }) => userId).sort(), 'each once');
    }
  });
}
