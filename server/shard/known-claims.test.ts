/** What is known of users beside a plain map of all that was remembered: it may forget, but never tells anything else. */
import { claimKeyOf } from '../../protocol/key.ts';
import { assert, suite } from '../../protocol/testing/kit.ts';
import { type Chance, chanceOf } from '../../protocol/testing/random.ts';
import type { ClaimRecord } from '../store/store.ts';
import { KnownClaims } from './known-claims.ts';

const test = suite('known claims');

const REWARDS = [[], [{ kind: 'currency', id: 'gold', amount: 100 }]];

function claimOf(fields: Partial<Omit<ClaimRecord, 'claimKey'>> = {}): ClaimRecord {
  const { eventKey = 'summer', period = '-', userId = 'u1' } = fields;
  return {
    ...{ eventKey, period, userId, claimKey: claimKeyOf(eventKey, period, userId) },
    ...{ requestId: 'r1', grantedAt: 1_795_348_800_000, configVersion: 1, slot: null, rewards: [], attempt: 'n.b.1' },
    delivery: { state: 'PENDING', attempts: 0, fulfilledAt: null },
    ...fields,
  };
}

function anyClaim(chance: Chance, users: number): ClaimRecord {
  return claimOf({
    eventKey: chance.pick(['summer', 'winter']),
    period: chance.pick(['-', '20260518', '20260519']),
    userId: `${chance.pick(['u', 'a-long-user-id-'])}${chance.integer(users)}`,
    requestId: 'r'.repeat(chance.integer(129)),
    attempt: `n.b.${chance.integer(1_000_000)}`,
    grantedAt: chance.integer(1_795_348_800_000),
    configVersion: chance.integer(3),
    slot: chance.pick([null, 1, 2 ** 33]),
    rewards: chance.pick(REWARDS),
    delivery: chance.pick([
      { state: 'PENDING', attempts: 0, fulfilledAt: null },
      { state: 'FULFILLED', attempts: 2, fulfilledAt: 1_795_348_800_001 },
      { state: 'DEAD', attempts: 9, fulfilledAt: null },
    ]),
  });
}

test('what is known is what was remembered last for its claim key', () => {
  const chance = chanceOf(Number(process.env.SEED ?? Date.now() % 1_000_000));
  for (const [usersMax, users] of [
    [16, 12],
    [64, 1_000],
    [1_000, 400],
  ] as const) {
    const known = new KnownClaims(usersMax);
    const remembered = new Map<string, ClaimRecord>();
    for (let step = 0; step < 4_000; step++) {
      const claim = anyClaim(chance, users);
      if (chance.integer(3) > 0) {
        known.remember(claim);
        remembered.set(claim.claimKey, claim);
        assert.equal(known.ofUser(claim.userId)[0], claim, `seed ${chance.seed}: at once`);
      }
      const found = known.ofUser(claim.userId);
      assert.is(new Set(found.map(({ claimKey }) => claimKey)).size, found.length);
      for (const each of found) assert.equal(each, remembered.get(each.claimKey), `seed ${chance.seed}, step ${step}`);
    }
    assert.ok(known.userCount > 0 && known.userCount <= 2 ** Math.ceil(Math.log2(4 * usersMax)));
  }
});

test('as many users as there is room for are known at once, and all of their claims', () => {
  const known = new KnownClaims(10_000);
  const userIds = Array.from({ length: 10_000 }, (_, i) => `player-${i}`);
  for (const userId of userIds) known.remember(claimOf({ userId }));
  const kept = userIds.filter((userId) => known.ofUser(userId).length === 1).length;
  assert.ok(kept > 9_900, `${kept} of 10,000`);
  for (const period of ['1', '2', '3']) known.remember(claimOf({ userId: 'player-7', period }));
  assert.equal(
    known.ofUser('player-7').map(({ period }) => period),
    ['3', '2', '1', '-'],
  );
});

test('a user who is asked for is not forgotten when the ring comes round', () => {
  const known = new KnownClaims(1_000);
  for (const period of ['1', '2']) known.remember(claimOf({ userId: 'regular', period }));
  for (let i = 0; i < 20_000; i++) {
    known.remember(claimOf({ userId: `passer-by-${i}` }));
    if (i % 100 === 0) assert.is(known.ofUser('regular').length, 2, `after ${i}`);
  }
});

test('without room, and of text that is no bytes, nothing is kept', () => {
  const none = new KnownClaims(0);
  none.remember(claimOf());
  assert.equal([none.ofUser('u1'), none.userCount], [[], 0]);
  const known = new KnownClaims(16);
  for (const userId of ['\u0100', 'u'.repeat(256)]) {
    known.remember(claimOf({ userId }));
    assert.equal(known.ofUser(userId), []);
  }
});

test('of many configurations the oldest are forgotten, and none is mistaken', () => {
  const known = new KnownClaims(20_000);
  for (let configVersion = 0; configVersion < 10_500; configVersion++) {
    known.remember(claimOf({ userId: `u${configVersion}`, configVersion }));
  }
  for (let i = 0; i < 10_500; i++) {
    const [claim] = known.ofUser(`u${i}`);
    assert.ok(claim === undefined ? i < 10_000 : claim.configVersion === i, `u${i}`);
  }
});
