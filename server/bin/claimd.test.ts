import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { assert, suite } from '../../protocol/testing/kit.ts';
import { type Running, valueIn, withPrograms } from '../testing/program.ts';

const test = suite('claimd');
const DEADLINE_MS = 60_000;
const READY = 'claimd ready ';

/** What the printed curl line does, for machines without curl: its URL and header, and nothing more. */
async function curl(line: string): Promise<{ status: number; body: { outcome?: string; code?: string } }> {
  const [, url, header] = /^curl -X POST (\S+) -H "Authorization: ([^"]+)"$/.exec(line) ?? [];
  if (url === undefined || header === undefined) throw new Error(`not the curl line: ${line}`);
  const response = await fetch(url, { method: 'POST', headers: { authorization: header } });
  return { status: response.status, body: (await response.json()) as { outcome?: string; code?: string } };
}

async function isCurlThere(): Promise<boolean> {
  return promisify(execFile)('curl', ['--version']).then(
    () => true,
    () => false,
  );
}

async function endedWell(running: Running): Promise<void> {
  const { code, signal, stderr } = await running.exit;
  assert.equal({ code, signal }, { code: 0, signal: null }, stderr);
  // The compiler's own helper sees a moment later that its parent is gone.
  while (running.hasProcesses()) await new Promise((resolve) => setImmediate(resolve));
}

test(
  'npm start: ready line, a curl line that grants once, SIGTERM to npm drains and leaves no process',
  () =>
    withPrograms(async ({ folder, npmStart }) => {
      const running = npmStart(['--store', `lmdb:${folder}`]);
      const ready = await running.line(READY);
      assert.match(
        ready,
        /^claimd ready tcp=127\.0\.0\.1:\d+ http=127\.0\.0\.1:\d+ store=lmdb:\S+ node=[A-Za-z0-9_-]+$/,
      );
      const line = await running.line('curl');
      if (await isCurlThere()) {
        const { stdout } = await promisify(execFile)('sh', ['-c', line]);
        assert.is(JSON.parse(stdout).outcome, 'GRANTED');
      } else {
        assert.is((await curl(line)).status, 201);
      }
      const again = await curl(line);
      assert.equal([again.status, again.body.code], [409, 'ALREADY_CLAIMED']);
      running.signal('SIGTERM');
      running.signal('SIGTERM');
      await endedWell(running);
    }),
  { deadlineMs: DEADLINE_MS },
);

test(
  'npm start: Ctrl-C, which reaches the whole group, twice',
  () =>
    withPrograms(async ({ folder, npmStart }) => {
      const running = npmStart(['--data', folder]);
      await running.line('curl');
      running.signalGroup('SIGINT');
      running.signalGroup('SIGINT');
      await endedWell(running);
    }),
  { deadlineMs: DEADLINE_MS },
);

test(
  'one folder, one process; after kill -9 the next start works and keeps its name and its claims',
  () =>
    withPrograms(async ({ folder, start }) => {
      const first = start(['start', '--data', folder]);
      const ready = await first.line(READY);
      const line = await first.line('curl');
      assert.is((await curl(line)).status, 201);

      const second = await start(['server', '--data', folder]).exit;
      assert.is(second.code, 1);
      assert.is(second.stderr, `claimd: the data folder ${folder} is in use by process ${first.child.pid}\n`);
      assert.is(second.stdout, '');

      first.signalGroup('SIGKILL');
      await first.exit;
      const third = start(['start', '--data', folder]);
      assert.is(valueIn(await third.line(READY), 'node'), valueIn(ready, 'node'));
      assert.is((await curl(await third.line('curl'))).status, 409);
      third.signal('SIGINT');
      await endedWell(third);
    }),
  { deadlineMs: DEADLINE_MS },
);

test(
  'server and edge apart, and the commands beside them without keys on the command line',
  () =>
    withPrograms(async ({ folder, start }) => {
      const server = start(['server', '--data', folder, '--demo', 'off']);
      const ready = await server.line(READY);
      assert.not(ready.includes('http='));
      const beside = ['--data', folder, '--server', valueIn(ready, 'tcp')];
      const edge = start(['edge', ...beside]);
      const file = join(folder, 'event.json');
      await writeFile(file, JSON.stringify({ eventKey: 'summer', stock: 1 }));
      const put = await start(['event', 'put', file, ...beside]).exit;
      assert.is(put.code, 0, put.stderr);
      assert.is(JSON.parse(put.stdout).eventKey, 'summer');

      const claim = (user: string, requestId: string) =>
        start(['claim', '--event', 'summer', '--user', user, '--request-id', requestId, ...beside]).exit;
      const [token, list, granted] = await Promise.all([
        start(['token', '--user', 'u2', ...beside]).exit,
        start(['event', 'list', ...beside]).exit,
        claim('u1', 'r1'),
      ]);
      assert.equal([granted.code, JSON.parse(granted.stdout).outcome], [0, 'GRANTED']);
      assert.equal([list.code, JSON.parse(list.stdout).items.length], [0, 1]);
      const [replayed, soldOut, unknown] = await Promise.all([
        claim('u1', 'r1'),
        claim('u2', 'r2'),
        start(['claim', '--event', 'winter', '--user', 'u', ...beside]).exit,
      ]);
      assert.equal([replayed.code, JSON.parse(replayed.stdout).outcome], [0, 'REPLAYED']);
      assert.equal([soldOut.code, JSON.parse(soldOut.stdout).code], [3, 'SOLD_OUT']);
      assert.equal([unknown.code, JSON.parse(unknown.stdout).code], [3, 'EVENT_NOT_FOUND']);

      const edgeReady = await edge.line(READY);
      assert.not(edgeReady.includes('tcp='));
      assert.match(token.stdout, /^[\w-]+\.[\w-]+\.[\w-]+\n$/);
      const response = await fetch(`http://${valueIn(edgeReady, 'http')}/v1/events/summer/claims`, {
        method: 'POST',
        headers: { authorization: `Bearer ${token.stdout.trim()}` },
      });
      assert.equal([response.status, ((await response.json()) as { code: string }).code], [409, 'SOLD_OUT']);
      edge.signal('SIGTERM');
      await endedWell(edge);
      server.signal('SIGTERM');
      await endedWell(server);
      const absent = await start(['event', 'list', ...beside]).exit;
      assert.is(absent.code, 1);
      assert.match(absent.stderr, /^claimd: [^\n]+\n$/);
    }),
  { deadlineMs: DEADLINE_MS },
);

test(
  'stops with one line: 78 for what can never work, 1 for what is in the way',
  () =>
    withPrograms(async ({ folder, start }) => {
      const running = start(['start', '--data', join(folder, 'running')]);
      const ready = await running.line(READY);
      const tcp = valueIn(ready, 'tcp');
      const http = valueIn(ready, 'http');
      const data = (name: string) => ['--data', join(folder, name)];
      await writeFile(join(folder, 'file'), 'not a folder');
      const rows: [args: string[], env: Record<string, string>, code: number, line: string][] = [
        [['server', ...data('a'), '--tcp', tcp], {}, 1, `--tcp ${tcp} is in use`],
        [['start', ...data('b'), '--http', http], {}, 1, `--http ${http} is in use`],
        [['start'], { CLAIMD_UNKNOWN: 'x' }, 78, 'unknown variable CLAIMD_UNKNOWN'],
        [['start', ...data('file')], {}, 78, `the data folder ${join(folder, 'file')} cannot be used: EEXIST`],
      ];
      for (const [args, env, code, line] of rows) {
        const ended = await start(args, env).exit;
        const lines = ended.stderr.split('\n').filter((text) => text !== '' && !text.startsWith('{'));
        assert.equal([ended.code, lines, ended.stdout], [code, [`claimd: ${line}`], '']);
      }
      const { stdout } = await start(['--version']).exit;
      const { version } = JSON.parse(await readFile(new URL('../../package.json', import.meta.url), 'utf8'));
      assert.is(stdout, `${version}\n`);
    }),
  { deadlineMs: DEADLINE_MS },
);
