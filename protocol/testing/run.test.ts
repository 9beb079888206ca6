/** The runner, over a small tree of its own: what it says of a file that goes wrong, and how it ends. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { assert, suite } from './kit.ts';
import { LOADER } from './launch.ts';

const test = suite('runner');
const root = fileURLToPath(new URL('../..', import.meta.url));
const RUNNER = ['run', 'run-file', 'file-process', 'snapshot', 'kit'];
const HEAD = `import { assert, suite } from '../testing/kit.ts'; const test = suite('made');`;

type Ended = { code: number | null; output: string; lines: string[] };

/** `files` by name, in a tree that is gone afterwards; `run` is `npm test` there. */
async function withTree(
  files: Readonly<Record<string, string>>,
  use: (run: (...wanted: string[]) => Promise<Ended>, tree: string) => Promise<void>,
): Promise<void> {
  const tree = mkdtempSync(join(tmpdir(), 'claimd-runner-test-'));
  try {
    for (const folder of ['protocol/testing', 'protocol/made', 'server', 'edge', 'clients', 'bench', 'tmp'])
      mkdirSync(join(tree, folder), { recursive: true });
    for (const name of ['package.json', 'tsconfig.json']) cpSync(join(root, name), join(tree, name));
    // Their sources, which the run compiles for its files, and what this runs the runner from.
    for (const name of RUNNER.flatMap((name) => [`${name}.ts`, `${name}${extname(import.meta.url)}`]))
      cpSync(fileURLToPath(new URL(name, import.meta.url)), join(tree, 'protocol/testing', name));
    symlinkSync(join(root, 'node_modules'), join(tree, 'node_modules'));
    for (const [name, body] of Object.entries(files))
      writeFileSync(join(tree, 'protocol/made', `${name}.test.ts`), `${HEAD}\n${body.replaceAll('TREE', tree)}`);
    await use((...wanted) => start(tree, wanted).ended, tree);
  } finally {
    rmSync(tree, { recursive: true, force: true });
  }
}

function start(tree: string, wanted: readonly string[]): { child: ChildProcess; ended: Promise<Ended> } {
  const runner = join(tree, 'protocol/testing', `run${extname(import.meta.url)}`);
  const child = spawn(process.execPath, [...LOADER, runner, ...wanted], {
    cwd: tree,
    env: { ...process.env, TMPDIR: join(tree, 'tmp') },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  const ended = new Promise<Ended>((resolve) => {
    child.on('close', (code) => resolve({ code, output, lines: output.trim().split('\n') }));
  });
  return { child, ended };
}

const GOOD = `test('holds', () => assert.is(1, 1)); test('cannot', () => {}, { skip: 'for a reason' });`;

test('what passes ends with 0, and what was skipped says why', () =>
  withTree({ good: GOOD, other: 'throw new Error();' }, async (run) => {
    const { code, lines } = await run('made/good');
    assert.is(code, 0);
    assert.is(lines.at(-1), '1 passed, 0 failed, 1 skipped');
    assert.ok(lines.includes('skipped in protocol/made/good.test.ts: cannot: for a reason'));
    const none = await run('no/such');
    assert.equal([none.code, none.lines.at(-1)], [1, '0 passed, 1 failed']);
  }));

test('each way to go wrong is a failure, and says all that is known', () =>
  withTree(
    {
      good: GOOD,
      wrong: `test('adds', () => assert.is(1 + 1, 3, 'sum')); test('goes on', () => {});`,
      dies: `test('lives', () => {}); test('falls', () => { console.log('z'.repeat(300_000) + 'END'); process.exit(3); });`,
      quiet: `test('ends it', () => process.exit());`,
      throws: `throw new Error('while it was imported');`,
      empty: '',
      flaky: `
        import { existsSync, writeFileSync } from 'node:fs';
        test('works the second time', () => {
          const was = existsSync('TREE/was');
          writeFileSync('TREE/was', '');
          assert.ok(was);
        });`,
      ...Object.fromEntries(Array.from({ length: 5 }, (_, i) => [`more-${i}`, `test('holds', () => {});`])),
      unread: 'const = ;',
    },
    async (run, tree) => {
      const { code, output, lines } = await run();
      assert.is(code, 1);
      const failed = lines.filter((line) => line.startsWith('failed: '));
      const names = ['dies', 'empty', 'quiet', 'throws', 'unread', 'wrong'];
      assert.equal(
        failed.slice(0, -1).sort(),
        names.map((name) => `failed: protocol/made/${name}.test.ts`),
      );
      assert.is(failed.at(-1), 'failed: the compiler');
      assert.match(output, /protocol\/made\/unread\.test\.ts\(2,\d+\): error TS/);
      assert.match(output, /"adds"\S*\n {4}sum .*\n[\s\S]*?3[\s\S]*?2[\s\S]*?\n/);
      // The source that one edits, and its line.
      assert.ok(output.includes(`${tree}/protocol/made/wrong.test.ts:2:`), output);
      assert.not(output.includes('claimd-suite-'));
      assert.ok(output.includes(`${'z'.repeat(300_000)}END`), 'cut short');
      assert.match(output, /the file ended with exit code 3 in the test: falls\n/);
      assert.match(output, /the file ended with exit code 1 in the test: ends it\n/);
      assert.match(output, /while it was imported/);
      assert.match(output, /the file has no test\n/);
      assert.ok(lines.includes('ran again alone: protocol/made/flaky.test.ts'));
      const slowest = lines.slice(lines.indexOf('the slowest files') + 1).filter((line) => /^ *\d+\.\d s /.test(line));
      assert.is(slowest.length, 10);
      // Two of `wrong`, one each of the others but the one that did not compile, and that one twice.
      assert.match(lines.at(-1) ?? '', /^8 passed, 7 failed, 1 skipped$/);
    },
  ));

test('a run that is ended ends its files and leaves nothing', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const long = `
    import { connect } from 'node:net';
    test('waits', () => new Promise(() => connect(${port}, '127.0.0.1')));`;
  await withTree({ long }, async (_, tree) => {
    const { child, ended } = start(tree, []);
    const [file] = (await once(server, 'connection')) as [Socket];
    const gone = once(file.on('error', () => {}).resume(), 'close');
    assert.is(readdirSync(join(tree, 'tmp')).length, 1);
    child.kill('SIGTERM');
    await gone;
    const { code, lines } = await ended;
    assert.equal([code, lines.at(-1)], [1, 'the run was ended by SIGTERM']);
    assert.equal(readdirSync(join(tree, 'tmp')), []);
  });
  server.close();
});
