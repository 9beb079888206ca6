/**
 * One named store, which may be away: while it is, what needs it is refused at once and what does not goes on without it.
 * Whether it answers is asked each second; a store that could not be opened at the start is tried again as often.
 */
import type { Runtime } from '../../../protocol/runtime.ts';
import type { Log } from '../../lib/log.ts';
import { type ClaimStore, type Store, StoreRefused, StoreUnavailable } from '../store.ts';

const BEAT_MS = 1_000;
/** A store that takes longer to tell its time is not asked anything that can do without it. */
const ANSWER_MS_MAX = 500;

/** What a store that keeps only claims has. */
export type BranchStore = Pick<
  Store,
  'label' | 'claims' | 'timeMs' | 'guardsMissing' | 'isUnguarded' | 'statuses' | 'survey' | 'archive' | 'close'
>;

export type BranchOptions = { name: string; open: () => Promise<BranchStore>; runtime: Runtime; log: Log };

export class Branch {
  readonly name: string;
  readonly #options: BranchOptions;
  #store: BranchStore | null = null;
  #isReachable = false;
  /** How long somebody has waited in vain since it last answered a beat. */
  #silentMs = 0;
  #cancel: () => void = () => {};
  #beating: Promise<void> = Promise.resolve();
  #isClosed = false;

  constructor(options: BranchOptions) {
    this.name = options.name;
    this.#options = options;
  }

  /** Resolves when it is open, or away. Rejects with StoreRefused when it can never serve. */
  async start(): Promise<void> {
    await this.#open();
    this.#schedule();
  }

  get isReachable(): boolean {
    return this.#isReachable;
  }

  get store(): BranchStore | null {
    return this.#store;
  }

  /** Its claims; throws StoreUnavailable while it is away. */
  get claims(): ClaimStore {
    if (this.#store === null || !this.#isReachable) throw new StoreUnavailable(`store ${this.name} does not answer`);
    return this.#store.claims;
  }

  /**
   * What it answers within `msMax`; null when it does not. Never rejects with StoreUnavailable. Where one has waited so long in
   * vain, nobody does again before it has answered a beat: until then it would be one wait after another.
   */
  async ask<T>(msMax: number, question: (claims: ClaimStore) => Promise<T>): Promise<{ answer: T } | null> {
    if (!this.#isReachable || msMax <= this.#silentMs) return null;
    const answer = question(this.claims).then(
      (found) => ({ answer: found }),
      (error: unknown) => {
        if (error instanceof StoreUnavailable) return null;
        throw error;
      },
    );
    const found = await this.#within(msMax, answer);
    if (found === null) this.#silentMs = Math.max(this.#silentMs, msMax);
    return found;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#cancel();
    // It ends when its connections do.
    await Promise.all([this.#store?.close(), this.#beating]);
    await this.#store?.close();
  }

  #schedule(): void {
    if (this.#isClosed) return;
    this.#cancel = this.#options.runtime.after(BEAT_MS, () => {
      this.#beating = this.#beat().finally(() => this.#schedule());
    });
  }

  async #beat(): Promise<void> {
    const { log } = this.#options;
    if (this.#store === null) {
      await this.#open().catch((error: unknown) =>
        log.error({ store: this.name, reason: String(error) }, 'a store is refused'),
      );
      return;
    }
    const told = this.#store.timeMs().then(
      () => true,
      () => false,
    );
    this.#settle((await this.#within(ANSWER_MS_MAX, told)) ?? false);
  }

  async #open(): Promise<void> {
    try {
      this.#store = await this.#options.open();
    } catch (error) {
      if (error instanceof StoreRefused || !(error instanceof StoreUnavailable)) throw error;
      this.#options.log.warn({ store: this.name, reason: error.message }, 'a store does not answer');
      return;
    }
    this.#settle(true);
  }

  #settle(isReachable: boolean): void {
    if (isReachable) this.#silentMs = 0;
    if (isReachable === this.#isReachable) return;
    this.#isReachable = isReachable;
    const { log } = this.#options;
    if (isReachable) log.info({ store: this.name }, 'a store answers');
    else log.error({ store: this.name }, 'a store does not answer: claims of its events are refused');
  }

  async #within<T>(msMax: number, work: Promise<T>): Promise<T | null> {
    let cancel = () => {};
    const late = new Promise<null>((resolve) => {
      cancel = this.#options.runtime.after(msMax, () => resolve(null));
    });
    // Once it is late nobody waits for how it fails.
    work.catch(() => {});
    return Promise.race([work, late]).finally(() => cancel());
  }
}
