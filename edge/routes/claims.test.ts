import { get } from 'node:http';
import type { Args } from '../../protocol/ops.ts';
import type { Reply } from '../../protocol/reply.ts';
import { assert, rejection, suite } from '../../protocol/testing/kit.ts';
import { ok, withEdge } from '../testing/fixture.ts';
import { claimTupleOf, GRANTED_AT_MS } from '../testing/samples.ts';
import { ACTOR } from '../testing/tokens.ts';

const test = suite('claims over HTTP');
const CSV = { accept: 'text/csv' };

test('the claim of a request id, one’s own or another user’s', async () => {
  await withEdge(
    { script: { CLAIM_BY_REQUEST: () => ok('CLAIM_BY_REQUEST', claimTupleOf()) } },
    async ({ call, asked }) => {
      const own = await call('/v1/claims/by-request/r1');
      assert.is(own.json.claim.claimKey, 'welcome/-/u1');
      await call(`/v1/claims/by-request/${encodeURIComponent('a/b?"%~')}?userId=u2`);
      assert.equal(asked, [
        { op: 'CLAIM_BY_REQUEST', args: [ACTOR, null, 'r1'] },
        { op: 'CLAIM_BY_REQUEST', args: [ACTOR, 'u2', 'a/b?"%~'] },
      ]);
      assert.is((await call(`/v1/claims/by-request/${'%7E'.repeat(128)}`)).status, 200);
      assert.is((await call(`/v1/claims/by-request/${'%7E'.repeat(129)}`)).json.code, 'BAD_REQUEST');
      assert.is((await call('/v1/claims/by-request/r1?userId=a%2Fb')).json.errors[0]?.field, 'userId');
    },
  );
});

test('no such claim is 404 CLAIM_NOT_FOUND', async () => {
  await withEdge({ script: { CLAIM_BY_REQUEST: () => ({ code: 'CLAIM_NOT_FOUND' }) } }, async ({ call }) => {
    const answer = await call('/v1/claims/by-request/r1');
    assert.is(answer.status, 404);
    assert.is(answer.json.code, 'CLAIM_NOT_FOUND');
  });
});

test('my claims are asked for without a user: the actor is the user', async () => {
  await withEdge(
    { script: { CLAIMS_OF_USER: () => ok('CLAIMS_OF_USER', [[claimTupleOf()], null, null, null]) } },
    async ({ call, asked }) => {
      const answer = await call('/v1/me/claims?eventKey=welcome&limit=5');
      assert.is(answer.json.items[0]?.requestId, 'r1');
      assert.is(answer.json.nextCursor, null);
      assert.equal(asked, [{ op: 'CLAIMS_OF_USER', args: [ACTOR, null, 'welcome', 5, null] }]);
      assert.is((await call('/v1/me/claims?userId=u2')).json.errors[0]?.field, 'userId');
    },
  );
});

test('operators’ lists pass every filter on', async () => {
  await withEdge(
    { script: { CLAIMS_LIST: () => ok('CLAIMS_LIST', [[claimTupleOf()], 'c2', ['b'], GRANTED_AT_MS]) } },
    async ({ call, asked }) => {
      const from = '2026-11-22T05:00:00.000Z';
      const answer = await call(
        `/v1/claims?eventKey=welcome&userId=u1&from=${from}&to=2026-11-23T00:00Z&limit=1&cursor=c1`,
      );
      assert.is(answer.json.nextCursor, 'c2');
      assert.equal(answer.json.incomplete, ['b']);
      assert.is(answer.json.asOf, '2026-11-22T05:00:00.123Z');
      const times = [Date.parse(from), Date.parse('2026-11-23T00:00:00Z')];
      assert.equal(asked, [{ op: 'CLAIMS_LIST', args: [ACTOR, 'welcome', 'u1', ...times, 1, 'c1'] }]);
      for (const query of ['from=yesterday', 'to=2026-02-30T00:00:00Z', 'userid=u1', 'eventKey=a%20b']) {
        assert.is((await call(`/v1/claims?${query}`)).status, 400, query);
      }
    },
  );
});

test('what the caller accepts decides between JSON, CSV and 406', async () => {
  await withEdge({ script: { CLAIMS_LIST: () => ok('CLAIMS_LIST', [[], null, null, null]) } }, async ({ call }) => {
    const rows: Record<string, string> = {
      '*/*': 'application/json',
      'text/html,application/xhtml+xml,*/*;q=0.8': 'application/json',
      'text/csv': 'text/csv',
      'text/csv;q=0.5, application/json;q=0.4': 'text/csv',
      'text/*, application/json;q=0.1': 'text/csv',
      'application/json;q=0, */*': 'text/csv',
      'image/png': 'application/problem+json',
    };
    for (const [accept, type] of Object.entries(rows)) {
      const answer = await call('/v1/claims', { headers: { accept } });
      assert.ok(
        answer.headers.get('content-type')?.startsWith(type),
        `${accept}: ${answer.headers.get('content-type')}`,
      );
      assert.is(answer.status, type.includes('problem') ? 406 : 200, accept);
    }
  });
});

/** Answers `pages` pages of as many claims each; the cursor counts them. */
function pagesOf(pages: number, claims = 1) {
  return ([, , , , , , cursor]: Args<'CLAIMS_LIST'>): Reply => {
    const page = Number(cursor ?? 0);
    const next = page + 1 < pages ? String(page + 1) : null;
    return ok('CLAIMS_LIST', [
      Array.from({ length: claims }, () => claimTupleOf({ requestId: `r${page}` })),
      next,
      null,
      page === 0 ? GRANTED_AT_MS : null,
    ]);
  };
}

test('CSV is every page, with quotes doubled and formulas defused', async () => {
  const claims = [
    claimTupleOf(),
    claimTupleOf({
      requestId: '=HYPERLINK("x"),1',
      slot: 7,
      delivery: { state: 'FULFILLED', attempts: 2, fulfilledAt: GRANTED_AT_MS },
    }),
    claimTupleOf({ userId: '-1', requestId: '@SUM', period: '20261122' }),
  ];
  const pages = ([, , , , , , cursor]: Args<'CLAIMS_LIST'>): Reply =>
    ok(
      'CLAIMS_LIST',
      cursor === null ? [claims.slice(0, 2), 'c', null, GRANTED_AT_MS] : [claims.slice(2), null, null, null],
    );
  await withEdge({ script: { CLAIMS_LIST: pages } }, async ({ call, asked }) => {
    const answer = await call('/v1/claims?eventKey=welcome', { headers: CSV });
    const at = '2026-11-22T05:00:00.123Z';
    const gold = '"[{""kind"":""currency"",""id"":""gold"",""amount"":100}]"';
    assert.is(
      answer.text,
      [
        'claimKey,eventKey,period,userId,requestId,grantedAt,configVersion,slot,rewards,deliveryState,deliveryAttempts,fulfilledAt,nextClaimAt',
        `welcome/-/u1,welcome,-,u1,r1,${at},1,,${gold},PENDING,0,,`,
        `welcome/-/u1,welcome,-,u1,"'=HYPERLINK(""x""),1",${at},1,7,${gold},FULFILLED,2,${at},`,
        `welcome/20261122/-1,welcome,20261122,'-1,'@SUM,${at},1,,${gold},PENDING,0,,`,
        '',
      ].join('\r\n'),
    );
    assert.is(answer.headers.get('content-type'), 'text/csv; charset=utf-8; header=present');
    assert.is(answer.headers.get('content-disposition'), 'attachment; filename="claims.csv"');
    assert.is(answer.headers.get('claims-as-of'), at);
    assert.is(asked.length, 2);
  });
});

test('a long export is paged as fast as it is read, and no faster', async () => {
  await withEdge({ script: { CLAIMS_LIST: pagesOf(100_000, 200) } }, async ({ origin, token, asked }) => {
    const headers = { ...CSV, authorization: `Bearer ${token()}` };
    await new Promise<void>((resolve, reject) => {
      const request = get(`${origin}/v1/claims`, { headers }, (response) => {
        response.once('readable', () => {
          // Nothing is read: asking stops when the sockets' buffers are full.
          let seen = -1;
          const settle = setInterval(() => {
            if (asked.length !== seen) {
              seen = asked.length;
              return;
            }
            clearInterval(settle);
            request.destroy();
            resolve();
          }, 20);
        });
      });
      request.on('error', reject);
    });
    assert.ok(asked.length < 2_000, `${asked.length} pages were asked for`);
  });
});

test('a refusal before the first row is a problem; a failure after it cuts the body', async () => {
  await withEdge(
    { script: { CLAIMS_LIST: () => ({ code: 'FORBIDDEN' }) } },
    async ({ call, origin, token, script, log }) => {
      const refused = await call('/v1/claims', { headers: CSV });
      assert.is(refused.status, 403);
      assert.is(refused.json.code, 'FORBIDDEN');
      script({ CLAIMS_LIST: () => ok('CLAIMS_LIST', [[], null, ['b'], null]) });
      assert.is((await call('/v1/claims', { headers: CSV })).json.code, 'STORE_UNAVAILABLE');
      const pages = pagesOf(3);
      script({ CLAIMS_LIST: (args) => (args[6] === '2' ? { code: 'BUSY', retryAfterMs: 5 } : pages(args)) });
      const response = await fetch(`${origin}/v1/claims`, { headers: { ...CSV, authorization: `Bearer ${token()}` } });
      assert.is(response.status, 200);
      await rejection(response.text());
      assert.is(log.at(-1)?.message, 'export of claims cut off');
    },
  );
});
