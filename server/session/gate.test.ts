import { assert, rejection, suite } from '../../protocol/testing/kit.ts';
import { type VirtualTime, virtualTime } from '../../protocol/testing/virtual-time.ts';
import type { RevocationStore } from '../store/accounts.ts';
import { type Store, StoreUnavailable } from '../store/store.ts';
import { STORE_CASES } from '../testing/stores.ts';
import { Gate, PLAYERS_STALE_MS, ROLES_STALE_MS } from './gate.ts';
import { KnownRoles } from './known-roles.ts';
import type { Principal } from './principal.ts';
import { Revocations, UNSTORED_TOKEN_MS_MAX } from './revocations.ts';

const test = suite('gate');
const [lmdb] = STORE_CASES;
const START_MS = Date.UTC(2026, 10, 22);
const POLL_MS = 500;

function userOf(userId: string, { roles = ['USER'], sessionId = 's.1', issuedAt = START_MS } = {}): Principal {
  const via = { serviceId: 'edge', roles: new Set(['edge'] as const) };
  return { kind: 'user', userId, sessionId, roles, issuedAt, from: null, via };
}

type World = {
  store: Store;
  time: VirtualTime;
  revocations: Revocations;
  /** What another node writes. */
  elsewhere: RevocationStore;
  line: { isDown: boolean };
  codeOf(principal: Principal, op?: Parameters<Gate['judge']>[1]): Promise<string>;
};

async function inWorld(use: (world: World) => Promise<void>): Promise<void> {
  await lmdb?.withStores(1, async ([store]) => {
    if (store === undefined) throw new Error('one handle');
    const time = virtualTime();
    const line = { isDown: false };
    const { users, roles, revocations: real } = store.accounts;
    const cut: RevocationStore = {
      add: (revocations) => real.add(revocations),
      since: (mark) => (line.isDown ? Promise.reject(new StoreUnavailable('cut')) : real.since(mark)),
    };
    const revocations = new Revocations({ store: cut, runtime: time, nowMs: () => START_MS + time.monotonicMs() });
    await revocations.start();
    const gate = new Gate({ revocations, known: new KnownRoles({ users, roles, runtime: time }) });
    async function codeOf(principal: Principal, op: Parameters<Gate['judge']>[1] = 'ME') {
      const verdict = await gate.judge(principal, op);
      return 'code' in verdict ? verdict.code : verdict.reach;
    }
    /** The poll reads a real store, whose answer takes real time. */
    const advance = async (ms: number) => {
      for (let passed = 0; passed < ms; passed += POLL_MS) {
        await time.advance(Math.min(POLL_MS, ms - passed));
        await real.since(null);
        await time.settle();
      }
    };
    await use({ store, time: { ...time, advance }, revocations, elsewhere: real, line, codeOf });
    revocations.stop();
  });
}
const at = START_MS + 1;

test('what another node revokes holds with the next reading, and is forgotten when the tokens have ended', () =>
  inWorld(async ({ elsewhere, time, codeOf, revocations }) => {
    await elsewhere.add([{ userId: 'u1', sessionId: 's.1', at, until: START_MS + 10_000 }]);
    assert.is(await codeOf(userOf('u1')), 'own');
    await time.advance(POLL_MS);
    for (const op of ['ME', 'CLAIM', 'EVENT_LIST', 'EVENT_CREATE', 'USERS_LIST'] as const) {
      assert.is(await codeOf(userOf('u1'), op), 'SESSION_ENDED', op);
    }
    assert.is(await codeOf(userOf('u1', { sessionId: 's.2' })), 'own');
    await time.advance(11_000);
    assert.is(revocations.size, 0);
  }));

test('a whole user: tokens without a session that were issued before, and no session of ours', () =>
  inWorld(async ({ revocations, codeOf }) => {
    await revocations.add([{ userId: 'u1', sessionId: null, at, until: at + UNSTORED_TOKEN_MS_MAX }]);
    const cli = (issuedAt: number | null) => ({ ...userOf('u1', { sessionId: 'cli' }), issuedAt }) as Principal;
    assert.is(await codeOf(cli(START_MS)), 'SESSION_ENDED');
    assert.is(await codeOf(cli(null)), 'SESSION_ENDED', 'without a time nothing says that it is newer');
    assert.is(await codeOf(cli(at)), 'own');
    assert.is(await codeOf(userOf('u1')), 'own');
    assert.is(await codeOf({ ...cli(START_MS), userId: 'u2' } as Principal), 'own');
  }));

test('a token without a session is refused before its revocation could be forgotten', () =>
  inWorld(async ({ time, codeOf }) => {
    const cli = userOf('u1', { sessionId: 'cli' });
    assert.is(await codeOf({ ...cli, issuedAt: START_MS - UNSTORED_TOKEN_MS_MAX } as Principal), 'own');
    await time.advance(1);
    assert.is(await codeOf({ ...cli, issuedAt: START_MS - UNSTORED_TOKEN_MS_MAX } as Principal), 'SESSION_ENDED');
  }));

test('an older revocation of a user does not replace a newer one', () =>
  inWorld(async ({ revocations, codeOf }) => {
    const until = at + UNSTORED_TOKEN_MS_MAX;
    await revocations.add([{ userId: 'u1', sessionId: null, at: at + 100, until }]);
    await revocations.add([{ userId: 'u1', sessionId: null, at, until }]);
    assert.is(await codeOf(userOf('u1', { sessionId: 'cli', issuedAt: at + 50 })), 'SESSION_ENDED');
  }));

test('each revocation is told once, by whomever it was made', () =>
  inWorld(async ({ revocations, elsewhere, time }) => {
    const told: string[] = [];
    revocations.onRevoked((fresh) => told.push(...fresh.map(({ sessionId }) => sessionId ?? '')));
    const revocation = { userId: 'u1', at, until: START_MS + 60_000 };
    await revocations.add([{ ...revocation, sessionId: 's.1' }]);
    await elsewhere.add([{ ...revocation, sessionId: 's.2' }]);
    await time.advance(POLL_MS * 3);
    assert.equal(told, ['s.1', 's.2']);
  }));

test('blind for 2 s: ops that take a role are 503, players go on until 10 s, then nobody', () =>
  inWorld(async ({ line, time, codeOf }) => {
    const operator = userOf('op', { sessionId: 'cli', roles: ['OPERATOR'] });
    assert.is(await codeOf(operator, 'EVENT_PAUSE'), 'any');
    assert.is(await codeOf(operator, 'CLAIMS_OF_USER'), 'any');
    line.isDown = true;
    await time.advance(ROLES_STALE_MS + POLL_MS);
    assert.is(await codeOf(operator, 'EVENT_PAUSE'), 'STORE_UNAVAILABLE');
    assert.is(await codeOf(operator, 'USERS_LIST'), 'STORE_UNAVAILABLE');
    assert.is(await codeOf(operator, 'CLAIMS_OF_USER'), 'own', 'an operator is a player too');
    assert.is(await codeOf(operator, 'CLAIM'), 'own');
    await time.advance(PLAYERS_STALE_MS);
    for (const op of ['CLAIM', 'ME', 'CLAIMS_OF_USER', 'EVENT_PAUSE'] as const) {
      assert.is(await codeOf(operator, op), 'STORE_UNAVAILABLE', op);
    }
    line.isDown = false;
    await time.advance(POLL_MS * 2);
    assert.is(await codeOf(operator, 'EVENT_PAUSE'), 'any');
  }));

test('a service needs no revocations', () =>
  inWorld(async ({ line, time, codeOf }) => {
    line.isDown = true;
    await time.advance(PLAYERS_STALE_MS * 2);
    const service = { serviceId: 'game', roles: new Set(['game'] as const) };
    assert.is(await codeOf({ kind: 'service', service }, 'CLAIM'), 'any');
  }));

test('the document’s roles count, and an erased user is nobody', () =>
  inWorld(async ({ store, time, codeOf }) => {
    const user = {
      ...{ userId: 'u1', username: 'a', usernameKey: 'a', passwordHash: null, createdAt: 0, erasedAt: null },
      roles: ['AUDITOR'],
      revision: 1,
    };
    await store.accounts.users.create(user);
    const boast = userOf('u1', { roles: ['ADMIN'] });
    assert.is(await codeOf(boast, 'USERS_LIST'), 'any');
    assert.is(await codeOf(boast, 'USER_ERASE'), 'FORBIDDEN');
    const erased = { ...user, username: null, usernameKey: null, roles: [], erasedAt: 1, revision: 2 };
    assert.is(await store.accounts.users.replace(erased), 'DONE');
    await time.advance(2_000);
    assert.is(await codeOf(boast, 'USERS_LIST'), 'SESSION_ENDED');
  }));

test('who cannot be looked up is not let in, and is asked for again', () =>
  inWorld(async ({ store, time, revocations }) => {
    const line = { isDown: true };
    const { users, roles } = store.accounts;
    const byId: typeof users.byId = (ids) =>
      line.isDown ? Promise.reject(new StoreUnavailable('cut')) : users.byId(ids);
    const gate = new Gate({ revocations, known: new KnownRoles({ users: { byId }, roles, runtime: time }) });
    const operator = userOf('op', { roles: ['OPERATOR'] });
    const judged = async () => gate.judge(operator, 'EVENT_PAUSE');
    assert.instance(await rejection(judged()), StoreUnavailable);
    line.isDown = false;
    assert.ok('reach' in (await judged()));
  }));
