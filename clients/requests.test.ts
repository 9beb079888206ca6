/** Every method is the request the op table names, and every result is checked before a caller sees it. */

import { encodeClaim } from '../protocol/claim.ts';
import type { Value } from '../protocol/codec.ts';
import { type BlockView, encodeBlock } from '../protocol/journal.ts';
import { assert, suite } from '../protocol/testing/kit.ts';
import type { Client } from './client.ts';
import { withServers } from './testing/fixture.ts';
import { eventually } from './testing/manual-runtime.ts';

const test = suite('requests');

const claim = {
  claimKey: 'e/-/u',
  eventKey: 'e',
  period: '-',
  userId: 'u',
  requestId: 'r',
  grantedAt: 1_800_000_000_000,
  configVersion: 1,
  slot: 7,
  rewards: [],
  delivery: { state: 'FULFILLED', attempts: 2, fulfilledAt: 1_800_000_000_500 } as const,
};
const claimView = { ...claim, nextClaimAt: null };
const claimTuple = encodeClaim(claim, null);
const event = {
  eventKey: 'e',
  title: 'E',
  startsAt: '2026-01-01T00:00:00.000Z',
  endsAt: null,
  timeZone: 'UTC',
  resetHour: 0,
  period: 'once',
  rewards: [],
  stock: null,
  eligibility: { kind: 'everyone' },
  graceMs: 0,
  mode: 'direct',
  modeSchedule: [],
  splitBy: 'none',
  store: 'main',
  state: 'LIVE',
  configVersion: 1,
  serverTime: '2026-01-01T00:00:00.000Z',
} as const;

const block: BlockView = {
  ...{ offset: 2 ** 34, bytes: 120, kind: 'claims', origin: 'n.b', sequence: 1, closedAt: 1_800_000_000_000 },
  ...{ crc: 2 ** 32 - 1, previous: 0, firstAttempt: 2 ** 40 },
  series: [{ eventKey: 'e', period: '-', configVersion: 1, rewards: [{ kind: 'a', id: 'b', amount: 2 ** 40 }] }],
  claims: [{ series: 0, slot: null, grantedAt: 1_800_000_000_000, userId: 'u', requestId: 'r' }],
};

type Row = [name: string, call: (client: Client) => Promise<unknown>, args: Value[], result: Value, answer: object];
const ROWS: Row[] = [
  ['EVENT_GET', (c) => c.events.get('e'), [null, 'e'], event, { event }],
  ['EVENT_LIST', (c) => c.events.list(), [null, null, null], [[event], 'x'], { items: [event], nextCursor: 'x' }],
  [
    'EVENT_LIST',
    (c) => c.events.list({ limit: 2, cursor: 'x' }),
    [null, 2, 'x'],
    [[], null],
    { items: [], nextCursor: null },
  ],
  [
    'EVENT_CREATE',
    (c) => c.events.create({ eventKey: 'e', stock: 3 }),
    [null, { eventKey: 'e', stock: 3 }],
    event,
    { event },
  ],
  ['EVENT_CHANGE', (c) => c.events.change('e', { title: 'E' }), [null, 'e', { title: 'E' }, null], event, { event }],
  [
    'EVENT_CHANGE',
    (c) => c.events.change('e', { title: 'E' }, { configVersion: 4 }),
    [null, 'e', { title: 'E' }, 4],
    event,
    { event },
  ],
  ['EVENT_PAUSE', (c) => c.events.pause('e'), [null, 'e'], event, { event }],
  ['EVENT_RESUME', (c) => c.events.resume('e'), [null, 'e'], event, { event }],
  ['EVENT_MODE', (c) => c.events.setMode('e', 'journal'), [null, 'e', 'journal'], event, { event }],
  ['JOURNAL_BLOCKS', (c) => c.journalBlocks(), [null, null, null], [[], null], { blocks: [], next: null }],
  [
    'JOURNAL_BLOCKS',
    (c) => c.journalBlocks({ after: 2 ** 33, limit: 3 }),
    [null, 2 ** 33, 3],
    [[encodeBlock(block)], 2 ** 34],
    { blocks: [block], next: 2 ** 34 },
  ],
  [
    'CLAIM_BY_REQUEST',
    (c) => c.claims.byRequest({ userId: 'u', requestId: 'r' }),
    [null, 'u', 'r'],
    claimTuple,
    { claim: claimView },
  ],
  [
    'CLAIMS_OF_USER',
    (c) => c.claims.ofUser({ userId: 'u', eventKey: 'e' }),
    [null, 'u', 'e', null, null],
    [[claimTuple], null],
    { items: [claimView], nextCursor: null, incomplete: null, asOf: null },
  ],
  [
    'CLAIMS_LIST',
    (c) => c.claims.list({ from: 1_800_000_000_000, to: 1_900_000_000_000, limit: 5 }),
    [null, null, null, 1_800_000_000_000, 1_900_000_000_000, 5, null],
    [[claimTuple, claimTuple], 'n'],
    { items: [claimView, claimView], nextCursor: 'n', incomplete: null, asOf: null },
  ],
  [
    'QUALIFY',
    (c) => c.qualifications.add('e', ['a', 'b']),
    [null, 'e', ['a', 'b']],
    [2, 1, 1],
    { received: 2, added: 1, existing: 1 },
  ],
  [
    'DISQUALIFY',
    (c) => c.qualifications.remove('e', ['a']),
    [null, 'e', ['a']],
    [1, 0, 1],
    { received: 1, removed: 0, absent: 1 },
  ],
  ['QUALIFIED', (c) => c.qualifications.has('e', 'a'), [null, 'e', 'a'], true, { qualified: true }],
];
for (const [name, call, args, result, answer] of ROWS) {
  test(`${name} ${JSON.stringify(args)}`, () =>
    withServers([{}], async ({ client, server }) => {
      const answered = call(client);
      await eventually(() => server.requests.length === 1);
      assert.is(server.requests[0]?.name, name);
      assert.equal(server.requests[0]?.args, args);
      server.requests[0]?.reply([0, result, null]);
      assert.equal(await answered, { code: 'OK', ...answer });
    }));
}

test('request passes the actor and gives the reply as it is', () =>
  withServers([{}], async ({ client, server }) => {
    const replied = client.request('EVENT_GET', [{ 0: 'no' } as never, 'e']);
    const own = client.request('EVENT_GET', [['u1', 'sid', ['USER']] as never, 'e']);
    await eventually(() => server.requests.length === 2);
    server.requests[0]?.problem({ code: 'BAD_REQUEST', faults: [{ field: 'actor', rule: 'array' }] });
    server.requests[1]?.reply([0, event, null]);
    assert.equal(await replied, {
      code: 'BAD_REQUEST',
      detail: undefined,
      faults: [{ field: 'actor', rule: 'array' }],
    });
    assert.equal(server.requests[1]?.args, [['u1', 'sid', ['USER']], 'e']);
    assert.equal(await own, { code: 'OK', result: event });
  }));

test('a CLAIM request without an id gets one, the same for each attempt', () =>
  withServers([{}], async ({ client, server, runtime }) => {
    const replied = client.request('CLAIM', [null, 'e', 'u', null, 200]);
    await eventually(() => server.requests.length === 1);
    server.requests[0]?.problem({ code: 'BUSY', retryAfterMs: 10 });
    await eventually(() => runtime.pending.includes(10));
    runtime.advance(10);
    await eventually(() => server.requests.length === 2);
    const [first, second] = server.requests.map(({ args }) => args);
    assert.type(first?.[3], 'string');
    assert.equal(second, first);
    assert.is(first?.[4], 200);
    server.requests[1]?.grant('REPLAYED');
    assert.is((await replied).code, 'REPLAYED');
  }));

test('a deadline that is no time rejects, one beyond the protocol is cut', () =>
  withServers([{}], async ({ client, server }) => {
    for (const deadlineMs of [0, -1, Number.NaN]) {
      const error = await client.events.get('e', { deadlineMs }).catch((reason: Error) => reason);
      assert.match(String(error), /deadlineMs/);
    }
    void client.claim({ eventKey: 'e', userId: 'u', deadlineMs: 3_600_000 });
    await eventually(() => server.requests.length === 1);
    assert.is(server.requests[0]?.args[4], 29_900);
  }));
