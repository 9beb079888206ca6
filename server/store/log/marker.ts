/**
 * Writes the mark when it is worth it: soon after the last block, and now and then while blocks keep coming. A mark that
 * could not be written is no harm done; the next one is tried.
 */
import type { Runtime } from '../../../protocol/runtime.ts';
import type { Mark, MarkFile } from './mark.ts';

const IDLE_MS = 50;
const BUSY_MS = 1_000;

export class Marker {
  readonly #file: MarkFile;
  readonly #runtime: Runtime;
  readonly #now: () => Mark;
  readonly #failed: (error: unknown) => void;
  #cancel: (() => void) | null = null;
  #hasMoved = false;
  #writtenAt: number;

  /** `now` says what is durable at the moment. */
  constructor(file: MarkFile, runtime: Runtime, now: () => Mark, failed: (error: unknown) => void) {
    this.#file = file;
    this.#runtime = runtime;
    this.#now = now;
    this.#failed = failed;
    this.#writtenAt = runtime.monotonicMs();
  }

  /** Something has become durable. */
  note(): void {
    this.#hasMoved = true;
    this.#cancel ??= this.#runtime.after(IDLE_MS, () => this.#look());
  }

  /** Durable when it resolves, whatever happened since the last one. Rejects when it cannot be written. */
  async write(): Promise<void> {
    this.#writtenAt = this.#runtime.monotonicMs();
    await this.#file.write(this.#now());
  }

  /** No further mark by itself. */
  stop(): void {
    this.#cancel?.();
    // Nobody sets a timer that seems to be set.
    this.#cancel = () => {};
  }

  #look(): void {
    this.#cancel = null;
    const isBusy = this.#hasMoved && this.#runtime.monotonicMs() - this.#writtenAt < BUSY_MS;
    this.#hasMoved = false;
    if (isBusy) this.#cancel = this.#runtime.after(IDLE_MS, () => this.#look());
    else this.write().catch((error) => this.#failed(error));
  }
}
