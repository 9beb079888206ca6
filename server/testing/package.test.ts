import { execFile } from 'node:child_process';
import { cp, mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { assert, suite } from '../../protocol/testing/kit.ts';
import { withPrograms } from './program.ts';

const test = suite('package');
const exec = promisify(execFile);
const root = fileURLToPath(new URL('../..', import.meta.url));
const DEADLINE_MS = 120_000;

/** The compiler says on stdout what is wrong, which a failure must show. */
function run(file: string, args: readonly string[], options: { cwd?: string } = {}): Promise<{ stdout: string }> {
  return exec(file, args, options).catch((error: { message: string; stdout: string }) => {
    throw new Error(`${error.message}\n${error.stdout}`);
  });
}

/** Packs a copy, so that the build leaves nothing in this tree and takes nothing from an earlier one. */
async function pack(folder: string): Promise<string> {
  const source = join(folder, 'source');
  const { files } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
  assert.equal(files, ['dist', 'protocol/README.md', 'protocol/vectors']);
  const parts = [
    'protocol',
    'server',
    'edge',
    'clients',
    'package.json',
    'tsconfig.json',
    'tsconfig.build.json',
    'LICENSE',
  ];
  for (const part of parts) await cp(join(root, part), join(source, part), { recursive: true });
  await symlink(join(root, 'node_modules'), join(source, 'node_modules'));
  const { stdout } = await run('npm', ['pack', '--silent', '--pack-destination', folder], { cwd: source });
  return join(folder, stdout.trim().split('\n').at(-1) ?? '');
}

/** As npm installs it, but with the packages that are here already: a test asks no registry. */
async function install(tarball: string, user: string): Promise<string> {
  const modules = join(user, 'node_modules');
  const installed = join(modules, 'claimd');
  await mkdir(installed, { recursive: true });
  await run('tar', ['xzf', tarball, '--strip-components=1', '-C', installed]);
  const lock = JSON.parse(await readFile(join(root, 'package-lock.json'), 'utf8'));
  const packages = Object.entries(lock.packages as Record<string, { dev?: boolean; optional?: boolean }>);
  const wanted = packages.filter(
    ([path, { dev, optional }]) => path.lastIndexOf('node_modules/') === 0 && !dev && !optional,
  );
  for (const [path] of [...wanted, ['node_modules/@types/node'] as const]) {
    await mkdir(dirname(join(user, path)), { recursive: true });
    await symlink(join(root, path), join(user, path));
  }
  await writeFile(join(user, 'package.json'), '{ "private": true, "type": "module" }');
  return installed;
}

const USER_CODE = `
import { type Client, type ClaimView, connect } from 'claimd';
import { ERRORS, LIMITS } from 'claimd/protocol';

const status: 201 = ERRORS.GRANTED.http as 201;
// @ts-expect-error types are there, or this would be allowed
const wrong: string = LIMITS.frameBytesMax;
export async function claimOf(client: Client): Promise<ClaimView | null> {
  const reply = await client.claim({ eventKey: 'welcome', userId: 'u1' });
  return reply.code === 'GRANTED' ? reply.claim : null;
}
// @ts-expect-error a key is missing
connect({ servers: '127.0.0.1:7400' }).catch((error) => console.log(error.name, status, wrong));
`;

const USER_TSCONFIG = {
  compilerOptions: {
    target: 'es2023',
    module: 'nodenext',
    strict: true,
    exactOptionalPropertyTypes: true,
    skipLibCheck: false,
    types: ['node'],
    outDir: 'out',
  },
  files: ['user.ts'],
};

test(
  'installed elsewhere the program runs, the client imports and its types resolve',
  () =>
    withPrograms(async ({ folder, startInstalled }) => {
      const user = join(folder, 'user');
      const installed = await install(await pack(folder), user);
      const { bin } = JSON.parse(await readFile(join(installed, 'package.json'), 'utf8'));
      const program = join(installed, bin.claimd);
      assert.match(await readFile(program, 'utf8'), /^#!\/usr\/bin\/env node\n/);

      const { stdout } = await startInstalled(program, user, ['--help']).exit;
      assert.match(stdout, /^claimd: .*\n\nUsage: claimd COMMAND/);
      const running = startInstalled(program, user, ['start']);
      await running.line('curl');
      running.signal('SIGTERM');
      const { code, stderr } = await running.exit;
      assert.is(code, 0, stderr);

      await writeFile(join(user, 'user.ts'), USER_CODE);
      await writeFile(join(user, 'tsconfig.json'), JSON.stringify(USER_TSCONFIG));
      const tsc = join(root, 'node_modules', '.bin', 'tsc');
      await run(tsc, ['-p', user], { cwd: user });
      const printed = await run(process.execPath, ['out/user.js'], { cwd: user });
      assert.is(printed.stdout, 'OptionRefused 201 1048576\n');
    }),
  { deadlineMs: DEADLINE_MS },
);
