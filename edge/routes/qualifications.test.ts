/** Files of user ids over HTTP: what becomes of their rows, and of senders that are slow, too long or gone. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { Reply } from '../../protocol/reply.ts';
import { assert, suite } from '../../protocol/testing/kit.ts';
import { type Bench, type Called, ok, type Script, withEdge } from '../testing/fixture.ts';
import { eventOf } from '../testing/samples.ts';

const test = suite('qualifications');
const PATH = '/v1/events/vip/qualifications';
const CSV = { 'content-type': 'text/csv; charset=UTF-8' };
const NDJSON = { 'content-type': 'application/x-ndjson' };
const CHUNK = 65_536;

/** A server with one list. */
function listing(): { users: Set<string>; script: Script } {
  const users = new Set<string>();
  const script: Script = {
    EVENT_GET: () => ok('EVENT_GET', eventOf({ eventKey: 'vip' })),
    QUALIFY: ({ 2: userIds }) => {
      const before = users.size;
      for (const userId of userIds) users.add(userId);
      return ok('QUALIFY', [userIds.length, users.size - before, userIds.length - users.size + before]);
    },
    DISQUALIFY: ({ 2: userIds }) => {
      const removed = userIds.filter((userId) => users.delete(userId)).length;
      return ok('DISQUALIFY', [userIds.length, removed, userIds.length - removed]);
    },
    QUALIFIED: ({ 2: userId }) => ok('QUALIFIED', users.has(userId)),
  };
  return { users, script };
}

function put({ call }: Bench, body: string, headers: Record<string, string> = NDJSON, method = 'PUT'): Promise<Called> {
  return call(PATH, { method, body, headers });
}

function ndjson(count: number): string {
  return Array.from({ length: count }, (_, n) => `{"userId":"user${n}"}\n`).join('');
}

/** A request whose body is sent by hand, in chunks. */
async function sending({ port, token }: Bench, headers = NDJSON): Promise<{ socket: Socket; answer: Promise<string> }> {
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  let received = '';
  socket.on('data', (chunk) => {
    received += chunk;
  });
  socket.on('error', () => {});
  const answer = new Promise<string>((resolve) => socket.once('close', () => resolve(received)));
  const type = `content-type: ${headers['content-type']}\r\ntransfer-encoding: chunked`;
  socket.write(`PUT ${PATH} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${token()}\r\n${type}\r\n\r\n`);
  return { socket, answer };
}

function chunked(bytes: string): string {
  return `${Buffer.byteLength(bytes).toString(16)}\r\n${bytes}\r\n`;
}

/** When the answer's body is there. */
async function answered(socket: Socket): Promise<string> {
  let text = '';
  socket.on('data', (chunk) => {
    text += chunk;
  });
  while (!/\r\n\r\n.*\}$/s.test(text)) await once(socket, 'data');
  return text;
}

test('NDJSON and CSV are added, merged and removed, and bad rows have their lines', async () => {
  const { users, script } = listing();
  await withEdge({ script }, async (bench) => {
    const first = await put(
      bench,
      '\ufeff{"userId":"u1"}\r\n{"userId":"u2"}\n\nu3\n{"userId":"no id"}\n{"userId":"u1"}',
    );
    assert.is(first.status, 200, first.text);
    assert.equal(first.json as unknown, {
      ...{ received: 5, added: 2, existing: 1, rejected: 2 },
      errors: [
        { line: 4, rule: 'JSON' },
        { line: 5, rule: 'userId: 1…128 characters of A-Z a-z 0-9 . _ : -' },
      ],
    });
    const second = await put(bench, 'userId\n"u2"\nu3\n', CSV);
    assert.equal(second.json as unknown, { received: 2, added: 1, existing: 1, rejected: 0, errors: [] });
    const removed = await put(bench, 'userId\nu2\nu9\nu 1\n', CSV, 'DELETE');
    assert.equal(removed.json as unknown, {
      ...{ received: 3, removed: 1, absent: 1, rejected: 1 },
      errors: [{ line: 4, rule: 'userId: 1…128 characters of A-Z a-z 0-9 . _ : -' }],
    });
    assert.equal([...users], ['u1', 'u3']);
    assert.equal((await bench.call(`${PATH}/u1`)).json as unknown, { userId: 'u1', qualified: true });
    assert.equal((await bench.call(`${PATH}/u2`)).json as unknown, { userId: 'u2', qualified: false });
    assert.is((await bench.call(`${PATH}/u%202`)).status, 400);
    const nothing = await put(bench, '\n\n');
    assert.equal(nothing.json as unknown, { received: 0, added: 0, existing: 0, rejected: 0, errors: [] });
  });
});

test('a file larger than any other body goes in batches, and again adds nothing', async () => {
  const { users, script } = listing();
  await withEdge({ script }, async (bench) => {
    const body = ndjson(23_000);
    assert.ok(body.length > 65_536);
    const first = await put(bench, body);
    assert.equal(first.json as unknown, { received: 23_000, added: 23_000, existing: 0, rejected: 0, errors: [] });
    assert.is(users.size, 23_000);
    const sizes = bench.asked.filter(({ op }) => op === 'QUALIFY').map(({ args }) => (args as string[][])[2]?.length);
    assert.equal(sizes.slice(1), [5_000, 5_000, 5_000, 5_000, 3_000], 'behind the question whether one may');
    assert.is((await put(bench, body)).text.includes('"added":0,"existing":23000'), true);
  });
});

test('other types of bodies are refused', async () => {
  const { script } = listing();
  await withEdge({ script }, async (bench) => {
    for (const headers of [
      { 'content-type': 'application/json' },
      { 'content-type': 'text/csv; charset=utf-16' },
      { 'content-type': 'text/csv', 'content-encoding': 'gzip' },
      { 'content-type': 'application/octet-stream' },
    ] as Record<string, string>[]) {
      const { status, json } = await put(bench, 'userId\nu1\n', headers);
      assert.equal([status, json.code], [415, 'UNSUPPORTED_MEDIA_TYPE'], JSON.stringify(headers));
    }
    assert.is((await bench.call(PATH, { method: 'PUT' })).status, 415);
    assert.is((await bench.call('/v1/events', { method: 'POST', body: 'userId\n', headers: CSV })).status, 415);
    const { status, json } = await put(bench, 'u1\nu2\n', CSV);
    assert.equal([status, json.errors], [400, [{ field: 'body', rule: 'a first line userId' }]]);
    assert.is(bench.asked.filter(({ op }) => op === 'QUALIFY').length, 1, 'only whether one may');
  });
});

test('who may not, and what event there is not, is said before the body is read', async () => {
  const refusals: [Script, string][] = [
    [{ mayAsk: (op) => (op === 'QUALIFY' ? { code: 'FORBIDDEN' } : null) }, 'FORBIDDEN'],
    [{ EVENT_GET: () => ({ code: 'EVENT_NOT_FOUND' }) }, 'EVENT_NOT_FOUND'],
  ];
  for (const [refusal, code] of refusals) {
    await withEdge({ script: { ...listing().script, ...refusal } }, async (bench) => {
      const { socket } = await sending(bench);
      assert.match(await answered(socket), new RegExp(`"code":"${code}"`));
      socket.destroy();
      const { status, json } = await put(bench, ndjson(30_000));
      assert.equal([json.code, json.status], [code, status]);
      assert.is(bench.asked.filter(({ args }) => (args as string[][])[2]?.[0]?.startsWith('user')).length, 0);
    });
  }
});

test('too many users, or too many bytes, are refused with what was taken', async () => {
  const { users, script } = listing();
  await withEdge({ script, limits: { uploadUsersMax: 10 } }, async (bench) => {
    assert.is((await put(bench, `bad\n${ndjson(10)}bad`)).status, 200);
    const { status, json } = await put(bench, ndjson(11), NDJSON, 'DELETE');
    assert.equal([status, json.code], [413, 'PAYLOAD_TOO_LARGE']);
    assert.match(json.detail ?? '', /At most 10 user ids/);
    assert.equal({ ...json, received: 10, removed: 10, absent: 0, rejected: 0 }, json);
    assert.is(users.size, 0);
  });
  await withEdge({ script, limits: { uploadBytesMax: 100_000 } }, async (bench) => {
    const { status, json } = await put(bench, 'x'.repeat(100_001));
    assert.equal([status, json.code], [413, 'PAYLOAD_TOO_LARGE']);
  });
});

test('a batch whose outcome is not known ends it with the counts so far; the same again finishes it', async () => {
  const { users, script } = listing();
  let batches = 0;
  const losing: Script = {
    ...script,
    QUALIFY: (args) => (++batches === 3 ? { code: 'OUTCOME_UNKNOWN' } : (script.QUALIFY?.(args) as Reply)),
  };
  await withEdge({ script: losing }, async (bench) => {
    const { status, headers, json } = await put(bench, `bad\n${ndjson(40_000)}`);
    assert.equal([status, json.code], [503, 'OUTCOME_UNKNOWN']);
    assert.is(headers.get('content-type'), 'application/problem+json');
    const counts = json as unknown as Record<'received' | 'added' | 'existing' | 'rejected', number>;
    assert.is(counts.added, users.size);
    assert.ok(counts.added >= 10_000 && counts.added < 30_000);
    assert.equal([counts.existing, counts.rejected, counts.received], [0, 1, counts.added + 1]);
    assert.equal(json.errors as unknown, [{ line: 1, rule: 'JSON' }]);
    const again = await put(bench, ndjson(40_000));
    assert.is(again.text.includes(`"received":40000,"added":${40_000 - counts.added}`), true, again.text);
    assert.is(users.size, 40_000);
  });
});

test('nothing is read ahead of a server that does not answer, and a sender that leaves is forgotten', async () => {
  const { script } = listing();
  let release = (_reply: Reply) => {};
  const held = new Promise<Reply>((resolve) => {
    release = resolve;
  });
  await withEdge({ script: { ...script, QUALIFY: () => held } }, async (bench) => {
    const { socket } = await sending(bench);
    const rows = ndjson(3_000);
    let sent = 0;
    while (sent < 60_000_000) {
      sent += rows.length;
      if (socket.write(chunked(rows))) continue;
      // Either the edge goes on reading or it has stopped for good.
      const isDrained = await Promise.race([
        once(socket, 'drain').then(() => true),
        once(socket, 'timeout').then(() => false),
        new Promise<boolean>((resolve) => socket.setTimeout(700, () => resolve(false))),
      ]);
      if (!isDrained) break;
    }
    assert.ok(sent < 30_000_000, `${sent} bytes were taken`);
    assert.is(bench.asked.filter(({ op }) => op === 'QUALIFY').length, 1 + 3, 'three batches are under way');
    const closed = once(socket, 'close');
    socket.destroy();
    await closed;
    release(ok('QUALIFY', [5_000, 5_000, 0]));
    assert.is((await put(bench, '\n')).status, 200);
  });
});

test('an upload may last longer than other requests, a silent or trickling sender may not', async () => {
  const { users, script } = listing();
  const limits = {
    requestMs: 300,
    requestCheckMs: 100,
    uploadSilenceMs: 900,
    uploadBytesPerSecondMin: 40,
    uploadLingerMs: 100,
  };
  await withEdge({ script, limits }, async (bench) => {
    const long = await sending(bench);
    const trickling = await sending(bench);
    const silent = await sending(bench);
    silent.socket.write(chunked('{"userId":"silent"}\n'));
    let n = 0;
    const timer = setInterval(() => {
      long.socket.write(chunked(`{"userId":"long${n++}"}\n`));
      trickling.socket.write(chunked(' '));
    }, 100);
    const late = /400 .*"rule":"sent in time".*"received":0|"received":0.*"rule":"sent in time"/s;
    assert.match(await silent.answer, late);
    assert.match(await trickling.answer, late);
    clearInterval(timer);
    assert.is(users.size, 0);
    long.socket.write('0\r\n\r\n');
    assert.match(await answered(long.socket), /^HTTP\/1.1 200/);
    assert.is(users.size, n);
    long.socket.destroy();
  });
});

test('a drain ends an upload in the middle', async () => {
  const { users, script } = listing();
  await withEdge({ script }, async (bench) => {
    const { socket, answer } = await sending(bench);
    const body = ndjson(6_000);
    for (let at = 0; at < body.length; at += CHUNK) socket.write(chunked(body.slice(at, at + CHUNK)));
    while (users.size < 5_000) await new Promise((resolve) => setImmediate(resolve));
    const drained = bench.edge.drain();
    socket.write(chunked('\n'));
    assert.match(await answer, /503 .*"code":"DRAINING"/s);
    await drained;
    assert.is(users.size, 5_000);
  });
});
