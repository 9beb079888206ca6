/**
 * A compiled copy of this tree for one run of the tests. A loader that compiles while a test runs costs every process, and
 * every thread, more than most of them do themselves; here the compiler that makes the package runs once. What runs is
 * also what was there when the run began, whoever edits the tree meanwhile. It checks no types: `npm run check` does.
 */
import { execFile } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const FOLDERS = ['protocol', 'server', 'edge', 'clients', 'bench'] as const;
/** What a run, a build or a profiler left beside the sources. */
const LEFT_OVER = /\.(log|tgz|cpuprofile)$/;
const COMPILE = ['--noEmit', 'false', '--noCheck', '--inlineSourceMap', '--pretty', 'false'];

export type Snapshot = {
  folder: string;
  /** What the compiler said against it; null when it said nothing. Files without a fault are compiled all the same. */
  fault: string | null;
  remove(): void;
};

/** The tree at `root` with a `.js` beside every `.ts`, so that programs and documents are where the tests look for them. */
export async function snapshotOf(root: string): Promise<Snapshot> {
  const folder = mkdtempSync(join(tmpdir(), 'claimd-suite-'));
  const remove = () => rmSync(folder, { recursive: true, force: true });
  try {
    const files = readdirSync(root, { withFileTypes: true }).filter((entry) => entry.isFile());
    const kept = files.map(({ name }) => name).filter((name) => !LEFT_OVER.test(name));
    for (const name of [...FOLDERS, ...kept]) cpSync(join(root, name), join(folder, name), { recursive: true });
    symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
    return { folder, fault: await compile(folder), remove };
  } catch (error) {
    remove();
    throw error;
  }
}

function compile(folder: string): Promise<string | null> {
  const args = [join(folder, 'node_modules/typescript/bin/tsc'), '-p', folder, ...COMPILE];
  return new Promise((resolve) => {
    execFile(process.execPath, args, { cwd: folder }, (error, stdout, stderr) => {
      resolve(error === null ? null : `${stdout}${stderr}`.trim() || error.message);
    });
  });
}
