/** A file system in memory of a size that can be changed: a small disk. Making one takes the rights of root, and Linux. */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Skipped } from './campaign.ts';

const run = promisify(execFile);

export type SmallDisk = { resize(mebibytes: number): Promise<void> };

/** Why there can be none here; null when there can. */
export async function smallDiskReason(): Promise<string | null> {
  const folder = await mkdtemp(join(tmpdir(), 'claimd-tmpfs-'));
  try {
    await withSmallDisk(folder, 1, async () => {});
    return null;
  } catch (error) {
    if (error instanceof Skipped) return error.message;
    throw error;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** It is gone when `use` is done, whatever happened. Throws Skipped where there cannot be one. */
export async function withSmallDisk(
  folder: string,
  mebibytes: number,
  use: (disk: SmallDisk) => Promise<void>,
): Promise<void> {
  await mkdir(folder, { recursive: true });
  try {
    await run('mount', ['-t', 'tmpfs', '-o', `size=${mebibytes}m`, 'tmpfs', folder]);
  } catch (error) {
    throw new Skipped(`no disk of a limited size can be made here: ${lineOf(error)}`);
  }
  try {
    await use({
      async resize(size) {
        await run('mount', ['-o', `remount,size=${size}m`, folder]);
      },
    });
  } finally {
    // Lazily: a process that was not stopped yet may still have it open.
    await run('umount', ['-l', folder]);
  }
}

function lineOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).trim().split('\n').at(-1) ?? '';
}
