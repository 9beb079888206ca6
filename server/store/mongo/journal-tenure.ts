/**
 * The time for which a node owns the journal: renews its lease each second, and with it keeps the owner record up to date. A
 * renewal that fails proves nothing and ends nothing; only a record that names another owner does. One write at a time, so
 * that an older state never comes after a newer one.
 */
import type { Runtime } from '../../../protocol/runtime.ts';
import { reasonOf } from '../../lib/reason.ts';
import type { OwnerRecords } from './journal-owner.ts';
import type { BootRecord } from './journal-schema.ts';

export type TenureOptions = {
  records: OwnerRecords;
  epoch: number;
  runtime: Runtime;
  renewalMs: number;
  address: () => string;
  /** Called once. */
  onLost: (reason: string) => void;
};

export class Tenure {
  readonly #options: TenureOptions;
  #boots: () => readonly BootRecord[];
  #last: Promise<boolean> = Promise.resolve(true);
  #cancelTimer = () => {};
  #trouble: string | null = null;
  #isOver = false;

  /** `boots` are those of the record until `keep` says otherwise. */
  constructor(options: TenureOptions, boots: readonly BootRecord[]) {
    this.#options = options;
    this.#boots = () => boots;
    this.#schedule();
  }

  /** What the record is to hold from the next write on. */
  keep(boots: () => readonly BootRecord[]): void {
    this.#boots = boots;
  }

  /** Why the last renewal failed; null when it did not. */
  get trouble(): string | null {
    return this.#trouble;
  }

  /** Writes the record. False when it names another owner. Rejects with StoreUnavailable; then it may be written or not. */
  record(): Promise<boolean> {
    const written = this.#last.catch(() => {}).then(() => this.#write());
    this.#last = written;
    return written;
  }

  /** Lets go at once, as far as that can be said to MongoDB now. */
  async close(): Promise<void> {
    const wasOver = this.#isOver;
    this.#isOver = true;
    this.#cancelTimer();
    await this.#last.catch(() => {});
    if (!wasOver) await this.#options.records.release(this.#options.epoch).catch(() => {});
  }

  #schedule(): void {
    if (this.#isOver) return;
    this.#cancelTimer = this.#options.runtime.after(this.#options.renewalMs, () => {
      this.record().then(
        () => this.#schedule(),
        () => this.#schedule(),
      );
    });
  }

  async #write(): Promise<boolean> {
    const { records, epoch, address } = this.#options;
    try {
      if (await records.renew(epoch, { address: address(), boots: this.#boots() })) {
        this.#trouble = null;
        return true;
      }
      return await this.#lookAgain();
    } catch (error) {
      this.#trouble = `the lease is not renewed: ${reasonOf(error)}`;
      throw error;
    }
  }

  /** The write found no record of this epoch. Whether another has taken over is told by what is durable. */
  async #lookAgain(): Promise<boolean> {
    const { records, epoch, onLost } = this.#options;
    const found = await records.read();
    if (found !== null && found.epoch === epoch) throw new Error('the record could not be written');
    const reason = found === null ? 'the owner record is gone' : `${found.node} owns the journal now`;
    this.#trouble = reason;
    if (found !== null && !this.#isOver) {
      this.#isOver = true;
      onLost(reason);
    }
    return false;
  }
}
