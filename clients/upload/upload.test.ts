/** What a file of user ids becomes: batches, counts, and the place from which another run goes on. */
import type { Problem } from '../../protocol/reply.ts';
import { assert, rejection, suite } from '../../protocol/testing/kit.ts';
import { uploadJson } from './json.ts';
import { HeaderMissing, ROW_RULE } from './rows.ts';
import { type Carried, ERRORS_MAX, type Progressed, Upload, type UploadOptions } from './upload.ts';

const test = suite('uploads of user ids');
const LOST: Problem = { code: 'OUTCOME_UNKNOWN' };

/** A list on a server that loses the batch that begins with `lost`. */
function listing() {
  const users = new Set<string>();
  const state = { lost: '', inFlight: 0, inFlightMax: 0, batches: 0 };
  async function send(userIds: readonly string[]): Promise<Carried> {
    state.batches++;
    state.inFlightMax = Math.max(state.inFlightMax, ++state.inFlight);
    await new Promise((resolve) => setImmediate(resolve));
    state.inFlight--;
    if (userIds[0] === state.lost) return LOST;
    const changed = new Set(userIds.filter((userId) => !users.has(userId))).size;
    for (const userId of userIds) users.add(userId);
    return { code: 'OK', changed, unchanged: userIds.length - changed };
  }
  return { users, state, send };
}

function csvOf(count: number, from = 0): Buffer {
  return Buffer.from(`userId\n${Array.from({ length: count }, (_, n) => `user${from + n}\n`).join('')}`);
}

async function uploaded(file: Buffer, options: Omit<UploadOptions, 'format'>, chunk = 65_536): Promise<Upload> {
  const upload = new Upload({ format: 'csv', ...options });
  for (let at = options.from?.position.offset ?? 0; at < file.length && !upload.isOver; at += chunk) {
    await upload.push(file.subarray(at, at + chunk));
  }
  await upload.end();
  return upload;
}

test('batches of 5,000, three under way, everything counted once; again adds nothing', async () => {
  const { users, state, send } = listing();
  const file = csvOf(42_000);
  const first = await uploaded(file, { send });
  assert.equal(uploadJson('add', first.tally), {
    received: 42_000,
    added: 42_000,
    existing: 0,
    rejected: 0,
    errors: [],
  });
  assert.is(users.size, 42_000);
  assert.is(state.batches, 9);
  assert.is(state.inFlightMax, 3);
  const second = await uploaded(file, { send });
  assert.equal(uploadJson('remove', second.tally), {
    ...{ received: 42_000, removed: 0, absent: 42_000, rejected: 0, errors: [] },
  });
});

test('bad rows have their lines, the first hundred of them; repeats are counted', async () => {
  const { send } = listing();
  const bad = Array.from({ length: 130 }, () => 'no id\n').join('');
  const { tally } = await uploaded(Buffer.from(`userId\nu1\nu1\n${bad}u2\n`), { send });
  const { errors, ...counts } = uploadJson('add', tally);
  assert.equal(counts, { received: 133, added: 2, existing: 1, rejected: 130 });
  assert.is(errors.length, ERRORS_MAX);
  assert.equal([errors[0]?.line, errors[99]?.line], [4, 103]);
});

test('nothing is sent after a batch whose outcome is not known, and another run goes on before it', async () => {
  const { users, state, send } = listing();
  const file = Buffer.concat([csvOf(7_000), Buffer.from('no id\n'), csvOf(33_000, 7_000).subarray(7)]);
  state.lost = 'user10000';
  const first = await uploaded(file, { send });
  assert.equal(first.problem, LOST);
  const { received } = uploadJson('add', first.tally);
  assert.ok(received >= 10_001 && received <= 25_001, `${received} rows are counted`);
  assert.is(first.progressed.position.line, 1 + 10_000 + 1);
  assert.equal(first.progressed.errors, [{ line: 7_002, rule: 'userId: 1…128 characters of A-Z a-z 0-9 . _ : -' }]);
  assert.ok(state.batches <= 5, `${state.batches} batches were sent`);
  state.lost = '';
  const saved = JSON.parse(JSON.stringify(first.progressed)) as Progressed;
  const second = await uploaded(file, { send, from: saved });
  assert.is(second.problem, null);
  assert.is(users.size, 40_000);
  const { received: all, rejected, errors } = uploadJson('add', second.tally);
  assert.equal([all, rejected, errors.length], [40_001, 1, 1]);
});

test('a run that is stopped sends nothing of what it has read and not sent', async () => {
  const { state, send } = listing();
  const file = csvOf(12_000);
  const upload = new Upload({ format: 'csv', send });
  await upload.push(file);
  await upload.settle();
  assert.is(state.batches, 2);
  assert.is(upload.progressed.position.line, 10_001);
  assert.is(upload.progressed.changed, 10_000);
});

test('users beyond the limit are not carried out; rows that are rejected are no users', async () => {
  for (const count of [6_000, 6_001]) {
    const { users, send } = listing();
    const file = Buffer.concat([csvOf(count), Buffer.from('no id\n')]);
    const upload = await uploaded(file, { send, usersMax: 6_000 });
    assert.is(upload.isTooLong, count > 6_000);
    assert.is(users.size, 6_000);
    assert.equal([upload.tally.changed, upload.tally.rejected], [6_000, count > 6_000 ? 0 : 1]);
  }
});

test('a file that begins with no header sends nothing', async () => {
  const { state, send } = listing();
  assert.ok((await rejection(uploaded(csvOf(9_000).subarray(7), { send }))) instanceof HeaderMissing);
  assert.is(state.batches, 0);
  const ndjson = new Upload({ format: 'ndjson', send });
  await ndjson.push(Buffer.from('userId\n'));
  await ndjson.end();
  assert.equal(ndjson.tally.errors, [{ line: 1, rule: ROW_RULE.json }]);
});
