import { nodeRuntime } from '../clients/runtime.ts';
import { assert, suite } from '../protocol/testing/kit.ts';
import { CLAIM_RATE, ClaimRate } from './claim-rate.ts';

const test = suite('claim rate');

function limiter({ perSecond, burst, usersMax = 100 }: { perSecond: number; burst: number; usersMax?: number }) {
  const clock = { ms: 0 };
  const runtime = { ...nodeRuntime, monotonicMs: () => clock.ms };
  return { clock, rate: new ClaimRate({ rate: { perSecond, burst }, runtime, usersMax }) };
}

test('a burst goes through, then one claim for each part of a second', () => {
  const { clock, rate } = limiter({ perSecond: 10, burst: 3 });
  assert.equal(
    [1, 2, 3, 4].map(() => rate.waitMs('u')),
    [0, 0, 0, 100],
  );
  clock.ms = 90;
  assert.is(rate.waitMs('u'), 10);
  clock.ms = 100;
  assert.equal([rate.waitMs('u'), rate.waitMs('u')], [0, 100]);
  clock.ms = 60_000;
  assert.equal(
    [1, 2, 3, 4].map(() => rate.waitMs('u')),
    [0, 0, 0, 100],
  );
});

test('users do not share', () => {
  const { rate } = limiter({ perSecond: 1, burst: 1 });
  assert.equal([rate.waitMs('a'), rate.waitMs('b'), rate.waitMs('a')], [0, 0, 1_000]);
});

test('the default lets at least 100 claims a second through for ever', () => {
  const { clock, rate } = limiter(CLAIM_RATE);
  for (let i = 0; i < 5_000; i++) {
    clock.ms += 10;
    assert.is(rate.waitMs('u'), 0);
  }
});

test('memory is bounded; who is limited and keeps asking is not forgotten', () => {
  const { rate } = limiter({ perSecond: 0.001, burst: 1, usersMax: 100 });
  rate.waitMs('loud');
  for (let i = 0; i < 10_000; i++) {
    rate.waitMs(`quiet${i}`);
    assert.ok(rate.waitMs('loud') > 0);
  }
  assert.ok(rate.users <= 100, String(rate.users));
});
