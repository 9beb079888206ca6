/**
 * What a backup of the embedded store is, as files: `store/data.mdb`, `journal/` where there is one, and `backup.json`, which
 * is written last and says what must be in the others. A folder without it is no backup.
 */
import { createHash } from 'node:crypto';
import { mkdir, open, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { realFiles } from '../log/files.ts';
import { BackupRefused } from '../store.ts';

export const BACKUP_FORMAT = 1;
const NAME = 'backup.json';
const PIECE_BYTES = 1_048_576;
/** Locks belong to whoever has a file open. */
const LOCKS: readonly string[] = ['lock', 'lock.mdb'];
export const FOLDERS = ['store', 'journal'] as const;

export type Manifest = {
  format: typeof BACKUP_FORMAT;
  clusterId: string;
  createdAt: string;
  /** Claims in the tables, and those of the journal that are not among them yet. */
  claims: number;
  claimsInJournal: number;
  /** The part of the journal that is not in the tables; null without a journal. */
  journal: { from: number; until: number } | null;
  /** SHA-256 of each file, by its path in the backup. */
  files: Record<string, string>;
};

/** Makes it when it is not there. Rejects with BackupRefused. */
export async function takeEmptyFolder(directory: string): Promise<void> {
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    if ((await readdir(directory)).length > 0) throw new BackupRefused(`the folder ${directory} is not empty`);
  } catch (error) {
    if (error instanceof BackupRefused) throw error;
    throw new BackupRefused(`the folder ${directory} cannot be used: ${codeOf(error)}`, { cause: error });
  }
}

export async function filesIn(directory: string): Promise<Record<string, string>> {
  const digests: Record<string, string> = {};
  for (const folder of FOLDERS) {
    const names = await readdir(join(directory, folder)).catch(() => []);
    for (const name of names.filter((each) => !LOCKS.includes(each)).sort()) {
      digests[`${folder}/${name}`] = await digestOf(join(directory, folder, name));
    }
  }
  return digests;
}

export async function writeManifest(directory: string, manifest: Manifest): Promise<void> {
  const path = join(directory, NAME);
  const file = await open(`${path}.new`, 'w', 0o600);
  try {
    await writeFile(file, `${JSON.stringify(manifest, null, 2)}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(`${path}.new`, path);
  await realFiles.syncFolder(directory);
}

/** Rejects with BackupRefused for a folder that holds no backup, or one of a newer version. */
export async function readManifest(directory: string): Promise<Manifest> {
  const text = await readFile(join(directory, NAME), 'utf8').catch((cause: unknown) => {
    throw new BackupRefused(`${directory} holds no backup: ${NAME} cannot be read: ${codeOf(cause)}`, { cause });
  });
  const manifest = JSON.parse(text) as Manifest;
  if (manifest.format === BACKUP_FORMAT) return manifest;
  throw new BackupRefused(`the backup ${directory} has format ${manifest.format}; this version reads ${BACKUP_FORMAT}`);
}

async function digestOf(path: string): Promise<string> {
  const hash = createHash('sha256');
  const file = await open(path, 'r');
  try {
    const stream = file.createReadStream({ autoClose: false, highWaterMark: PIECE_BYTES });
    for await (const piece of stream) hash.update(piece as Buffer);
  } finally {
    await file.close();
  }
  return hash.digest('hex');
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error);
}
