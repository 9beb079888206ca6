/**
 * A backup of a running store: first one state of all tables, then the journal from where those tables end.
 *
 * Why it is whole: a claim that was granted before the backup began was in a table or durable in the journal before
 * `journalEnd`. The tables are copied later than that moment, and say themselves up to which offset the journal is in them.
 * So each such claim is in the tables, or in `[that offset, journalEnd)`, which is copied next and has not been released.
 * The other order could miss what was projected and released in between. Why nothing is in it twice: what is in both is
 * told by its attempt, as after a crash. And the journal's copy ends where the tables' end when that is further, for a
 * log that ended before would give the same offsets to other blocks.
 */
import { mkdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Runtime } from '../../../protocol/runtime.ts';
import { copyLog, verifyLog } from '../log/copy.ts';
import { realFiles } from '../log/files.ts';
import type { BackupOptions, BackupSummary } from '../survey.ts';
import { BACKUP_FORMAT, filesIn, takeEmptyFolder, writeManifest } from './backup-files.ts';
import { closeEnvironment, dataFileIn, openEnvironment } from './environment.ts';
import { markOf } from './rows.ts';
import { lmdbCollection } from './survey.ts';
import type { Transactions } from './transactions.ts';
import { verifyFolder } from './verify.ts';

export type BackupSource = {
  transactions: Transactions;
  clusterId: string;
  /** The store's own folder and that of its journal. */
  folder: string;
  journal: string;
  runtime: Pick<Runtime, 'wallMs'>;
};

/** Rejects with BackupRefused, and with StoreRefused when what is copied is damaged. What it has begun is removed then. */
export async function backUp(source: BackupSource, options: BackupOptions): Promise<BackupSummary> {
  const { directory } = options;
  await takeEmptyFolder(directory);
  try {
    return await copyInto(source, options);
  } catch (error) {
    for (const name of ['store', 'journal']) await rm(join(directory, name), { recursive: true, force: true });
    throw error;
  }
}

async function copyInto(source: BackupSource, { directory, journalEnd, onProgress }: BackupOptions) {
  const [store, journal] = [join(directory, 'store'), join(directory, 'journal')];
  await mkdir(store, { mode: 0o700 });
  const tableBytes = (await stat(dataFileIn(source.folder))).size;
  onProgress({ phase: 'tables', bytes: 0, bytesTotal: tableBytes });
  await source.transactions.copy(store);
  const { claims, mark } = await countFolder(store);
  const until = journalEnd === null ? null : Math.max(journalEnd, mark);
  if (until !== null) {
    let bytes = 0;
    const onBytes = (more: number) => {
      bytes += more;
      onProgress({ phase: 'journal', bytes, bytesTotal: Math.max(bytes, until - mark) });
    };
    await copyLog(source.journal, journal, { from: mark, until, onBytes });
  }
  onProgress({ phase: 'verify', bytes: 0, bytesTotal: tableBytes });
  await verifyFolder(store);
  const claimsInJournal = until === null ? 0 : await verifyLog(journal, { from: mark, until });
  await rm(join(store, 'lock.mdb'), { force: true });
  await realFiles.syncFolder(store);
  const { clusterId, runtime } = source;
  await writeManifest(directory, {
    ...{
      format: BACKUP_FORMAT,
      clusterId,
      createdAt: new Date(runtime.wallMs()).toISOString(),
      claims,
      claimsInJournal,
    },
    journal: until === null ? null : { from: mark, until },
    files: await filesIn(directory),
  });
  return { claims: claims + claimsInJournal, bytes: await bytesIn(store, until === null ? 0 : until - mark) };
}

/** Of a copy that nobody else has open. */
async function countFolder(folder: string): Promise<{ claims: number; mark: number }> {
  const environment = openEnvironment(folder);
  try {
    return { claims: lmdbCollection(environment.tables).claims, mark: markOf(environment.tables) };
  } finally {
    await closeEnvironment(environment);
  }
}

async function bytesIn(store: string, journalBytes: number): Promise<number> {
  return (await stat(dataFileIn(store))).size + journalBytes;
}
