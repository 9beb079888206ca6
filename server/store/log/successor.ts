/**
 * Sees to it that the next segment is there before it is needed, in the background, again and again until it can be had:
 * a full disk, or a log of its full size, may have room later.
 */
import type { Runtime } from '../../../protocol/runtime.ts';
import { reasonOf } from '../../lib/reason.ts';
import type { OpenFile } from './files.ts';
import { type FillOptions, fillSegment, openSlots } from './fill.ts';
import type { Folder } from './folder.ts';
import type { SegmentHead } from './segment.ts';

const REST_MS = 2;
const RETRY_MS = 500;

export type SuccessorOptions = {
  folder: Folder;
  runtime: Runtime;
  slots: number;
  headOf: (number: number) => SegmentHead;
  /** Why the log may not grow now; null when it may. */
  limit: () => string | null;
  made: (number: number, slots: OpenFile[]) => void;
  /** `stuck` has changed. */
  changed: () => void;
};

class Stopped extends Error {}

export class Successor {
  readonly #options: SuccessorOptions;
  /** Why the next segment cannot be had for now; null while all is well. */
  stuck: string | null = null;
  #wanted: number | null = null;
  #isMaking = false;
  #running: Promise<void> = Promise.resolve();
  #isStopped = false;
  #wake: () => void = () => {};

  constructor(options: SuccessorOptions) {
    this.#options = options;
  }

  /** Sees to it that the segment is made; asking again changes nothing. May be called from within `made`. */
  want(number: number): void {
    this.#wanted = number;
    if (!this.#isMaking && !this.#isStopped) this.#running = this.#make();
  }

  /** Something that stood in the way may be gone. */
  retry(): void {
    if (this.stuck !== null) this.#wake();
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#wake();
    await this.#running;
  }

  async #make(): Promise<void> {
    this.#isMaking = true;
    while (this.#wanted !== null && !this.#isStopped) {
      const number = this.#wanted;
      const failure = await this.#attempt(number);
      if (failure === null) {
        if (this.#wanted === number) this.#wanted = null;
        continue;
      }
      this.#set(failure);
      if (!this.#isStopped) await this.#pause(RETRY_MS);
    }
    this.#isMaking = false;
  }

  /** Null when it is made, or nobody wants it any more. */
  async #attempt(number: number): Promise<string | null> {
    const { folder, headOf, slots, limit, made } = this.#options;
    const reason = limit();
    if (reason !== null) return reason;
    try {
      const rest: FillOptions['rest'] = () => this.#rest();
      await fillSegment(folder, headOf(number), { rest });
      const files = await openSlots(folder, number, slots);
      this.#set(null);
      made(number, files);
      return null;
    } catch (error) {
      if (error instanceof Stopped) return null;
      return `no room for another segment: ${reasonOf(error)}`;
    }
  }

  async #rest(): Promise<void> {
    if (!this.#isStopped) await this.#pause(REST_MS);
    if (this.#isStopped) throw new Stopped();
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#options.runtime.after(ms, resolve);
      this.#wake = () => {
        cancel();
        resolve();
      };
    });
  }

  #set(stuck: string | null): void {
    if (stuck === this.stuck) return;
    this.stuck = stuck;
    this.#options.changed();
  }
}
