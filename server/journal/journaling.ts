/**
 * The door of this folder: decides claims of journal events while this node is the journal's writer, and says who is when
 * it is not. A node that was fenced stops granting at once and waits to become the writer again, like any other.
 */
import type { Runtime } from '../../protocol/runtime.ts';
import type { Eligibility } from '../eligibility/eligibility.ts';
import type { EventConfig, EventConfigs } from '../events/configs.ts';
import type { Seed } from '../lib/hash.ts';
import type { Log } from '../lib/log.ts';
import { reasonOf } from '../lib/reason.ts';
import { RecentMap } from '../lib/recent-map.ts';
import { claimsOf, readBlock } from '../store/block/reader.ts';
import type { Conflict, Journal, JournalHome, Projector } from '../store/journal.ts';
import { type ClaimStore, type Store, StoreRefused } from '../store/store.ts';
import { Ask } from './ask.ts';
import { Coverage } from './coverage.ts';
import type { Foresight } from './foresight.ts';
import { Inserting } from './inserting.ts';
import { journaledClaims, type Unprojected } from './journaled-claims.ts';
import type { LookedUp, Proposed } from './ledger.ts';
import { Projection } from './projection.ts';
import { type Proposal, ProposalReceiver } from './proposal.ts';
import type { Receiver, Refusal } from './receiver.ts';
import { Reign } from './reign.ts';
import { RequestsInUse } from './requests-in-use.ts';

const REOPEN_MS = 1_000;
const TICK_MS = 50;
const FORGET_MS = 10_000;
const CONFLICTS_MAX = 10_000;
/** How coarsely it is known up to when everything is in the store. */
const COVER_MS = 250;
const HINT_MS = 1_000;
const STARTING: Refusal = { code: 'BUSY', retryAfterMs: 500 };

export type JournalingOptions = {
  store: Pick<Store, 'claims' | 'events' | 'journal' | 'projector' | 'hints' | 'isUnguarded'>;
  configs: EventConfigs;
  eligibility: Pick<Eligibility, 'has'>;
  /** Of every hash of a user id in this process. */
  seed: Seed;
  /** For the indexes of claims and the filter of request ids, about. */
  memoryBytesMax: number;
  runtime: Runtime;
  nowMs: () => number;
  log: Log;
  projectionIntervalMs: number;
  /** How busy the event loop was since the last call, from 0 to 1: projection gives way to claims. */
  load: () => number;
  onCommit: (commit: { size: number; ms: number; duplicates: number }) => void;
};

type Running = { reign: Reign; projection: Projection; projector: Projector; coverage: Coverage };

export class Journaling {
  /** The store's claims with those of the journal that are not there yet. */
  readonly claims: ClaimStore;
  conflictCount = 0;
  /** Those of the general way, which enters and leaves: what stands there is not decided by `claim`. */
  readonly requestsInUse: RequestsInUse;
  readonly #options: JournalingOptions;
  readonly #ask = new Ask();
  /** By attempt, those that have been told. */
  readonly #conflicts = new RecentMap<string, true>(CONFLICTS_MAX);
  readonly #inserting = new Inserting();
  #running: Running | null = null;
  #elsewhere: string | null = null;
  #detail: string | null = 'it is being opened';
  #cancel: () => void = () => {};
  #stopSweeps: (() => void)[] = [];
  #opening: Promise<void> | null = null;
  #isOver = false;

  constructor(options: JournalingOptions) {
    this.#options = options;
    this.requestsInUse = new RequestsInUse(options.seed);
    this.claims = options.store.journal === undefined ? options.store.claims : this.#readable(options.store.claims);
  }

  /** Resolves when this node is the writer, or knows that it is not. Rejects with StoreRefused when the journal is damaged. */
  async start(): Promise<void> {
    const { journal, projector } = this.#options.store;
    if (journal === undefined || projector === undefined) return;
    await this.#open(journal, projector);
    this.#stopSweeps = [
      this.#each(TICK_MS, (reign) => reign.tick()),
      this.#each(COVER_MS, () => this.#cover()),
      this.#each(FORGET_MS, (reign) => reign.sweep()),
      this.#each(HINT_MS, (reign) => reign.hints?.tick()),
    ];
  }

  /** Why claims of journal events cannot be decided here; null when they can. */
  away(): Refusal | null {
    if (this.#running !== null) return null;
    return this.moved() ?? STARTING;
  }

  /** Who knows what is granted and not in the store yet, when it is another node; null when nobody else does or who is unknown. */
  moved(): Refusal | null {
    return this.#elsewhere ? { code: 'MOVED', address: this.#elsewhere, mapVersion: 1 } : null;
  }

  /** The general way asks here what to look up first: the log's head, before which its answers hold. */
  get head(): number {
    return this.#running?.reign.head ?? 0;
  }

  /** See `Ledger.claim`: false, and nothing has happened, when it must go the general way. */
  claim(ask: Ask, config: EventConfig, receiver: Receiver, number: number): boolean {
    if (this.requestsInUse.has(ask)) return false;
    const { record } = config;
    // Nothing is granted where a guard of its claims is missing; the general way says so.
    if (record !== null && this.#options.store.isUnguarded?.(record, config.spanAt(record, ask.nowMs).id)) return false;
    return this.#running?.reign.claim(ask, config, receiver, number) ?? false;
  }

  /** To be called before the claims of a batch are handed to `claim`. */
  beginBatch(ask: Ask, batchId: string): void {
    this.#running?.reign.requests.beginBatch(ask, batchId);
  }

  /** To be told of claims that come next; null while none are decided here. */
  get foresight(): Foresight | null {
    return this.#running?.reign.foresight ?? null;
  }

  /** See `Ledger.propose`. The proposal may hear its outcome before this returns. */
  propose(proposal: Proposal, config: EventConfig, lookedUp: LookedUp): Proposed {
    const { userId, requestId, isRequestIdFresh } = proposal.claim;
    const running = this.#running;
    if (running === null) {
      proposal.refused(this.away() ?? STARTING);
      return 'DONE';
    }
    const ask = this.#ask.write(userId, requestId);
    ask.isRequestIdFresh = isRequestIdFresh;
    // The turn behind it has its own deadline.
    ask.deadlineAt = Number.POSITIVE_INFINITY;
    ask.monotonicMs = this.#options.runtime.monotonicMs();
    ask.nowMs = this.#options.nowMs();
    return running.reign.ledger.propose(ask, config, lookedUp, new ProposalReceiver(proposal));
  }

  /** Resolves when every claim that is decided now is in the store, or when this node is not the writer any more. */
  async project(): Promise<void> {
    const running = this.#running;
    if (running === null) return;
    await running.reign.commit.settled();
    const until = running.reign.head;
    const relax = running.projection.hurry();
    while (running.reign.mark < until && this.#running === running) await running.projection.run();
    relax();
  }

  /** Everything before this offset of the journal is in the store. */
  get mark(): number {
    return this.#running?.reign.mark ?? 0;
  }

  /**
   * A time, in milliseconds since 1970: what was acknowledged by then, whatever its mode, is among the claims of the store.
   * Null when it is not known here: this node is not the writer, or what an earlier one left is not projected yet.
   */
  asOf(): number | null {
    const { store, nowMs } = this.#options;
    if (store.journal === undefined) return nowMs();
    if (this.#running === null) return null;
    const { reign, coverage } = this.#running;
    return reign.mark >= reign.head ? nowMs() : coverage.asOf(reign.mark);
  }

  /** Resolves, when every claim that is decided now is durable, with where the journal ends; null when it is not ours. */
  async settled(): Promise<number | null> {
    const running = this.#running;
    await running?.reign.commit.settled();
    return running?.reign.head ?? null;
  }

  /** Keeps what is projected from being released, until the returned function is called. */
  hold(): () => void {
    return this.#running?.projection.hold() ?? (() => {});
  }

  /** For `/readyz`: null when all is well. */
  trouble(): string | null {
    if (this.#options.store.journal === undefined || this.#elsewhere !== null) return null;
    if (this.#running === null) return this.#detail;
    const { reign, projection } = this.#running;
    const { isFull, isWell, detail } = reign.journal.state();
    return isFull || !isWell ? (detail ?? 'it takes nothing more') : projection.detail;
  }

  figures(): Record<'backlogClaims' | 'oldestMs' | 'bytes' | 'indexClaims' | 'indexBytes' | 'windows', number> {
    const running = this.#running;
    return {
      backlogClaims: running?.projection.backlogClaims ?? 0,
      oldestMs: running?.projection.oldestMs ?? 0,
      bytes: running?.reign.journal.state().bytes ?? 0,
      indexClaims: running?.reign.windows.claims ?? 0,
      indexBytes: (running?.reign.windows.bytes ?? 0) + (running?.reign.filter.bytes ?? 0),
      windows: running?.reign.windows.count ?? 0,
    };
  }

  /** Blocks as they are kept, for people. */
  blocks(from: number): AsyncIterable<Buffer> | null {
    return this.#running?.reign.journal.blocks(from) ?? null;
  }

  /** What is decided becomes durable first. */
  async close(): Promise<void> {
    this.#isOver = true;
    this.#cancel();
    for (const stop of this.#stopSweeps) stop();
    await this.#opening;
    const running = this.#running;
    this.#running = null;
    if (running === null) return;
    running.reign.end();
    await running.reign.hints?.stop();
    await running.reign.commit.settled();
    await running.projection.stop();
    await running.projector.close();
    await running.reign.journal.close();
  }

  #cover(): void {
    if (this.#running === null) return;
    const { reign, coverage } = this.#running;
    coverage.note({ head: reign.head, at: this.#options.nowMs() }, reign.mark);
  }

  #each(ms: number, work: (reign: Reign) => void): () => void {
    let cancel = () => {};
    const again = () => {
      if (this.#running !== null) work(this.#running.reign);
      cancel = this.#options.runtime.after(ms, again);
    };
    again();
    return () => cancel();
  }

  async #open(home: JournalHome, openProjector: () => Promise<Projector>): Promise<void> {
    const boot = Buffer.from(this.#options.runtime.randomBytes(4)).toString('hex');
    const opened = await home.open(boot);
    if ('elsewhere' in opened) {
      this.#elsewhere = opened.elsewhere;
      return this.#reopen(home, openProjector);
    }
    const projector = await openProjector();
    this.#running = await this.#reigning(opened, projector);
    this.#elsewhere = null;
    this.#detail = null;
    this.#running.projection.start();
  }

  async #reigning(journal: Journal, projector: Projector): Promise<Running> {
    const { store, configs, eligibility, seed, memoryBytesMax, runtime, nowMs, log, onCommit } = this.#options;
    const { projectionIntervalMs: intervalMs, load } = this.#options;
    const mark = await projector.mark();
    // Somebody has emptied the journal, or put another one in its place: its offsets would lie behind the mark for ever.
    if (mark > journal.startsAt) {
      await journal.close();
      throw new StoreRefused(
        `the journal begins at ${journal.startsAt}, but the store has taken in all before ${mark}`,
      );
    }
    const reign: Reign = new Reign({
      ...{ journal, mark, claims: store.claims, events: store.events, hints: store.hints, configs, eligibility, seed },
      ...{ memoryBytesMax, runtime, log, nowMs, onCommit, inserted: () => this.#inserting.over() },
      onFenced: () => this.#fenced(reign),
    });
    await reign.recover();
    const onConflict = (conflict: Conflict) => this.#conflict(conflict);
    const coverage = new Coverage();
    // Where something is left to project, nobody was acknowledged after the first of it before it was granted itself.
    coverage.note({ head: mark, at: (await firstGrantedAt(journal, mark)) ?? nowMs() }, mark);
    return {
      reign,
      projector,
      coverage,
      projection: new Projection({ projector, reign, runtime, log, load, intervalMs, onConflict }),
    };
  }

  #fenced(reign: Reign): void {
    const running = this.#running;
    if (running?.reign !== reign) return;
    this.#running = null;
    this.#detail = 'another node has taken over';
    this.#options.log.error({}, 'the journal has another writer: nothing more is granted here');
    const { journal, projector } = this.#options.store;
    const over = running.projection.stop().then(() => Promise.all([running.projector.close(), reign.journal.close()]));
    void over.finally(() => {
      if (journal !== undefined && projector !== undefined) this.#reopen(journal, projector);
    });
  }

  #reopen(home: JournalHome, openProjector: () => Promise<Projector>): void {
    if (this.#isOver) return;
    this.#cancel = this.#options.runtime.after(REOPEN_MS, () => {
      this.#opening = this.#open(home, openProjector).catch((error: unknown) => {
        this.#detail = reasonOf(error);
        this.#reopen(home, openProjector);
      });
    });
  }

  #conflict({ journaled, stored, at }: Conflict): void {
    // A step of the projection that is done again meets it again.
    if (this.#conflicts.get(journaled.attempt) !== undefined) return;
    this.#conflicts.set(journaled.attempt, true);
    this.conflictCount++;
    this.#options.log.error({ journaled, stored, at }, 'a claim of the journal met another claim in the store');
  }

  #readable(claims: ClaimStore): ClaimStore {
    const reign = () => this.#running?.reign;
    const unprojected: Unprojected = {
      ofKey: (eventKey, period, userId) => reign()?.ofKey(eventKey, period, userId) ?? null,
      ofUser: (userId) => reign()?.ofUser(userId) ?? null,
      hasAny: (eventKey, period) => reign()?.hasAny(eventKey, period) ?? false,
      highestSlot: (eventKey, period) => reign()?.highestSlot(eventKey, period) ?? 0,
      remember: (request) => reign()?.remember(request),
    };
    return this.#inserting.counted(journaledClaims(claims, unprojected));
  }
}

/** Of the claims behind `mark` that earlier boots have left. */
async function firstGrantedAt(journal: Journal, mark: number): Promise<number | null> {
  for await (const bytes of journal.blocks(Math.max(mark, journal.oldest))) {
    const block = readBlock(bytes, 0);
    if (typeof block === 'string') throw new Error(`the journal gave a block with ${block}`);
    for (const { record } of claimsOf(block)) return record.grantedAt;
  }
  return null;
}
