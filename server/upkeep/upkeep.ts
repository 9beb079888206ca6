/** Puts together what keeps an eye on stores, and shows their figures as metrics. */
import type { Runtime } from '../../protocol/runtime.ts';
import type { CollectionView } from '../../protocol/upkeep.ts';
import type { Log } from '../lib/log.ts';
import type { Metrics } from '../lib/metrics.ts';
import type { Store } from '../store/store.ts';
import { Backups } from './backups.ts';
import { Reconciling } from './reconciling.ts';
import { Statuses } from './statuses.ts';

/** What a journal that this node may write tells about itself; see `Journaling`. */
export type KeptJournal = {
  readonly mark: number;
  project(): Promise<void>;
  settled(): Promise<number | null>;
  hold(): () => void;
  blocks(from: number): AsyncIterable<Buffer> | null;
  figures(): { backlogClaims: number; oldestMs: number };
};

export type UpkeepOptions = {
  store: Pick<Store, 'statuses' | 'survey' | 'boots' | 'claims' | 'events' | 'backup'>;
  journal: KeptJournal | undefined;
  runtime: Pick<Runtime, 'monotonicMs' | 'after'>;
  log: Log;
  metrics: Pick<Metrics, 'gaugeOf'>;
};
export type Upkeep = { statuses: Statuses; reconciling: Reconciling; backups: Backups };

export function createUpkeep({ store, journal = undefined, runtime, log, metrics }: UpkeepOptions): Upkeep {
  const figures = () => journal?.figures() ?? { backlogClaims: 0, oldestMs: 0 };
  const statuses = new Statuses({ store, journal: figures, runtime });
  const onFailure = (cause: unknown) => log.error({ err: cause }, 'a backup failed');
  gauges(metrics, statuses);
  return {
    statuses,
    reconciling: new Reconciling({ store, journal: journal ?? null, runtime }),
    backups: new Backups({ store, journal: journal ?? null, onFailure }),
  };
}

const FIGURES: readonly { name: string; help: string; read: (collection: CollectionView) => number }[] = [
  {
    name: 'claimd_store_claims',
    help: 'Claims in a collection, as the store counts them.',
    read: ({ claims }) => claims,
  },
  { name: 'claimd_store_bytes', help: 'Bytes of a collection.', read: ({ bytes }) => bytes },
  { name: 'claimd_store_index_bytes', help: 'Bytes of its indexes.', read: ({ indexBytes }) => indexBytes },
  {
    name: 'claimd_store_guard_ok',
    help: '1 while the unique indexes that decide are there.',
    read: ({ guard }) => (guard === 'ok' ? 1 : 0),
  },
];

function gauges(metrics: Pick<Metrics, 'gaugeOf'>, statuses: Statuses): void {
  for (const { name, help, read } of FIGURES) {
    metrics.gaugeOf({
      ...{ name, help, labels: ['store', 'collection'] },
      read: async () =>
        (await statuses.recent()).flatMap(({ store, collections }) =>
          collections.map((collection) => ({ labels: [store, collection.name], value: read(collection) })),
        ),
    });
  }
  metrics.gaugeOf({
    ...{ name: 'claimd_store_reachable', help: '1 while the store answers.', labels: ['store'] },
    read: async () =>
      (await statuses.recent()).map(({ store, reachable }) => ({ labels: [store], value: reachable ? 1 : 0 })),
  });
}
