import type { Value } from '../protocol/codec.ts';
import type { EventView } from '../protocol/event.ts';
import { type BlockView, encodeBlock } from '../protocol/journal.ts';
import { encodeProblem, type Problem } from '../protocol/reply.ts';
import { assert, suite } from '../protocol/testing/kit.ts';
import { type CliAnswer, claimOnce, eventList, eventPut } from './cli.ts';
import { type JournalLine, journalLines } from './journal-dump.ts';
import { claimBody, type FakeRequest } from './testing/fake-server.ts';
import { withServers } from './testing/fixture.ts';
import { eventually } from './testing/manual-runtime.ts';

const test = suite('cli');

const EVENT: EventView = {
  eventKey: 'summer',
  title: 'Summer',
  startsAt: '2026-06-01T00:00:00.000Z',
  endsAt: null,
  timeZone: 'Asia/Seoul',
  resetHour: 4,
  period: 'daily',
  rewards: [{ kind: 'currency', id: 'gold', amount: 5_000_000_000 }],
  stock: null,
  eligibility: { kind: 'everyone' },
  graceMs: 0,
  mode: 'direct',
  modeSchedule: [],
  splitBy: 'none',
  store: 'main',
  state: 'LIVE',
  configVersion: 3,
  serverTime: '2026-06-02T00:00:00.000Z',
};

/** A server that has EVENT: what it was sent, as `name: the rest of the arguments`. */
async function putting(json: unknown): Promise<{ sent: string[]; answer: CliAnswer }> {
  const sent: string[] = [];
  let answer: CliAnswer | undefined;
  const respond = (request: FakeRequest): null => {
    sent.push(`${request.name}: ${JSON.stringify(request.args.slice(1))}`);
    if (request.name === 'EVENT_CREATE') request.problem({ code: 'EVENT_EXISTS' });
    else if (request.name === 'EVENT_GET') request.reply([0, EVENT, null]);
    else request.reply([0, { ...EVENT, configVersion: 4 }, null]);
    return null;
  };
  await withServers([{ answer: respond }], async ({ client }) => {
    answer = await eventPut(client, json);
  });
  return { sent, answer: answer as CliAnswer };
}

test('event put changes only what differs, of the version it has seen', async () => {
  const { sent, answer } = await putting({
    eventKey: 'summer',
    title: 'Summer!',
    startsAt: '2026-06-01T00:00Z',
    endsAt: '2026-09-01T00:00Z',
    period: 'daily',
    rewards: [{ amount: 5_000_000_000, id: 'gold', kind: 'currency' }],
  });
  assert.equal(sent.slice(1), [
    'EVENT_GET: ["summer"]',
    'EVENT_CHANGE: ["summer",{"title":"Summer!","endsAt":"2026-09-01T00:00Z"},3]',
  ]);
  assert.is(answer.exitCode, 0);
  assert.is((answer.body as EventView).configVersion, 4);
});

test('event put of what is there changes nothing', async () => {
  const { sent, answer } = await putting({ eventKey: 'summer', resetHour: 4 });
  assert.is(sent.length, 2);
  assert.is((answer.body as EventView).configVersion, 3);
  assert.is(answer.exitCode, 0);
});

test('event put of what is no event asks nobody', async () => {
  const { sent, answer } = await putting({ eventKey: 'summer', resetHour: 24, colour: 'red' });
  assert.is(sent.length, 0);
  assert.is(answer.exitCode, 1);
  const { code, errors } = answer.body as { code: string; errors: { field: string }[] };
  assert.is(code, 'BAD_REQUEST');
  assert.equal(
    errors.map(({ field }) => field),
    ['resetHour', 'colour'],
  );
});

test('event list turns the pages', () => {
  const answer = ({ args }: FakeRequest) => {
    const [, , cursor] = args;
    return [
      0,
      cursor === null ? [[EVENT], 'next'] : [[{ ...EVENT, eventKey: `after-${cursor}` }], null],
      null,
    ] as never;
  };
  return withServers([{ answer }], async ({ client }) => {
    const { exitCode, body } = await eventList(client);
    assert.is(exitCode, 0);
    assert.equal(
      (body as { items: EventView[] }).items.map(({ eventKey }) => eventKey),
      ['summer', 'after-next'],
    );
    assert.is((body as { nextCursor: null }).nextCursor, null);
  });
});

test('claim: granted is 0, another outcome 3, no server 1', () =>
  withServers([{ answer: (request) => (request.args[2] === 'u1' ? claimBody(request) : null) }], async (stage) => {
    const { client, server } = stage;
    const granted = await claimOnce(client, { event: 'summer', user: 'u1', requestId: 'r-1' });
    assert.is(granted.exitCode, 0);
    assert.match(
      JSON.stringify(granted.body),
      /^{"outcome":"GRANTED","claim":{"claimKey":"summer\/-\/u1".*"requestId":"r-1"/,
    );

    const refused = claimOnce(client, { event: 'summer', user: 'u2' });
    await eventually(() => server.requests.length === 2);
    const problem: Problem = { code: 'NOT_ELIGIBLE', reasons: ['not listed'] };
    server.requests[1]?.problem(problem);
    assert.is((await refused).exitCode, 3);
    assert.equal((await refused).body, {
      type: 'urn:claimd:problem:NOT_ELIGIBLE',
      title: 'The user does not meet the conditions of the event.',
      status: 403,
      code: 'NOT_ELIGIBLE',
      reasons: ['not listed'],
    });

    client.close();
    const failed = await claimOnce(client, { event: 'summer', user: 'u3' });
    assert.is(failed.exitCode, 1);
    assert.is((failed.body as { status: number }).status, 503);
  }));

test('event put changes a mode by its own request, after the rest', async () => {
  const { sent, answer } = await putting({ eventKey: 'summer', mode: 'journal', title: 'Summer!' });
  assert.equal(sent.slice(2), ['EVENT_CHANGE: ["summer",{"title":"Summer!"},3]', 'EVENT_MODE: ["summer","journal"]']);
  assert.is(answer.exitCode, 0);
  const { sent: alone } = await putting({ eventKey: 'summer', mode: 'journal' });
  assert.equal(alone.slice(2), ['EVENT_MODE: ["summer","journal"]']);
});

test('journal dump turns the pages: a line for each block and each of its claims', () => {
  const block = (offset: number): BlockView => ({
    ...{ offset, bytes: 176, kind: 'claims', origin: 'node.boot', sequence: 2, closedAt: 1_800_000_000_000 },
    ...{ crc: 0xbeef, previous: 0, firstAttempt: 9 },
    series: [{ eventKey: 'e', period: '-', configVersion: 1, rewards: [] }],
    claims: [{ series: 0, slot: 4, grantedAt: 1_800_000_000_123, userId: 'u', requestId: 'r' }],
  });
  const answer = ({ args }: FakeRequest) =>
    (args[1] === null
      ? [0, [[encodeBlock(block(8))], 8], null]
      : [0, [[encodeBlock({ ...block(200), kind: 'mark', claims: [] })], null], null]) as Value[];
  return withServers([{ answer }], async ({ client, server }) => {
    const lines: JournalLine[] = [];
    const blocks = journalLines(client, null);
    let next = await blocks.next();
    for (; !next.done; next = await blocks.next()) lines.push(...next.value);
    assert.is(next.value, null);
    assert.equal(
      server.requests.map(({ args }) => args),
      [
        [null, null, null],
        [null, 8, null],
      ],
    );
    const head = { type: 'block', bytes: 176, origin: 'node.boot', sequence: 2, closedAt: '2027-01-15T08:00:00.000Z' };
    const sums = { crc: '0000beef', previous: '00000000' };
    assert.equal(lines, [
      { ...head, ...sums, offset: 8, kind: 'claims', claims: 1 },
      {
        ...{ type: 'claim', offset: 8, attempt: 'node.boot.9', claimKey: 'e/-/u', eventKey: 'e', period: '-' },
        ...{ userId: 'u', requestId: 'r', grantedAt: '2027-01-15T08:00:00.123Z', configVersion: 1, slot: 4 },
        rewards: [],
      },
      { ...head, ...sums, offset: 200, kind: 'mark', claims: 0 },
    ]);
    assert.equal(Object.keys(lines[0] ?? {})[0], 'type');
  });
});

test('journal dump ends with the problem that stood in the way', () => {
  const answer = () => encodeProblem({ code: 'NOT_FOUND', detail: 'this store has no journal' });
  return withServers([{ answer }], async ({ client }) => {
    const { done, value } = await journalLines(client, 5).next();
    assert.equal([done, value], [true, { code: 'NOT_FOUND', detail: 'this store has no journal' }]);
  });
});
