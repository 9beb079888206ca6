/**
 * A comparison that is asked for part by part. The place where a part ended is all that a caller keeps: whoever comes back
 * with it goes on from there, here or on another server. The one that went on last is kept open, so that going on is cheap.
 */

import type { Runtime } from '../../protocol/runtime.ts';
import type { Mismatch } from '../../protocol/upkeep.ts';
import { AT } from '../store/block/layout.ts';
import type { Store } from '../store/store.ts';
import { BEGINNING, reconcile, type Step } from './reconciliation.ts';

/** What was decided so long ago is durable, or never will be. */
export const SETTLED_MS = 5_000;
/** A part takes about so long, or as many claims, or as many mismatches. */
const PART_MS = 250;
/** A single step is waited for so long. */
const WAIT_MS = 2_000;
const PART_CLAIMS = 20_000;
const PART_MISMATCHES = 400;

type KeptBlocks = { blocks(from: number): AsyncIterable<Buffer> | null; hold(): () => void };

export type ReconcilingOptions = {
  store: Pick<Store, 'survey' | 'boots' | 'claims' | 'events'>;
  /** Null without a journal. */
  journal: (KeptBlocks & { project(): Promise<void>; readonly mark: number }) | null;
  runtime: Pick<Runtime, 'monotonicMs' | 'after'>;
};

export type Part = { place: string | null; checked: number; mismatches: Mismatch[] };
type Open = {
  asOf: number;
  place: string;
  steps: AsyncGenerator<Step>;
  /** Asked for and not here yet. */
  next: Promise<IteratorResult<Step>> | null;
};

export class Reconciling {
  readonly #options: ReconcilingOptions;
  #open: Open | null = null;
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: ReconcilingOptions) {
    this.#options = options;
  }

  /** The next part behind `place`, from the beginning with null. Rejects as `reconcile` does. */
  next(asOf: number, place: string | null): Promise<Part> {
    const part = this.#last.then(() => this.#next(asOf, place));
    this.#last = part.catch(() => {});
    return part;
  }

  async #next(asOf: number, place: string | null): Promise<Part> {
    const open = this.#open;
    this.#open = null;
    const isNext = open !== null && open.asOf === asOf && open.place === place;
    if (!isNext) void open?.steps.return(undefined).catch(() => {});
    return this.#part(isNext ? open : this.#begin(asOf, place));
  }

  #begin(asOf: number, place: string | null): Open {
    return { asOf, place: place ?? BEGINNING, steps: this.#steps(asOf, place), next: null };
  }

  /** The first one comes when all that is granted is in the store, which may take many parts. */
  async *#steps(asOf: number, place: string | null): AsyncGenerator<Step> {
    const { store, journal, runtime } = this.#options;
    await journal?.project();
    const mark = journal?.mark ?? 0;
    const rest = () => new Promise<void>((resolve) => runtime.after(0, resolve));
    const blocks = journal === null ? null : () => keptBlocks(journal, mark);
    yield* reconcile({ store, blocks, rest }, { asOf, from: place });
  }

  async #part(open: Open): Promise<Part> {
    const { runtime } = this.#options;
    const endsAt = runtime.monotonicMs() + PART_MS;
    const part: Part = { place: open.place, checked: 0, mismatches: [] };
    do {
      open.next ??= open.steps.next();
      const result = await Promise.race([open.next, this.#waited()]);
      // What takes long goes on by itself, and its caller asks again.
      if (result === null) break;
      open.next = null;
      if (result.done) return { ...part, place: null };
      const { place, checked, mismatches } = result.value;
      part.checked += checked;
      part.mismatches.push(...mismatches);
      part.place = place;
    } while (runtime.monotonicMs() < endsAt && part.checked < PART_CLAIMS && part.mismatches.length < PART_MISMATCHES);
    this.#open = { ...open, place: part.place ?? BEGINNING };
    return part;
  }

  #waited(): Promise<null> {
    return new Promise((resolve) => this.#options.runtime.after(WAIT_MS, () => resolve(null)));
  }
}

/** Kept blocks that are projected; none of them is released while they are read. */
async function* keptBlocks(journal: KeptBlocks, mark: number): AsyncGenerator<Buffer> {
  const release = journal.hold();
  try {
    for await (const block of journal.blocks(0) ?? []) {
      if (Number(block.readBigUInt64BE(AT.offset)) >= mark) return;
      yield block;
    }
  } finally {
    release();
  }
}
