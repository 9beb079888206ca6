/**
 * Puts a backup where a store will be opened. It copies under other names, compares every byte with what the backup says of
 * itself, reads all tables and all blocks, and only then gives the folders their names: a restore that is cut short leaves
 * nothing that a start would take for a store.
 */
import { copyFile, mkdir, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { verifyLog } from '../log/copy.ts';
import { realFiles } from '../log/files.ts';
import { BackupRefused } from '../store.ts';
import { FOLDERS, filesIn, type Manifest, readManifest } from './backup-files.ts';
import { verifyFolder } from './verify.ts';

const NEW = 'restoring';

/** The caller has locked `to`. Rejects with BackupRefused when a store is there, or the backup is not what it says. */
export async function restoreInto(to: string, from: string): Promise<Manifest> {
  const manifest = await readManifest(from);
  for (const name of FOLDERS) await demandAbsent(join(to, name));
  const made = join(to, NEW);
  await rm(made, { recursive: true, force: true });
  try {
    for (const path of Object.keys(manifest.files)) await copyDurably(join(from, path), join(made, path));
    await verify(made, manifest);
    // The tables last: a journal without tables is refused, and tables without their journal would be too few.
    for (const name of [...FOLDERS].reverse()) {
      if (Object.keys(manifest.files).some((path) => path.startsWith(`${name}/`))) {
        await rename(join(made, name), join(to, name));
        await realFiles.syncFolder(to);
      }
    }
  } finally {
    await rm(made, { recursive: true, force: true });
  }
  return manifest;
}

async function demandAbsent(folder: string): Promise<void> {
  const names = await readdir(folder).catch(() => []);
  if (names.length > 0) throw new BackupRefused(`${folder} is there already: a backup is restored where no store is`);
  await rm(folder, { recursive: true, force: true });
}

async function verify(made: string, { files, journal }: Manifest): Promise<void> {
  const found = await filesIn(made);
  const broken = Object.keys(files).filter((path) => found[path] !== files[path]);
  if (broken.length > 0) throw new BackupRefused(`the backup is damaged: ${broken.join(', ')} is not what it was`);
  await verifyFolder(join(made, 'store'));
  await rm(join(made, 'store', 'lock.mdb'), { force: true });
  if (journal !== null) await verifyLog(join(made, 'journal'), journal);
}

async function copyDurably(from: string, to: string): Promise<void> {
  await mkdir(dirname(to), { recursive: true, mode: 0o700 });
  await copyFile(from, to).catch((cause: unknown) => {
    throw new BackupRefused(`the backup is damaged: ${from} cannot be copied`, { cause });
  });
  const file = await realFiles.open(to, 'through');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
  await realFiles.syncFolder(dirname(to));
}
