/**
 * How long a page of the list of users takes when there are a million, as a check by hand that prints its figures:
 * `npx tsx server/testing/whole/million-users.ts [USERS [lmdb|mongo]]`. Users are written into the store as it stores them, without
 * the hashing of their passwords. Takes some minutes and no part in the suite.
 */

import { inLanes } from '../../lib/in-lanes.ts';
import { realRuntime } from '../../lib/runtime.ts';
import type { UserFilter, UserRecord } from '../../store/accounts.ts';
import { openLmdbStore } from '../../store/lmdb/open.ts';
import { temporaryFolder } from '../../store/lmdb/testing/folder.ts';
import { openMongoStore } from '../../store/mongo/open.ts';
import type { Store } from '../../store/store.ts';
import { userOf } from '../../store/testing/accounts-fixtures.ts';
import { startReplicaSet } from '../mongod.ts';

const USERS = Number(process.argv[2] ?? 1_000_000);
const KINDS = process.argv[3] === undefined ? ['lmdb', 'mongo'] : [process.argv[3]];
const LANES = 64;
const GROUP = 10_000;
const LIMIT = 50;
const PAGES = 200;

const FILTERS: readonly [string, UserFilter][] = [
  ['all users', {}],
  ['a role that half have', { roles: { names: ['OPERATOR'], match: 'any' } }],
  ['any of two roles', { roles: { names: ['OPERATOR', 'AUDITOR'], match: 'any' } }],
  ['both of two roles, which 1 in 1,000 have', { roles: { names: ['OPERATOR', 'AUDITOR'], match: 'all' } }],
  ['names that begin alike', { usernamePrefix: 'name05' }],
];

function rolesOf(index: number): string[] {
  if (index % 1_000 === 1) return ['USER', 'OPERATOR', 'AUDITOR'];
  return ['USER', index % 2 === 0 ? 'OPERATOR' : 'AUDITOR'];
}

function userAt(index: number): UserRecord {
  const number = String(index).padStart(9, '0');
  // In no order, as names are.
  const name = String((index * 7_368_787) % 1_000_000_007).padStart(10, '0');
  return userOf({ userId: `u${number}`, username: `name${name}`, roles: rolesOf(index) });
}

async function fill({ accounts: { users } }: Store): Promise<void> {
  const startedAt = performance.now();
  for (let from = 0; from < USERS; from += GROUP) {
    const group = Array.from({ length: Math.min(GROUP, USERS - from) }, (_, i) => userAt(from + i));
    const made = await inLanes(group, LANES, (user) => users.create(user));
    if (!made.every(Boolean)) throw new Error(`a user of those from ${from} on is there already`);
  }
  process.stdout.write(`${USERS} users written in ${((performance.now() - startedAt) / 1_000).toFixed(0)} s\n`);
}

/** Pages one after another, from anywhere in the list. */
async function measure({ accounts: { users } }: Store, [what, filter]: (typeof FILTERS)[number]): Promise<void> {
  const times: number[] = [];
  let shown = 0;
  for (let page = 0; page < PAGES; page++) {
    const index = Math.floor((page / PAGES) * USERS);
    const { userId, usernameKey } = userAt(index);
    const after = (filter.usernamePrefix === undefined ? userId : usernameKey) ?? '';
    const startedAt = performance.now();
    shown += (await users.list(filter, { limit: LIMIT, after })).length;
    times.push(performance.now() - startedAt);
  }
  const first = (times[0] ?? 0).toFixed(1);
  times.sort((a, b) => a - b);
  const [p50, p99, most] = [0.5, 0.99, 1].map((share) => (times[Math.ceil(share * PAGES) - 1] ?? 0).toFixed(1));
  const counts = `${(shown / PAGES).toFixed(0)} users a page`;
  process.stdout.write(
    `${what.padEnd(44)} p50 ${p50} ms, p99 ${p99} ms, most ${most} ms, first ${first} ms, ${counts}\n`,
  );
}

async function check(kind: string, store: Store): Promise<void> {
  process.stdout.write(`${kind}\n`);
  await fill(store);
  for (const filter of FILTERS) await measure(store, filter);
  await store.close();
}

if (KINDS.includes('lmdb')) {
  const { path, remove } = temporaryFolder();
  await check('lmdb', await openLmdbStore({ directory: path, runtime: realRuntime }));
  remove();
}
if (KINDS.includes('mongo')) {
  const set = await startReplicaSet({ members: 1 });
  await check('mongo', await openMongoStore({ uri: set.freshUri(), runtime: realRuntime }));
  await set.stop();
}
