/** The figures of stores, for people and for metrics. Metrics are asked for often, so theirs may be some seconds old. */
import type { Runtime } from '../../protocol/runtime.ts';
import type { StoreView } from '../../protocol/upkeep.ts';
import type { Store } from '../store/store.ts';

const METRICS_AGE_MS_MAX = 10_000;
const MAIN = 'main';

export type StatusesOptions = {
  store: Pick<Store, 'statuses'>;
  journal: () => { backlogClaims: number; oldestMs: number };
  runtime: Pick<Runtime, 'monotonicMs'>;
};

export class Statuses {
  readonly #options: StatusesOptions;
  #recent: { at: number; stores: Promise<StoreView[]> } | null = null;

  constructor(options: StatusesOptions) {
    this.#options = options;
  }

  /** Never rejects. */
  async now(): Promise<StoreView[]> {
    const { backlogClaims, oldestMs } = this.#options.journal();
    const stores = await this.#options.store.statuses();
    const own = { backlogClaims, oldestMs: Math.round(oldestMs) };
    // The journal's figures are not told apart by store.
    return stores.map((status) => ({
      ...status,
      journal: status.store === MAIN ? own : { backlogClaims: 0, oldestMs: 0 },
    }));
  }

  recent(): Promise<StoreView[]> {
    const at = this.#options.runtime.monotonicMs();
    if (this.#recent === null || at - this.#recent.at > METRICS_AGE_MS_MAX) this.#recent = { at, stores: this.now() };
    return this.#recent.stores;
  }
}
