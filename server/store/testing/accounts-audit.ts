/** The audit log: appended once, listed newest first by filters that hold together, in keyset pages. */
import { assert } from '../../../protocol/testing/kit.ts';
import { chanceOf } from '../../../protocol/testing/random.ts';
import type { AuditEntry, AuditFilter } from '../accounts.ts';
import type { Store } from '../store.ts';
import { entryOf, raced } from './accounts-fixtures.ts';
import { NOON, type Test } from './fixtures.ts';

/** More than any list here has; a page that repeats the one before must not run for ever. */
const ROWS_MAX = 1_000;
const LONG = `${'long '.repeat(1_000)}😀`;

async function readAll(store: Store, filter: AuditFilter, limit: number, between = async () => {}) {
  const all: AuditEntry[] = [];
  for (let page = await store.accounts.audit.list(filter, { limit }); page.length > 0; ) {
    assert.ok(page.length <= limit);
    all.push(...page);
    assert.ok(all.length <= ROWS_MAX, 'the pages do not come to an end');
    await between();
    page = await store.accounts.audit.list(filter, { limit, after: (page.at(-1) as AuditEntry).auditId });
  }
  return all;
}

function expected(entries: readonly AuditEntry[], { from = 0, to = Infinity, ...fields }: AuditFilter): AuditEntry[] {
  const named = Object.entries(fields) as ['actor' | 'action' | 'subject', string][];
  return entries
    .filter((entry) => entry.at >= from && entry.at < to && named.every(([field, value]) => entry[field] === value))
    .sort((left, right) => (left.auditId < right.auditId ? 1 : -1));
}

const FILTERS: readonly AuditFilter[] = [
  {},
  { actor: 'anna' },
  { actor: 'service:game' },
  { actor: 'nobody' },
  { action: 'user.roles' },
  { subject: '' },
  { subject: LONG },
  { subject: 'a/b' },
  { from: NOON + 10 },
  { to: NOON + 10 },
  { from: NOON + 10, to: NOON + 20 },
  { from: NOON + 10, to: NOON + 10 },
  { actor: 'anna', action: 'user.roles', from: NOON + 5, to: NOON + 25 },
  { actor: 'service:game', subject: 'a/b' },
  { action: 'session.ended', subject: LONG, to: NOON + 20 },
];

export function auditContract(test: Test): void {
  test('entries are listed newest first, by every filter, in pages', async ({ store, other }) => {
    const chance = chanceOf(20_261_126);
    const entries = Array.from({ length: 150 }, (_, index) =>
      entryOf(index, {
        at: NOON + chance.integer(30),
        actor: chance.pick(['anna', 'anna2', 'service:game']),
        action: chance.pick(['user.roles', 'session.ended']),
        subject: chance.pick(['', 'a/b', 'a', LONG]),
        from: chance.pick([null, '::1']),
        before: chance.pick([null, 'text', 7, { at: 2 ** 40 }]),
      }),
    );
    await raced(15, [store, other], ({ accounts }, index) =>
      accounts.audit.append(entries.slice(index * 10, index * 10 + 10)),
    );
    for (const filter of FILTERS) {
      assert.equal(await readAll(store, filter, 40), expected(entries, filter), JSON.stringify(filter).slice(0, 80));
    }
    assert.equal(await other.accounts.audit.list({}, { limit: 2 }), expected(entries, {}).slice(0, 2));
  });

  test('an entry appended again is kept once, and new ones do not shift the pages', async ({ store, other }) => {
    const entries = Array.from({ length: 30 }, (_, index) => entryOf(index));
    await store.accounts.audit.append(entries);
    await other.accounts.audit.append([...entries.slice(0, 5), entryOf(30)]);
    await store.accounts.audit.append([]);
    const old = expected([...entries, entryOf(30)], {});
    let sequence = 1_000;
    for (const filter of [{}, { actor: 'anna' }]) {
      assert.equal(await readAll(store, { ...filter, to: NOON + 999 }, 7), old);
      const seen = await readAll(store, filter, 7, () => other.accounts.audit.append([entryOf(++sequence)]));
      assert.equal(
        seen.filter(({ at }) => at < NOON + 999),
        old,
      );
      assert.is(new Set(seen.map(({ auditId }) => auditId)).size, seen.length);
    }
  });
}
