/**
 * Opens the embedded store of a data folder, making it when there is none. The files are in `DIRECTORY/store`, those of
 * its journal in `DIRECTORY/journal`; the folder itself also holds keys and the lock, which are not this module's. Who opens it has locked the folder: LMDB
 * would let a second process in.
 */
import { mkdir } from 'node:fs/promises';
import { dirname, extname, join, resolve } from 'node:path';
import type { Runtime } from '../../../protocol/runtime.ts';
import { reasonLineOf } from '../../lib/reason.ts';
import { syncFolder } from '../../lib/sync-folder.ts';
import type { HintStore } from '../journal.ts';
import { realFiles } from '../log/files.ts';
import { HintFile } from '../log/hint.ts';
import { type LogHome, openLog } from '../log/open.ts';
import { type Store, StoreRefused } from '../store.ts';
import type { BackupOptions, Boots, StoreStatus } from '../survey.ts';
import { startThread } from '../thread-start.ts';
import { createLmdbAccounts } from './accounts.ts';
import { createLmdbArchive } from './archive.ts';
import { backUp } from './backup.ts';
import { createLmdbBoots } from './boots.ts';
import { LmdbClaims } from './claims.ts';
import { dataFileOf } from './data-file.ts';
import { dataFileIn, openEnvironment, openRoot } from './environment.ts';
import { LmdbEvents } from './events.ts';
import { identify } from './identity.ts';
import { LmdbProjector } from './projector.ts';
import type { ProjectorData } from './projector-program.ts';
import { LmdbQualifications } from './qualifications.ts';
import { directCommitsOf } from './rows.ts';
import { createLmdbSurvey, lmdbCollection } from './survey.ts';
import { Transactions } from './transactions.ts';
import { verifyFolder } from './verify.ts';

export type LmdbOptions = {
  /** The data folder; made when it is not there. */
  directory: string;
  runtime: Runtime;
  /** Names the writer of the journal; without it there is none. */
  nodeId?: string;
  /** Bytes on disk at which the journal is full. */
  journalBytesMax?: number;
  /** Only tests ask for another size of the journal's files than it has by itself: filling one takes its time. */
  journalSegmentBytes?: number;
  /** Told why a commit failed, for the log; its callers are answered all the same. */
  onFailure?: (cause: unknown) => void;
};

type Opened = { transactions: Transactions; clusterId: string; folder: string };
/** What a store with a journal has beside its tables. */
type Journaled = { journal: LogHome; projector: () => Promise<LmdbProjector>; hints: HintStore };

const program = new URL(`./projector-program${extname(import.meta.url)}`, import.meta.url);

/** Rejects with StoreRefused when the folder cannot be used, is damaged, or holds data of a newer version. */
export async function openLmdbStore(options: LmdbOptions): Promise<Store> {
  const { directory, runtime } = options;
  const opened = await openFolder(options).catch((cause: unknown) => {
    if (cause instanceof StoreRefused) throw cause;
    throw new StoreRefused(`the data folder ${directory} cannot be used: ${reasonLineOf(cause)}`, { cause });
  });
  const { transactions, clusterId } = opened;
  const projectors: LmdbProjector[] = [];
  const boots = createLmdbBoots(transactions, runtime);
  return {
    ...journaled(opened, { ...options, boots }, projectors),
    label: `lmdb:${directory}`,
    clusterId,
    claims: new LmdbClaims(transactions),
    events: new LmdbEvents(transactions),
    qualifications: new LmdbQualifications(transactions),
    accounts: createLmdbAccounts(transactions),
    timeMs: () => transactions.read(() => Math.floor(runtime.wallMs())),
    // A table cannot lose the uniqueness of its keys: it is made of it.
    guardsMissing: () => [],
    statuses: () => statusesOf(transactions),
    survey: createLmdbSurvey(transactions),
    archive: createLmdbArchive(transactions),
    boots,
    backup: (asked: BackupOptions) => {
      const journal = join(directory, 'journal');
      return backUp({ transactions, clusterId, folder: opened.folder, journal, runtime }, asked);
    },
    // Together: a projection waits for its turn, which a store that closes does not give.
    close: async () => {
      await Promise.all([transactions.close(), ...projectors.map((projector) => projector.close())]);
    },
  };
}

async function statusesOf(transactions: Transactions): Promise<StoreStatus[]> {
  return transactions.read(lmdbCollection).then(
    (collection) => [{ store: 'main', reachable: true, collections: [collection] }],
    () => [{ store: 'main', reachable: false, collections: [] }],
  );
}

function journaled(
  { transactions, folder }: Opened,
  options: LmdbOptions & { boots: Boots },
  projectors: LmdbProjector[],
): Journaled | undefined {
  const { directory, nodeId, runtime, boots, journalBytesMax, journalSegmentBytes, onFailure = () => {} } = options;
  if (nodeId === undefined) return undefined;
  const journal = join(directory, 'journal');
  const start = () => startThread(program, { folder, journal } satisfies ProjectorData);
  const size = {
    ...(journalBytesMax === undefined ? {} : { bytesMax: journalBytesMax }),
    ...(journalSegmentBytes === undefined ? {} : { segmentBytes: journalSegmentBytes }),
  };
  const log = openLog({ directory: journal, nodeId, runtime, onFailure, ...size });
  const hint = new HintFile({ files: realFiles, directory: journal, runtime });
  return {
    hints: {
      seed: () => hint.seed(),
      read: () => hint.read(),
      write: (seed, pieces) => hint.write(seed, pieces),
      stop: () => hint.stop(),
      directCommits: () => transactions.read(directCommitsOf),
    },
    journal: {
      async open(boot) {
        await boots.note(`${nodeId}.${boot}`);
        return log.open(boot);
      },
    },
    projector: async () => {
      const projector = new LmdbProjector({ transactions, start, runtime });
      projectors.push(projector);
      return projector;
    },
  };
}

async function openFolder(options: LmdbOptions): Promise<Opened> {
  const folder = join(options.directory, 'store');
  await mkdir(folder, { recursive: true, mode: 0o700 });
  if (dataFileOf(dataFileIn(folder)) === 'short') await verifyFolder(folder);
  const root = openRoot(folder);
  const { clusterId } = await identify(root, options).finally(() => root.close());
  // A synced file is lost all the same while its folder does not durably name it.
  for (const each of [folder, options.directory, dirname(resolve(options.directory))]) await syncFolder(each);
  const transactions = new Transactions(folder, openEnvironment(folder), options.onFailure ?? (() => {}));
  return { transactions, clusterId, folder };
}
