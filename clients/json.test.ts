import type { ClaimView } from '../protocol/claim.ts';
import { ERRORS, type ErrorName } from '../protocol/errors.ts';
import type { Problem } from '../protocol/reply.ts';
import { assert, suite } from '../protocol/testing/kit.ts';
import { claimJson, problemJson } from './json.ts';

const test = suite('json');

const claim: ClaimView = {
  claimKey: 'welcome/-/u1',
  eventKey: 'welcome',
  period: '-',
  userId: 'u1',
  requestId: 'r-1',
  grantedAt: Date.UTC(2026, 10, 22, 5, 0, 0, 123),
  configVersion: 1,
  slot: null,
  rewards: [{ kind: 'currency', id: 'gold', amount: 100 }],
  delivery: { state: 'PENDING', attempts: 0, fulfilledAt: null },
  nextClaimAt: null,
};

test('a claim reads as HTTP shows it', () => {
  assert.is(
    JSON.stringify(claimJson(claim)),
    '{"claimKey":"welcome/-/u1","eventKey":"welcome","period":"-","userId":"u1","requestId":"r-1",' +
      '"grantedAt":"2026-11-22T05:00:00.123Z","configVersion":1,"slot":null,' +
      '"rewards":[{"kind":"currency","id":"gold","amount":100}],' +
      '"delivery":{"state":"PENDING","attempts":0,"fulfilledAt":null},"nextClaimAt":null}',
  );
});

const window = { serverTime: Date.UTC(2026, 0, 1), startsAt: 0, endsAt: null };
const ROWS: [Problem, Record<string, unknown>][] = [
  [
    { code: 'ALREADY_CLAIMED', claim: { ...claim, nextClaimAt: 86_400_000 } },
    {
      claim: claimJson({ ...claim, nextClaimAt: 86_400_000 }),
      nextClaimAt: '1970-01-02T00:00:00.000Z',
    },
  ],
  [
    { code: 'SOLD_OUT', window },
    { serverTime: '2026-01-01T00:00:00.000Z', startsAt: '1970-01-01T00:00:00.000Z', endsAt: null },
  ],
  [
    { code: 'BUSY', retryAfterMs: 20, detail: 'full' },
    { detail: 'full', retryAfterMs: 20 },
  ],
  [{ code: 'NOT_ELIGIBLE', reasons: ['not listed'] }, { reasons: ['not listed'] }],
  [
    { code: 'BAD_REQUEST', faults: [{ field: 'resetHour', rule: 'integer 0…23' }] },
    { errors: [{ field: 'resetHour', rule: 'integer 0…23' }] },
  ],
  [{ code: 'MOVED', address: '127.0.0.1:1', mapVersion: 2 }, { retryAfterMs: 500 }],
  [{ code: 'CLAIM_NOT_FOUND' }, {}],
];
for (const [problem, carried] of ROWS) {
  test(`${problem.code} as problem+json`, () => {
    const { http: status, sentence: title } = ERRORS[problem.code as ErrorName];
    assert.equal(problemJson(problem), {
      type: `urn:claimd:problem:${problem.code}`,
      title,
      status,
      code: problem.code,
      ...carried,
    });
  });
}
