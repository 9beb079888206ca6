import type { Value } from '../protocol/codec.ts';
import { ERRORS, type ErrorName } from '../protocol/errors.ts';
import type { Problem } from '../protocol/reply.ts';
import { assert, suite } from '../protocol/testing/kit.ts';
import { standingOf } from './retry.ts';
import type { FakeRequest, FakeServer } from './testing/fake-server.ts';
import { type Stage, withServers } from './testing/fixture.ts';
import { eventually, promptly } from './testing/manual-runtime.ts';

const test = suite('retry');
const CLAIM = { eventKey: 'welcome', userId: 'u1' };
const window = { serverTime: 2, startsAt: 1, endsAt: null };

async function nthRequest(server: FakeServer, n: number): Promise<FakeRequest> {
  await eventually(() => server.requests.length >= n);
  return server.requests[n - 1] as FakeRequest;
}

/** Answers the next attempt so that the client waits before another, and lets that wait pass. */
async function refuse({ server, runtime }: Stage, n: number, problem: Problem): Promise<FakeRequest> {
  const request = await nthRequest(server, n);
  request.problem(problem);
  const waitMs = 'retryAfterMs' in problem ? problem.retryAfterMs : 0;
  await eventually(() => runtime.pending.includes(waitMs));
  runtime.advance(waitMs);
  return request;
}

const RETRIED: Problem[] = [
  { code: 'IN_PROGRESS', retryAfterMs: 40 },
  { code: 'RATE_LIMITED', retryAfterMs: 50 },
  { code: 'BUSY', retryAfterMs: 60 },
  { code: 'DRAINING', retryAfterMs: 0 },
  { code: 'STORE_UNAVAILABLE', retryAfterMs: 80 },
  { code: 'GUARD_MISSING', retryAfterMs: 90 },
  { code: 'OUTCOME_UNKNOWN' },
  { code: 'INTERNAL' },
];
for (const problem of RETRIED) {
  test(`${problem.code} is asked again after its delay with the same request id`, () =>
    withServers([{}], async (stage) => {
      const claim = stage.client.claim(CLAIM);
      const first = await refuse(stage, 1, problem);
      const second = await nthRequest(stage.server, 2);
      assert.is(second.args[3], first.args[3]);
      second.grant();
      assert.is((await claim).code, 'GRANTED');
    }));
}

const FINAL: Problem[] = [
  { code: 'NOT_ELIGIBLE', reasons: ['not listed'] },
  { code: 'SOLD_OUT', window },
  { code: 'PAUSED', window },
  { code: 'EVENT_NOT_FOUND' },
  { code: 'KEY_REUSED' },
  { code: 'FORBIDDEN' },
  { code: 'BAD_REQUEST', faults: [{ field: 'userId', rule: 'shorter' }] },
];
for (const problem of FINAL) {
  test(`${problem.code} is not asked again`, () =>
    withServers([{}], async ({ client, server }) => {
      const claim = client.claim(CLAIM);
      (await nthRequest(server, 1)).problem(problem);
      assert.is((await claim).code, problem.code);
      assert.is(server.requests.length, 1);
    }));
}

test('every code of the table has the standing its retry column says', () => {
  const unsettled: ErrorName[] = ['IN_PROGRESS', 'OUTCOME_UNKNOWN', 'INTERNAL'];
  for (const code of Object.keys(ERRORS) as ErrorName[]) {
    const again = unsettled.includes(code) ? 'unsettled' : 'undecided';
    assert.is(standingOf('CLAIM', code), ERRORS[code].retry === 'sameId' ? again : 'final', code);
    assert.is(standingOf('EVENT_CREATE', code) === 'unsettled', false, code);
  }
});

test('unlessBusy passes BUSY on at once, and still settles what is not known', () =>
  withServers([{}], async (stage) => {
    const busy = stage.client.claim({ ...CLAIM, retry: 'unlessBusy' });
    (await nthRequest(stage.server, 1)).problem({ code: 'BUSY', retryAfterMs: 60 });
    assert.is((await busy).code, 'BUSY');
    const unknown = stage.client.claim({ ...CLAIM, retry: 'unlessBusy' });
    await refuse(stage, 2, { code: 'OUTCOME_UNKNOWN' });
    await refuse(stage, 3, { code: 'BUSY', retryAfterMs: 60 });
    (await nthRequest(stage.server, 4)).grant();
    assert.is((await unknown).code, 'GRANTED');
  }));

test('retry never gives the first outcome', () =>
  withServers([{}], async ({ client, server }) => {
    const claim = client.claim({ ...CLAIM, retry: 'never' });
    (await nthRequest(server, 1)).problem({ code: 'BUSY', retryAfterMs: 7 });
    const reply = await claim;
    assert.is(reply.code, 'BUSY');
    assert.is('retryAfterMs' in reply ? reply.retryAfterMs : null, 7);
  }));

test('delays grow with full jitter on top of the hint', () =>
  withServers([{}], async (stage) => {
    stage.runtime.chance = 0.5;
    const claim = stage.client.claim(CLAIM);
    for (const [n, jitterMs] of [10, 20, 40, 80].entries()) {
      (await nthRequest(stage.server, n + 1)).problem({ code: 'BUSY', retryAfterMs: 100 });
      await eventually(() => stage.runtime.pending.includes(100 + jitterMs));
      stage.runtime.advance(100 + jitterMs);
    }
    (await nthRequest(stage.server, 5)).grant();
    assert.is((await claim).code, 'GRANTED');
  }));

test('the server is told how much time is left', () =>
  withServers([{}], async (stage) => {
    const claim = stage.client.claim({ ...CLAIM, deadlineMs: 2_000 });
    const first = await refuse(stage, 1, { code: 'BUSY', retryAfterMs: 1_500 });
    assert.is(first.args[4], 1_900);
    const second = await nthRequest(stage.server, 2);
    assert.is(second.args[4], 450);
    second.grant();
    assert.is((await claim).code, 'GRANTED');
  }));

test('a hint beyond the deadline ends it with the last honest answer', () =>
  withServers([{}], async ({ client, server }) => {
    const claim = client.claim(CLAIM);
    (await nthRequest(server, 1)).problem({ code: 'STORE_UNAVAILABLE', retryAfterMs: 6_000 });
    assert.is((await claim).code, 'STORE_UNAVAILABLE');
  }));

const ENDS: [string, (Problem | 'cut')[], ErrorName][] = [
  ['BUSY to the end', [{ code: 'BUSY', retryAfterMs: 10 }], 'BUSY'],
  [
    'IN_PROGRESS, then BUSY',
    [
      { code: 'IN_PROGRESS', retryAfterMs: 10 },
      { code: 'BUSY', retryAfterMs: 10 },
    ],
    'IN_PROGRESS',
  ],
  ['a lost reply, then BUSY', ['cut', { code: 'BUSY', retryAfterMs: 10 }], 'OUTCOME_UNKNOWN'],
  [
    'OUTCOME_UNKNOWN, then IN_PROGRESS',
    [{ code: 'OUTCOME_UNKNOWN' }, { code: 'IN_PROGRESS', retryAfterMs: 10 }],
    'OUTCOME_UNKNOWN',
  ],
  ['BUSY, then silence', [{ code: 'BUSY', retryAfterMs: 10 }], 'OUTCOME_UNKNOWN'],
];
for (const [name, answers, end] of ENDS) {
  test(`at the deadline: ${name} is ${end}`, () =>
    withServers([{}], async (stage) => {
      const { client, server, runtime } = stage;
      const claim = client.claim(CLAIM);
      for (const [n, answer] of answers.entries()) {
        if (answer === 'cut') {
          (await nthRequest(server, n + 1)).peer.cut();
          await eventually(() => !client.isReady);
          await promptly(runtime, () => client.isReady);
        } else await refuse(stage, n + 1, answer);
      }
      const last = await nthRequest(server, answers.length + 1);
      if (!name.includes('silence')) {
        last.problem({ ...(answers.at(-1) as Problem), retryAfterMs: 9_000 } as Problem);
      }
      if (name.includes('silence') || end === 'OUTCOME_UNKNOWN') runtime.advance(5_000);
      assert.is((await claim).code, end);
    }));
}

const OK_NULL: readonly Value[] = [0, null, null];
test('a lost reply: what may run twice is sent again, what may not is OUTCOME_UNKNOWN', () =>
  withServers([{}, {}], async ({ client, servers, runtime }) => {
    const requests = () => servers.flatMap((server) => server.requests);
    const created = client.events.create({ eventKey: 'e' });
    await eventually(() => requests().length === 1);
    requests()[0]?.peer.cut();
    assert.is((await created).code, 'OUTCOME_UNKNOWN');

    runtime.advance(1);
    await eventually(() => client.status().ready === 2);
    const pinged = client.request('PING', []);
    await eventually(() => requests().length === 2);
    const [first] = requests().filter(({ name }) => name === 'PING');
    first?.peer.cut();
    await eventually(() => client.status().ready === 1);
    runtime.advance(1);
    await eventually(() => requests().length === 3);
    const second = requests().find((request) => request.name === 'PING' && request !== first);
    assert.is.not(second?.peer.socket.localPort, first?.peer.socket.localPort);
    second?.reply(OK_NULL);
    assert.equal(await pinged, { code: 'OK', result: null });
  }));

test('what may not run twice is still asked again when nothing was done', () =>
  withServers([{}], async (stage) => {
    const created = stage.client.events.create({ eventKey: 'e' });
    await refuse(stage, 1, { code: 'BUSY', retryAfterMs: 5 });
    (await nthRequest(stage.server, 2)).problem({ code: 'OUTCOME_UNKNOWN' });
    assert.is((await created).code, 'OUTCOME_UNKNOWN');
    assert.is(stage.server.requests.length, 2);
  }));
