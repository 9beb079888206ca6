/**
 * One boot's time as the journal's only writer: the log, what is known of it, and the deciding of claims. It ends when the
 * server stops or another node takes over; nothing of it is used again.
 */
import type { Runtime } from '../../protocol/runtime.ts';
import type { Eligibility } from '../eligibility/eligibility.ts';
import type { EventConfig, EventConfigs } from '../events/configs.ts';
import { KeyHash, type Seed } from '../lib/hash.ts';
import type { Log } from '../lib/log.ts';
import { decide } from '../rules/decide.ts';
import { CLAIM_AT } from '../store/block/layout.ts';
import { readBlock, recordAt } from '../store/block/reader.ts';
import type { HintStore, Journal } from '../store/journal.ts';
import { type ClaimRecord, type ClaimStore, type EventStore, StoreUnavailable } from '../store/store.ts';
import type { Ask } from './ask.ts';
import { BlockCommit } from './block-commit.ts';
import { Entries, type Entry } from './entries.ts';
import { Eviction } from './eviction.ts';
import { Foresight } from './foresight.ts';
import { Hints } from './hints.ts';
import type { Unprojected } from './journaled-claims.ts';
import { Ledger } from './ledger.ts';
import { OldPositions } from './old-positions.ts';
import type { Receiver } from './receiver.ts';
import { Replay } from './replay.ts';
import { RequestFilter } from './request-filter.ts';
import { Requests } from './requests.ts';
import { Tail } from './tail.ts';
import { warmed, warmFilter } from './warming.ts';
import { IN_STORE, type Window, Windows } from './windows.ts';

/** Claims that may be decided and not sent; about ten megabytes. */
const UNSENT_CLAIMS_MAX = 131_072;
const ITEM_BYTES_MAX = 288;
/** Longer than anybody asks again for a claim of the period before. */
const IDLE_MS = 1_200_000;
const NO_DEADLINE = Number.POSITIVE_INFINITY;

export type ReignOptions = {
  journal: Journal;
  /** Everything before this offset is in the store. */
  mark: number;
  claims: ClaimStore;
  events: Pick<EventStore, 'get'>;
  /** Absent where nothing is kept for the next start. */
  hints?: HintStore | undefined;
  /** See `HintsOptions`. */
  inserted: () => Promise<void>;
  configs: EventConfigs;
  eligibility: Pick<Eligibility, 'has'>;
  /** Of every hash of a user id in this process. */
  seed: Seed;
  /** For the indexes of claims and the filter of request ids, about. */
  memoryBytesMax: number;
  runtime: Runtime;
  log: Log;
  nowMs: () => number;
  onCommit: (commit: { size: number; ms: number; duplicates: number }) => void;
  onFenced: () => void;
};

export class Reign implements Unprojected {
  readonly journal: Journal;
  readonly windows = new Windows();
  readonly filter = new RequestFilter();
  readonly requests: Requests;
  readonly foresight: Foresight;
  readonly commit: BlockCommit;
  readonly ledger: Ledger;
  readonly hints: Hints | null;
  /** Claims in the log that are durable, and those of them that are in the store. */
  durableClaims = 0;
  /** Everything before this offset is in the store. */
  mark: number;
  readonly #options: ReignOptions;
  readonly #hash: KeyHash;
  readonly #entries = new Entries();
  readonly #tail = new Tail(this.#entries.byId);
  readonly #oldPositions: OldPositions;
  readonly #eviction: Eviction;
  #isOver = false;

  constructor(options: ReignOptions) {
    const { journal, runtime, nowMs, configs, eligibility } = options;
    this.#options = options;
    this.journal = journal;
    this.mark = options.mark;
    this.#tail.reset(journal.startsAt);
    this.#oldPositions = new OldPositions(this.#tail, this.windows);
    this.#eviction = new Eviction({
      ...{ tail: this.#tail, windows: this.windows, filter: this.filter, bytesMax: options.memoryBytesMax },
      evicted: (window) => this.#tellEvicted(window),
    });
    this.#hash = new KeyHash(options.seed);
    this.requests = new Requests(this.#hash, this.filter);
    this.foresight = new Foresight(this.#hash, this.filter);
    const shared = { tail: this.#tail, entries: this.#entries, runtime, nowMs };
    this.commit = new BlockCommit({
      ...{ ...shared, journal },
      stillGrants: (entry) => this.#stillGrants(entry),
      takenBack: (entry, ring, index) => this.ledger.takeBack(entry, ring, index),
      durable: ({ claims, ms }) => {
        this.durableClaims += claims;
        this.hints?.durable(this.head, claims);
        options.onCommit({ size: claims, ms, duplicates: 0 });
      },
      fenced: () => {
        this.#isOver = true;
        options.onFenced();
      },
    });
    this.ledger = new Ledger({
      eligibility,
      ...{ ...shared, windows: this.windows, commit: this.commit, hash: this.#hash },
      ...{ requests: this.requests, foresight: this.foresight },
      isFresh: (config, now) => configs.isFresh(config, now),
      mark: () => this.mark,
      opened: (window) => void this.#warm(window),
    });
    this.hints = options.hints === undefined ? null : this.#hintsOn(options.hints, options);
    this.ledger.isFull = () => this.#isOver || this.commit.unsentClaims >= UNSENT_CLAIMS_MAX || journal.state().isFull;
  }

  /** Behind the last durable block of this boot. */
  get head(): number {
    return this.commit.durableHead;
  }

  /** Takes in what earlier boots left in the log and nobody has projected yet. Must be finished before the first claim. */
  async recover(): Promise<void> {
    const restored = (await this.hints?.restore()) ?? null;
    this.durableClaims = restored?.unprojected ?? 0;
    const replay = new Replay({
      ...{ hash: this.#hash, requests: this.requests, filter: this.filter, entries: this.#entries, tail: this.#tail },
      windowOf: (eventKey, period) => this.windows.get(eventKey, period) ?? this.#openWindow(eventKey, period),
    });
    for await (const bytes of this.journal.blocks(restored?.until ?? Math.max(this.mark, this.journal.oldest))) {
      const block = readBlock(bytes, 0);
      if (typeof block === 'string') throw new Error(`the journal gave a block with ${block}`);
      replay.add(block);
      this.hints?.replayed(block);
      if (block.offset >= this.mark) this.durableClaims += block.claims;
    }
    replay.end();
    if (restored?.isFilterComplete) this.requests.isComplete = true;
    else void this.#warmFilter();
  }

  /** Lets go of what is in the store, but for what the hint for the next start needs while the log has room. */
  release(): void {
    const { isWell, detail } = this.journal.state();
    const needed = isWell && detail === null ? (this.hints?.needsFrom ?? this.mark) : this.mark;
    this.journal.release(Math.min(this.mark, needed));
  }

  claim(ask: Ask, config: EventConfig, receiver: Receiver, number: number): boolean {
    return !this.#isOver && this.ledger.claim(ask, config, receiver, number);
  }

  end(): void {
    this.#isOver = true;
  }

  /** What takes a short moment now and then: late answers, and a step of forgetting where old claims lie and what is too much. */
  tick(): void {
    this.commit.answerLate(this.#options.runtime.monotonicMs());
    this.#oldPositions.step(this.mark);
    this.#eviction.step(this.mark);
  }

  /** Forgets windows that have not been claimed in for a while and of which the store has everything. */
  sweep(): void {
    const now = this.#options.runtime.monotonicMs();
    for (const window of [...this.windows.all()]) {
      if (this.#isCurrent(window)) window.idleSince = null;
      else window.idleSince ??= now;
      if (window.idleSince === null || now - window.idleSince < IDLE_MS || window.head > this.mark) continue;
      this.windows.drop(window);
      this.#entries.drop(window);
      this.foresight.forget(window.index);
    }
  }

  #isCurrent({ eventKey, period }: Window): boolean {
    const config = this.#options.configs.peek(eventKey);
    if (config === undefined || config.record === null) return false;
    return config.spanAt(config.record, this.#options.nowMs()).id === period;
  }

  ofKey(eventKey: string, period: string, userId: string): Promise<ClaimRecord | null> | null {
    const window = this.windows.get(eventKey, period);
    if (window === undefined) return null;
    const positions = this.#positionsOf(window, userId);
    return positions.length === 0 ? null : this.#firstOf(positions, userId);
  }

  ofUser(userId: string): Promise<ClaimRecord[]> | null {
    const found: Promise<ClaimRecord | null>[] = [];
    for (const window of this.windows.all()) {
      const positions = this.#positionsOf(window, userId);
      if (positions.length > 0) found.push(this.#firstOf(positions, userId));
    }
    if (found.length === 0) return null;
    return Promise.all(found).then((claims) => claims.filter((claim) => claim !== null));
  }

  hasAny(eventKey: string, period?: string): boolean {
    for (const window of this.windows.all()) {
      if (window.eventKey === eventKey && (period ?? window.period) === window.period && window.index.count > 0)
        return true;
    }
    return false;
  }

  highestSlot(eventKey: string, period?: string): number {
    let highest = 0;
    for (const window of this.windows.all()) {
      const isAsked = window.eventKey === eventKey && (period ?? window.period) === window.period;
      if (isAsked) highest = Math.max(highest, window.slotGiven ?? 0);
    }
    return highest;
  }

  remember({ userId, requestId }: { userId: string; requestId: string }): void {
    this.requests.remember(userId, requestId);
  }

  #hintsOn(store: HintStore, { seed, events, inserted, runtime, log }: ReignOptions): Hints {
    return new Hints({
      ...{ store, seed, events, inserted, runtime, log, journal: this.journal, tail: this.#tail, commit: this.commit },
      ...{ windows: this.windows, entries: this.#entries, filter: this.filter, requests: this.requests },
      mark: () => this.mark,
    });
  }

  #openWindow(eventKey: string, period: string): Window {
    const window = this.windows.open(eventKey, period);
    void this.#warm(window);
    return window;
  }

  /** A window that could not be filled stays incomplete: its claims are looked up, and the next one to ask tries again. */
  async #warm(window: Window): Promise<void> {
    const { claims, runtime } = this.#options;
    const isAlive = () => !this.#isOver && this.windows.get(window.eventKey, window.period) === window;
    await warmed(window, this.#hash, { claims, runtime, isAlive });
  }

  async #warmFilter(): Promise<void> {
    const { claims, runtime } = this.#options;
    const remember = (userId: string, requestId: string) => this.requests.remember(userId, requestId);
    const isAll = await warmFilter({
      claims,
      runtime,
      remember,
      isAlive: () => !this.#isOver && !this.filter.isGivenUp,
    });
    this.requests.isComplete = isAll;
  }

  #tellEvicted(window: Window | null): void {
    const { log, memoryBytesMax } = this.#options;
    const { eventKey, period } = window ?? {};
    const of = window === null ? 'request ids' : 'the claims of an event';
    log.warn({ eventKey, period, memoryBytesMax }, `${of} do not fit into memory: they are looked up in the store`);
  }

  #stillGrants({ by }: Entry): boolean {
    if (by === null) return false;
    const { config, event, span } = by;
    if (!this.#options.configs.isFresh(config) || config.record === null) return false;
    if (config.record === event) return true;
    // Who was granted it without a look at the list may not be on it.
    const isQualified = event.eligibility.kind === 'listed' ? true : undefined;
    const allKnown = { byKey: null, byRequest: null, isQualified, isSoldOut: false };
    return decide({ userId: '', requestId: '' }, config.record, allKnown, this.#options.nowMs(), span).kind === 'GRANT';
  }

  /** The positions at which an unprojected claim of this user may lie. */
  #positionsOf(window: Window, userId: string): number[] {
    const hash = this.#hash;
    hash.ofText(userId);
    const positions: number[] = [];
    const { index } = window;
    for (let position = index.find(hash.high, hash.low); position !== -1; position = index.next()) {
      if (position !== IN_STORE && this.#tail.offsetOf(position) >= this.mark) positions.push(position);
    }
    return positions;
  }

  async #firstOf(positions: readonly number[], userId: string): Promise<ClaimRecord | null> {
    for (const position of positions) {
      const claim = await this.#claimAt(this.#tail.offsetOf(position));
      if (claim?.userId === userId) return claim;
    }
    return null;
  }

  /** Null when the log has no such claim any more: then the store has it. */
  async #claimAt(offset: number): Promise<ClaimRecord | null> {
    if (offset >= this.journal.startsAt && offset >= this.head) await this.#durable(offset);
    if (this.#tail.holds(offset)) return this.#tail.recordAt(this.#tail.indexOf(offset), this.journal.origin);
    const bytes = await this.journal.read(offset, ITEM_BYTES_MAX);
    if (bytes === null || bytes.length < CLAIM_AT.userId) return null;
    const entry = this.#entries.byId.get(bytes.readUInt32BE(4));
    return entry === undefined ? null : recordAt(bytes, 0, entry.series, this.journal.origin);
  }

  #durable(offset: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const receiver: Receiver = {
        claimed: () => resolve(),
        refused: () => reject(new StoreUnavailable('the claim did not become durable')),
      };
      this.commit.waitFor(offset, 'ALREADY_CLAIMED', this.#tail.indexOf(offset), receiver, 0, NO_DEADLINE);
    });
  }
}
