/**
 * That the reads of accounts use their indexes. The server's own profile says which commands the store really sent and
 * how many keys and documents each of them cost; `explain` of those very commands says by which plan.
 */
import { type Db, type Document, MongoClient } from 'mongodb';
import { assert, suite } from '../../../protocol/testing/kit.ts';
import { realRuntime } from '../../lib/runtime.ts';
import { mongodReason, startReplicaSet } from '../../testing/mongod.ts';
import type { AuditFilter, UserFilter } from '../accounts.ts';
import type { Store } from '../store.ts';
import { changed, createUsers, entryOf, sessionOf, userOf } from '../testing/accounts-fixtures.ts';
import { NOON } from '../testing/fixtures.ts';
import { openMongoStore } from './open.ts';

const test = suite('mongo plans of accounts');
const set = mongodReason === null ? await startReplicaSet({ members: 1 }) : null;

const USERS = 400;
const LIMIT = 10;

/** Half have one role and half another, and three have both: who reads one role to find the other reads 200 users. */
async function fill(store: Store): Promise<void> {
  const rolesOf = (index: number) =>
    index % 133 === 1 ? ['USER', 'OPERATOR', 'AUDITOR'] : ['USER', index % 2 === 0 ? 'OPERATOR' : 'AUDITOR'];
  const users = Array.from({ length: USERS }, (_, index) =>
    userOf({ userId: `u${1_000 + index}`, username: `name${1_000 + index}`, roles: rolesOf(index) }),
  );
  await createUsers(store, [...users, userOf({ userId: 'root', roles: ['ADMIN'] })]);
  await Promise.all(
    Array.from({ length: 50 }, (_, index) =>
      store.accounts.sessions.create(sessionOf({ userId: `u${index % 10}`, deviceId: `d${index}` })),
    ),
  );
  await store.accounts.audit.append(
    Array.from({ length: USERS }, (_, index) =>
      entryOf(index, { actor: `u${index % 20}`, subject: `s${index % 20}`, action: index % 2 === 0 ? 'even' : 'odd' }),
    ),
  );
}

type Sent = { command: Document; keysExamined: number; docsExamined: number; nreturned: number };

/** What the store sends while `act` runs, as the server saw it; its own look at the guards, by the clock, is not part of it. */
async function sentBy(db: Db, act: () => Promise<unknown>): Promise<Sent[]> {
  await db.command({ profile: 2 });
  await act();
  await db.command({ profile: 0 });
  const filter = { op: 'query', ns: { $not: /profile|\.meta$/ } };
  const sent = await db.collection<Document & Sent>('system.profile').find(filter).toArray();
  await db.collection('system.profile').drop();
  return sent;
}

async function stagesOf(db: Db, { lsid, $clusterTime, $db, ...command }: Document): Promise<string[]> {
  const { queryPlanner } = await db.command({ explain: command, verbosity: 'queryPlanner' });
  const within = (plan: Document): string[] => [
    plan.stage,
    ...[plan.inputStage ?? [], plan.inputStages ?? []].flat().flatMap(within),
  ];
  return within(queryPlanner.winningPlan.queryPlan ?? queryPlanner.winningPlan);
}

async function withStore(use: (store: Store, db: Db) => Promise<void>): Promise<void> {
  const uri = set?.freshUri() ?? '';
  const client = new MongoClient(uri);
  const store = await openMongoStore({ uri, runtime: realRuntime });
  try {
    await fill(store);
    await use(store, client.db());
  } finally {
    await Promise.all([store.close(), client.close()]);
  }
}

/** Each act is one command that reads no more than it shows: `keysMax` index keys and a page of documents. */
async function expectFrugal(db: Db, name: string, keysMax: number, act: () => Promise<unknown>): Promise<void> {
  const [sent, ...others] = await sentBy(db, act);
  assert.is(others.length, 0, name);
  if (sent === undefined) throw new Error(`${name}: nothing was sent`);
  const stages = await stagesOf(db, sent.command);
  const why = `${name}: ${stages.join(' ')}, ${sent.keysExamined} keys, ${sent.docsExamined} documents`;
  assert.not.ok(
    stages.some((stage) => stage === 'COLLSCAN' || stage === 'SORT'),
    why,
  );
  assert.ok(
    stages.some((stage) => /IXSCAN|IDHACK/.test(stage)),
    why,
  );
  assert.ok(sent.docsExamined <= LIMIT, why);
  assert.ok(sent.keysExamined <= keysMax, why);
}

const ROLES = ['OPERATOR', 'AUDITOR'];

test(
  'a page of users is a stretch of an index for every filter',
  () =>
    withStore(async ({ accounts }, db) => {
      for (const match of ['any', 'all'] as const) {
        for (const [prefix, after] of [
          [{}, 'u1100'],
          [{ usernamePrefix: 'name1' }, 'name1100'],
        ] as const) {
          const filter: UserFilter = { roles: { names: ROLES, match }, ...prefix };
          // A merge reads one key ahead in each of its two stretches, and one user in both is read twice.
          const keysMax = 2 * (LIMIT + 2);
          const name = JSON.stringify(filter);
          await expectFrugal(db, name, keysMax, () => accounts.users.list(filter, { limit: LIMIT }));
          await expectFrugal(db, `${name} after`, keysMax, () => accounts.users.list(filter, { limit: LIMIT, after }));
          await expectFrugal(db, name, LIMIT + 2, () => accounts.users.list(prefix, { limit: LIMIT, after }));
        }
      }
    }),
  { skip: mongodReason },
);

test(
  'users and sessions are found by their indexes',
  () =>
    withStore(async (store, db) => {
      const { users, sessions } = store.accounts;
      await expectFrugal(db, 'byId', 3, () => users.byId(['u1001', 'u1002']));
      await expectFrugal(db, 'byUsername', 2, () => users.byUsername('name1001'));
      await expectFrugal(db, 'ofDevice', 2, () => sessions.ofDevice('u1', 'd1'));
      await expectFrugal(db, 'bySessionId', 2, () => sessions.bySessionId('session.u1.d1'));
      await expectFrugal(db, 'ofUser', 6, () => sessions.ofUser('u1'));
      const [root] = await users.byId(['root']);
      if (root == null) throw new Error('no root');
      const sent = await sentBy(db, () => users.replace({ ...root, roles: [], revision: 2 }));
      for (const { command, docsExamined } of sent) assert.ok(docsExamined <= 1, JSON.stringify(command.filter));
      await changed(store, root, { roles: ['ADMIN', 'USER'] });
    }),
  { skip: mongodReason },
);

test(
  'a page of the audit log is a stretch of an index for every filter',
  () =>
    withStore(async ({ accounts }, db) => {
      const span = { from: NOON + 100, to: NOON + 300 };
      const filters: AuditFilter[] = [
        {},
        { actor: 'u3' },
        { action: 'odd' },
        { subject: 's3' },
        { subject: 's3', actor: 'u3', action: 'odd' },
      ];
      for (const filter of filters.flatMap((each) => [each, { ...each, ...span }])) {
        const name = JSON.stringify(filter);
        await expectFrugal(db, name, LIMIT + 1, () => accounts.audit.list(filter, { limit: LIMIT }));
        const after = entryOf(200).auditId;
        await expectFrugal(db, name, LIMIT + 1, () => accounts.audit.list(filter, { limit: LIMIT, after }));
      }
    }),
  { skip: mongodReason },
);

test('the replica set is stopped', async () => set?.stop());
