/** `claimd qualify`: what it prints, and that it goes on where it was stopped. */
import { appendFile, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { assert, rejection, suite } from '../../protocol/testing/kit.ts';
import { realRuntime } from '../lib/runtime.ts';
import { valueIn, withPrograms } from '../testing/program.ts';
import { type QualifyOptions, qualifyFile } from './qualify-command.ts';

const test = suite('claimd qualify');
const BATCH = 5_000;

type Result = { exitCode: number; body: Record<string, unknown>; steps: Record<string, number>[] };
type Asking = Partial<Pick<QualifyOptions, 'kind' | 'event' | 'servers' | 'stop'>>;
type Stage = {
  file: (name: string, text: string) => Promise<string>;
  users: Set<string>;
  /** Batches that were asked for, by their first user. */
  batches: string[];
  /** Called before each batch is answered; the batch that begins with `lost` is not carried out. */
  before: { batch: (first: string) => void; lost: string | null };
  run(file: string, asking?: Asking): Promise<Result>;
  /** What is kept for another run. */
  kept(): Promise<number>;
};

/** A server with one list, a folder, and a watcher who is no terminal. */
async function onStage(body: (stage: Stage) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'claimd-test-'));
  const users = new Set<string>();
  const batches: string[] = [];
  const before: Stage['before'] = { batch() {}, lost: null };
  function answer(userIds: readonly string[], write: (userId: string) => boolean) {
    const [first = ''] = userIds;
    batches.push(first);
    before.batch(first);
    if (first === before.lost) return { code: 'OUTCOME_UNKNOWN' as const };
    const changed = userIds.filter(write).length;
    return {
      code: 'OK' as const,
      added: changed,
      removed: changed,
      existing: userIds.length - changed,
      absent: userIds.length - changed,
    };
  }
  const qualifications = {
    add: async (_: string, userIds: readonly string[]) =>
      answer(userIds, (userId) => !users.has(userId) && users.add(userId) !== null),
    remove: async (_: string, userIds: readonly string[]) => answer(userIds, (userId) => users.delete(userId)),
    has: async (_: string, userId: string) => ({ code: 'OK' as const, qualified: users.has(userId) }),
  } as unknown as QualifyOptions['client']['qualifications'];

  async function run(file: string, asking: Asking = {}): Promise<Result> {
    const [steps, printed]: [string[], string[]] = [[], []];
    const exitCode = await qualifyFile({
      ...{ client: { qualifications }, event: 'vip', file, kind: 'add', data: folder, servers: 'a:1' },
      runtime: realRuntime,
      sink: { isTerminal: false, columns: () => 80, write: (text) => void steps.push(text) },
      print: (text) => void printed.push(text),
      stop: new AbortController().signal,
      ...asking,
    });
    return { exitCode, body: JSON.parse(printed.join('')), steps: steps.map((step) => JSON.parse(step)) };
  }
  try {
    await body({
      ...{ users, batches, before, run },
      async file(name, text) {
        await writeFile(join(folder, name), text);
        return join(folder, name);
      },
      kept: async () => (await readdir(join(folder, 'progress')).catch(() => [])).length,
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function csvOf(count: number): string {
  return `userId\n${Array.from({ length: count }, (_, n) => `user${n}\n`).join('')}`;
}

test('a whole file: counts, bad rows, and nothing is kept; its form is told by its name or its first character', () =>
  onStage(async ({ file, run, kept, users }) => {
    const csv = await file('users.csv', `${csvOf(12_000)}no id\n\n`);
    const first = await run(csv);
    const errors = [{ line: 12_002, rule: 'userId: 1…128 characters of A-Z a-z 0-9 . _ : -' }];
    assert.equal(first, {
      exitCode: 0,
      body: { received: 12_001, added: 12_000, existing: 0, rejected: 1, errors },
      steps: first.steps,
    });
    const last = first.steps.at(-1);
    assert.equal([last?.done, last?.rows, last?.leftMs], [last?.total, 12_001, 0]);
    assert.equal((await run(csv)).body, { received: 12_001, added: 0, existing: 12_000, rejected: 1, errors });
    const removed = await run(await file('list', '\ufeff{"userId":"user1"}\n{"userId":"user1"}'), { kind: 'remove' });
    assert.equal(removed.body, { received: 2, removed: 1, absent: 1, rejected: 0, errors: [] });
    assert.is((await run(await file('list', '\ufeff\nuserId\nuser1'))).body.added, 1);
    assert.is((await run(await file('list.jsonl', '{"userId":"user1"}'))).body.existing, 1);
    assert.is((await run(await file('none', ''))).body.received, 0);
    assert.is(users.size, 12_000);
    assert.is(await kept(), 0);
  }));

test('what cannot be read, or has no header, sends nothing', () =>
  onStage(async ({ file, run, batches, kept }) => {
    assert.match((await rejection(run('/nowhere/users.csv'))).message, /^\/nowhere\/users.csv cannot be read: ENOENT$/);
    const { exitCode, body } = await run(await file('users.csv', 'user1\nuser2\n'));
    assert.equal(
      [exitCode, body.code, body.errors],
      [1, 'BAD_REQUEST', [{ field: 'file', rule: 'a first line userId' }]],
    );
    assert.equal([batches.length, await kept()], [0, 0]);
  }));

test('Ctrl-C: what is under way is finished, and the same command goes on behind it', () =>
  onStage(async ({ file, run, before, batches, users, kept }) => {
    const csv = await file('users.csv', csvOf(20 * BATCH));
    const stop = new AbortController();
    before.batch = (first) => {
      if (first === `user${6 * BATCH}`) stop.abort();
    };
    const stopped = await run(csv, { stop: stop.signal });
    assert.is(stopped.exitCode, 1);
    assert.is(stopped.body.received, users.size);
    assert.ok(users.size > 6 * BATCH && users.size <= 10 * BATCH, `${users.size} users`);
    assert.is(await kept(), 1);
    const sent = batches.splice(0).length;
    const other = await run(csv, { event: 'other', stop: stop.signal });
    assert.is(other.body.received, 0, 'another event has a place of its own');
    batches.length = 0;
    const rest = await run(csv);
    assert.equal([rest.exitCode, rest.body.received, rest.body.added], [0, 20 * BATCH, 20 * BATCH]);
    assert.is(batches[0], `user${sent * BATCH}`);
    assert.is(users.size, 20 * BATCH);
    assert.is(rest.steps[0]?.rows, sent * BATCH);
    batches.length = 0;
    await run(csv);
    assert.is(batches[0], 'user0', 'a file that was done begins anew');
  }));

test('a lost server: the batch is sent again by the next run; another file or another list begins anew', () =>
  onStage(async (stage) => {
    const { file, run, before, batches, users } = stage;
    const csv = await file('users.csv', csvOf(8 * BATCH));
    before.lost = `user${4 * BATCH}`;
    const lost = await run(csv);
    assert.equal([lost.exitCode, lost.body.code, lost.body.rejected], [1, 'OUTCOME_UNKNOWN', 0]);
    assert.is(lost.body.received, users.size);
    before.lost = null;
    batches.length = 0;
    const rest = await run(csv);
    assert.equal([rest.body.received, rest.steps[0]?.rows], [8 * BATCH, 4 * BATCH]);
    assert.is(batches[0], `user${4 * BATCH}`);

    const stop = new AbortController();
    const stopped = async () => {
      before.batch = (first) => {
        if (first === `user${2 * BATCH}`) stop.abort();
      };
      users.clear();
      await run(csv, { stop: stop.signal });
      before.batch = () => {};
      batches.length = 0;
    };
    await stopped();
    users.clear();
    assert.is((await run(csv)).body.added, 8 * BATCH, 'the list is not as it was left');
    assert.is(batches[0], 'user0');
    await stopped();
    await appendFile(csv, 'more\n');
    assert.is((await run(csv)).body.received, 8 * BATCH + 1, 'the file is not as it was left');
    assert.is(batches[0], 'user0');
  }));

test(
  'the program against a server: progress on stderr, the result alone on stdout, no key on the command line',
  () =>
    withPrograms(async ({ folder, start }) => {
      const server = start(['server', '--data', folder, '--demo', 'off']);
      const beside = ['--data', folder, '--server', valueIn(await server.line('claimd ready '), 'tcp')];
      const [event, users] = [join(folder, 'event.json'), join(folder, 'users.csv')];
      await writeFile(event, JSON.stringify({ eventKey: 'vip', eligibility: { kind: 'listed' } }));
      await writeFile(users, csvOf(7_000));
      await start(['event', 'put', event, ...beside]).exit;
      const added = await start(['qualify', 'vip', users, ...beside]).exit;
      assert.is(added.code, 0, added.stderr);
      assert.equal(JSON.parse(added.stdout), { received: 7_000, added: 7_000, existing: 0, rejected: 0, errors: [] });
      const lines = added.stderr.trim().split('\n');
      assert.is(JSON.parse(lines.at(-1) ?? '').rows, 7_000);
      const claim = (user: string) => start(['claim', '--event', 'vip', '--user', user, ...beside]).exit;
      const [granted, refused, removed] = await Promise.all([
        claim('user1'),
        claim('stranger'),
        start(['qualify', 'vip', users, '--remove', ...beside]).exit,
      ]);
      assert.is(JSON.parse(refused.stdout).code, 'NOT_ELIGIBLE');
      assert.ok(['GRANTED', undefined].includes(JSON.parse(granted.stdout).outcome));
      assert.is(JSON.parse(removed.stdout).removed, 7_000);
      assert.is(JSON.parse((await claim('user2')).stdout).code, 'NOT_ELIGIBLE');
      const unknown = await start(['qualify', 'nothing', users, ...beside]).exit;
      assert.equal([unknown.code, JSON.parse(unknown.stdout).code], [1, 'EVENT_NOT_FOUND']);
    }),
  { deadlineMs: 60_000 },
);
