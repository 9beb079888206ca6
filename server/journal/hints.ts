/**
 * Keeps a hint of this node's memory for the next start: takes it over at the start, and writes another whenever so many
 * claims have been added that the next start would be long without. What it says is in `hint-pieces.ts`, when it is believed
 * in `hint-restore.ts`.
 *
 * Invariant: a hint is written only while memory knows every claim and every request id, and it speaks of durable claims alone.
 */
import type { Runtime } from '../../protocol/runtime.ts';
import { bytesOfSeed, type Seed } from '../lib/hash.ts';
import type { Log } from '../lib/log.ts';
import { reasonLineOf } from '../lib/reason.ts';
import { AT, placeAfter } from '../store/block/layout.ts';
import type { Block } from '../store/block/reader.ts';
import type { HintStore, Journal } from '../store/journal.ts';
import type { EventStore } from '../store/store.ts';
import type { BlockCommit } from './block-commit.ts';
import type { Entries } from './entries.ts';
import { FORMAT, type HintHead, type Memory, piecesOf } from './hint-pieces.ts';
import { restoreHint } from './hint-restore.ts';
import type { RequestFilter } from './request-filter.ts';
import type { Requests } from './requests.ts';
import type { Tail } from './tail.ts';
import type { Window, Windows } from './windows.ts';

/** A start takes in so many claims of the log in about a second. */
const CLAIMS_MIN = 1_000_000;
/** And this part of what there is: a hint costs as much as there is. */
const GROWTH_PART = 1 / 4;
const RETRY_MS = 60_000;

export type HintsOptions = {
  store: HintStore;
  seed: Seed;
  journal: Journal;
  events: Pick<EventStore, 'get'>;
  windows: Windows;
  entries: Entries;
  filter: RequestFilter;
  requests: Requests;
  tail: Tail;
  commit: Pick<BlockCommit, 'undurableOf'>;
  /** Everything before this offset is in the store. */
  mark: () => number;
  /** Resolves when claims that were being put into the store by another way are in it and remembered, or are not. */
  inserted: () => Promise<void>;
  runtime: Runtime;
  log: Log;
};

type Boot = HintHead['boots'][number];
type Last = HintHead['last'];

class Stopped extends Error {}

export class Hints {
  readonly #options: HintsOptions;
  readonly #earlier: Boot[] = [];
  readonly #own: Boot;
  /** The newest durable block of an earlier boot, and where that of this boot lies. */
  #last: Last | null = null;
  #lastAt = 0;
  /** The last block of the hint that is kept, and of the one that is being written. */
  #kept: Last | null = null;
  #next: Last | null = null;
  /** Claims that the next start would have to take in, and those it would find in the hint. */
  #uncovered = Number.POSITIVE_INFINITY;
  #covered = 0;
  #notBefore = Number.NEGATIVE_INFINITY;
  #writing: Promise<void> | null = null;
  #isOver = false;

  constructor(options: HintsOptions) {
    this.#options = options;
    const { origin, startsAt } = options.journal;
    this.#own = { origin, claims: 0, end: startsAt };
  }

  /** Nothing of the log may be released from here on, or the hint would not be believed. */
  get needsFrom(): number {
    return Math.min(this.#kept?.at ?? Number.POSITIVE_INFINITY, this.#next?.at ?? Number.POSITIVE_INFINITY);
  }

  /** Takes over the hint that is there. Null when there is none to be believed: then all is to be taken in from the mark. */
  async restore(): Promise<{ until: number; unprojected: number; isFilterComplete: boolean } | null> {
    const { store, windows, log } = this.#options;
    try {
      const mark = this.#options.mark();
      const restored = await restoreHint({ ...this.#options, hints: store, mark }, this.#options);
      if (restored === null) return null;
      const { head, unprojected, isFilterComplete } = restored;
      this.#earlier.push(...head.boots);
      this.#last = head.last;
      this.#kept = head.last;
      this.#covered = windows.claims;
      this.#uncovered = 0;
      return { until: head.until, unprojected, isFilterComplete };
    } catch (error) {
      log.warn({ cause: reasonLineOf(error) }, 'the hint was of no use: the start takes longer');
      return null;
    }
  }

  /** A block of an earlier boot that was taken in. */
  replayed({ origin, offset, bytes, crc, claims, firstAttempt }: Block): void {
    const boot = this.#earlier.find((each) => each.origin === origin);
    const now = { origin, claims: firstAttempt + claims - 1, end: offset + bytes.length };
    if (boot === undefined) this.#earlier.push(now);
    else Object.assign(boot, now);
    this.#last = { at: offset, crc };
    this.#uncovered += claims;
  }

  /** A block of this boot; called in order. */
  durable(end: number, claims: number): void {
    this.#lastAt = placeAfter(this.#own.end);
    this.#own.end = end;
    this.#own.claims += claims;
    this.#uncovered += claims;
  }

  /** Writes another hint when it is time. */
  tick(): void {
    const { windows, runtime, store } = this.#options;
    if (this.#writing !== null || this.#isOver || runtime.monotonicMs() < this.#notBefore) return;
    const uncovered = Math.min(this.#uncovered, windows.claims);
    if (uncovered < Math.max(store.claimsMin ?? CLAIMS_MIN, this.#covered * GROWTH_PART)) return;
    this.#writing = this.#write().finally(() => {
      this.#writing = null;
    });
  }

  /** What is being written is given up. */
  async stop(): Promise<void> {
    this.#isOver = true;
    this.#options.store.stop();
    await this.#writing;
  }

  async #write(): Promise<void> {
    const { store, inserted, log, runtime } = this.#options;
    try {
      const directCommits = await store.directCommits();
      await inserted();
      const memory = this.#isOver ? null : this.#capture(directCommits);
      if (memory !== null) await this.#put(memory);
    } catch (error) {
      this.#notBefore = runtime.monotonicMs() + RETRY_MS;
      if (!this.#isOver) log.warn({ cause: reasonLineOf(error) }, 'the hint for the next start cannot be written');
    }
  }

  async #put(memory: Memory): Promise<void> {
    const { store, seed, windows } = this.#options;
    const { last } = memory.head;
    const [claims, uncovered] = [windows.claims, this.#uncovered];
    this.#next = last;
    this.#uncovered = 0;
    try {
      await store.write(bytesOfSeed(seed), this.#whileNeeded(piecesOf(memory)));
      this.#kept = last;
      this.#covered = claims;
    } catch (error) {
      this.#uncovered += uncovered;
      throw error;
    } finally {
      this.#next = null;
    }
  }

  *#whileNeeded(pieces: Iterable<Uint8Array>): Generator<Uint8Array> {
    for (const piece of pieces) {
      if (this.#isOver) throw new Stopped();
      yield piece;
    }
  }

  /** At one moment; null when memory does not know everything yet. */
  #capture(directCommits: number | null): Memory | null {
    const { windows, entries, requests, filter, tail, mark: markOf } = this.#options;
    const [mark, last] = [markOf(), this.#lastBlock()];
    const until = this.#own.claims > 0 ? this.#own.end : (this.#earlier.at(-1)?.end ?? 0);
    const all = [...windows.all()];
    const isKnown = (window: Window) => window.isComplete && window.modeRevision >= 0;
    // A window of which the store has everything may be left out: it is filled from there when it is asked for.
    const isMissing = all.some((each) => each.head > mark && !isKnown(each));
    if (last === null || !requests.isComplete || filter.isGivenUp || isMissing) return null;
    const chosen = all.filter(isKnown);
    const series = [...entries.byId.values()].flatMap(({ id, window, body }) => {
      const number = chosen.indexOf(window);
      return number < 0 ? [] : [{ id, window: number, body: Buffer.from(body).toString('base64') }];
    });
    const head: HintHead = {
      ...{ format: FORMAT, last, until, mark, directCommits, series },
      boots: [...this.#earlier, this.#own]
        .filter(({ end, claims }) => end > mark && claims > 0)
        .map((boot) => ({ ...boot })),
      windows: chosen.map((window) => this.#hinted(window, until)),
    };
    return { head, indexes: chosen.map(({ index }) => index), filter, tail };
  }

  #hinted(window: Window, until: number) {
    const { eventKey, period, modeRevision, slotGiven } = window;
    // Slots follow one another, so those that are not durable yet are the last ones.
    const undurable = slotGiven === null || slotGiven === 0 ? 0 : this.#options.commit.undurableOf(window);
    const slot = slotGiven === null ? null : slotGiven - undurable;
    return { eventKey, period, modeRevision, slotGiven: slot, head: Math.min(window.head, until) };
  }

  /** Of the newest durable block. */
  #lastBlock(): Last | null {
    const { tail } = this.#options;
    if (this.#own.claims === 0) return this.#last;
    return { at: this.#lastAt, crc: tail.ring.readUInt32BE(tail.indexOf(this.#lastAt) + AT.crc) };
  }
}
