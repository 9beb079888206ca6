import { type ClaimView, encodeClaim, periodShape } from './claim.ts';
import { decodeBody, encodeFrame } from './codec.ts';
import { KIND, PREFIX_BYTES } from './frame.ts';
import { decodeReady, encodeReady, type Ready, readyTuple } from './ready.ts';
import { encodeProblem, read, readClaim } from './reply.ts';
import { faultsOf } from './shape.ts';
import { assert, suite } from './testing/kit.ts';

const test = suite('claim');

const LARGE = 2 ** 52;
const overTheWire = (body: ReturnType<typeof encodeClaim>) =>
  decodeBody(encodeFrame(KIND.reply, 16, 1, body).subarray(PREFIX_BYTES));

const claim: ClaimView = {
  claimKey: 'summer/2026W47/u:1',
  eventKey: 'summer',
  period: '2026W47',
  userId: 'u:1',
  requestId: '!"#~',
  grantedAt: LARGE,
  configVersion: LARGE,
  slot: LARGE,
  rewards: [{ kind: 'currency', id: 'gold', amount: LARGE }],
  delivery: { state: 'DEAD', attempts: LARGE, fulfilledAt: LARGE },
  nextClaimAt: LARGE,
};

// Anything left as a float is refused by the scan on the other side.
test('a claim of the largest numbers arrives as it was sent', () => {
  assert.equal(readClaim(overTheWire(encodeClaim(claim, LARGE))), claim);
});

test('a claim of nothing but nulls arrives as it was sent', () => {
  const delivery = { state: 'PENDING' as const, attempts: 0, fulfilledAt: null };
  const bare = { ...claim, slot: null, rewards: [], delivery, nextClaimAt: null };
  assert.equal(readClaim(overTheWire(encodeClaim(bare, null))), bare);
});

test('READY of the largest numbers arrives as it was sent', () => {
  const ready: Ready = {
    frameBytesMax: 64,
    inFlightFramesMax: 0x7fffffff,
    inFlightClaimsMax: 1,
    batchClaimsMax: 1,
    shardMapVersion: LARGE,
    serverProof: Uint8Array.from({ length: 32 }, (_, i) => i),
    serverTimeMs: LARGE,
    roles: [],
  };
  const back = decodeReady(read(readyTuple, overTheWire(encodeReady(ready))));
  assert.equal({ ...back, serverProof: Uint8Array.from(back.serverProof) }, ready);
});

test('large numbers in other outcomes leave as integers', () => {
  const window = { serverTime: LARGE, startsAt: LARGE, endsAt: LARGE };
  overTheWire(encodeProblem({ code: 'SOLD_OUT', window }));
  overTheWire(encodeProblem({ code: 'MOVED', address: 'h:1', mapVersion: LARGE }));
  overTheWire(encodeProblem({ code: 'ALREADY_CLAIMED', claim }));
});

test('a claim with any one field wrong is refused', () => {
  const good = () => overTheWire(encodeClaim(claim, LARGE)) as unknown[];
  for (let i = 0; i < good().length; i++) {
    const bad = good();
    bad[i] = -1;
    assert.throws(() => readClaim(bad), /malformed reply/, `field ${i}`);
  }
});

test('a period is one of the four forms', () => {
  const takes = (period: unknown) => faultsOf(periodShape, period).length === 0;
  for (const period of ['-', '20260518', '2026W21', '202605']) assert.ok(takes(period), period);
  for (const period of ['', '--', '2026', '2026w21', '2026-05', '20260518\n', 202605]) assert.not.ok(takes(period));
});
