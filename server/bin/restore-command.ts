/** `claimd restore DIR`: a backup into the folder of the embedded store that the settings name, while no server has it. */
import { resolve } from 'node:path';
import { lockFolder } from '../lib/folder-lock.ts';
import { restoreInto } from '../store/lmdb/restore.ts';
import type { Settings } from './read-settings.ts';
import { SettingsRefused } from './refused.ts';

/** Resolves to what is printed. Rejects with FolderInUse while a server runs, with BackupRefused when it cannot be done. */
export async function restore(from: string, { store }: Settings): Promise<string> {
  const main = embedded(store);
  const lock = await lockFolder(main);
  try {
    const { claims, claimsInJournal, createdAt } = await restoreInto(main, resolve(from));
    return JSON.stringify({ directory: main, claims: claims + claimsInJournal, createdAt }, null, 2);
  } finally {
    await lock.release();
  }
}

function embedded(store: Settings['store']): string {
  if (store.kind === 'lmdb') return store.directory;
  throw new SettingsRefused('restore is for the embedded store; MongoDB has mongorestore');
}
