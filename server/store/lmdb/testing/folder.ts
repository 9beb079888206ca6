/** A folder for one test, removed by the test that asked for it, and a small disk in its place where one can be mounted. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export function temporaryFolder(): { path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), 'claimd-lmdb-'));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

/** The reason why no small disk can be mounted here, or null. */
export function mountMissing(): string | null {
  const folder = temporaryFolder();
  try {
    mountSmall(folder.path, '1m');
    unmount(folder.path);
    return null;
  } catch {
    return 'a tmpfs cannot be mounted here';
  } finally {
    folder.remove();
  }
}

/** `size` as tmpfs takes it: `1m`. */
export function mountSmall(path: string, size: string): void {
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', path], { stdio: 'ignore' });
}

export function remount(path: string, size: string): void {
  execFileSync('mount', ['-t', 'tmpfs', '-o', `remount,size=${size}`, 'tmpfs', path], { stdio: 'ignore' });
}

export function unmount(path: string): void {
  execFileSync('umount', [path], { stdio: 'ignore' });
}
