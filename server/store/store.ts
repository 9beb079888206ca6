/**
 * The one interface between claimd and whatever keeps its records. Two implementations, `lmdb/` and `mongo/`, pass one
 * contract suite (`contract.ts`); nothing above may know which of them runs.
 *
 * Every write that resolves as done is durable: it survives kill -9 and power loss (LMDB: synced; MongoDB: w:majority,
 * j:true). Every read is of durable data (MongoDB: majority, from the primary).
 */
import type { Claim, Reward } from '../../protocol/claim.ts';
import type { EventState, Mode, ModeEntry, Period, SplitBy } from '../../protocol/event.ts';
import type { AccountStores } from './accounts.ts';
import type { Archive } from './archive.ts';
import type { HintStore, JournalHome, Projector } from './journal.ts';
import type { BackupOptions, BackupSummary, Boots, StoreStatus, Survey } from './survey.ts';

/** A claim as it is kept. `attempt` is `node.boot.sequence` of the try that wrote it: it tells one's own write from another's. */
export type ClaimRecord = Claim & { attempt: string };

/**
 * Where the claims of an event are kept; fixed before its first claim. Without `splitBy` in the collection of all, without
 * `store` in the main store.
 */
export type ClaimPlace = {
  splitBy?: SplitBy;
  store?: string;
  /**
   * The period before, when an attempt of it under the same request id may still be on its way: once this draft is a claim,
   * that attempt never will be. Split by day only; elsewhere the index of request ids sees to it.
   */
  periodBefore?: string;
};

/** A claim that has been decided and waits to be durable. A store that keeps all claims together ignores `place`. */
export type ClaimDraft = Omit<ClaimRecord, 'slot'> & { place?: ClaimPlace };

/** What became of a draft. Every claim in it is the stored, durable record, never the draft. */
export type InsertOutcome =
  /** This attempt's record is the claim of its key. */
  | { kind: 'inserted'; claim: ClaimRecord }
  /** The claim key has another attempt's claim (perhaps of the same request id). */
  | { kind: 'taken'; claim: ClaimRecord }
  /** The key has no claim, but the user has used this request id for `claim`: of an earlier period, or another event. */
  | { kind: 'requestTaken'; claim: ClaimRecord }
  /** Stock only: a durable read found slot number `stock` taken. */
  | { kind: 'soldOut' }
  /** It may be durable now, or become so, or not. Inserting the same draft again settles it. */
  | { kind: 'unknown' }
  /** Nothing was sent: the draft is certainly not stored by this call. */
  | { kind: 'unavailable' }
  /** Nothing was sent: the unique index that would have decided is not there. */
  | { kind: 'guardMissing' }
  /** Nothing was sent: `mayWrite` said no. */
  | { kind: 'withheld' };

/**
 * Asked as late as the store can ask, right before it writes: false when what was decided has grown old meanwhile. The
 * process may have been frozen at any point before.
 */
export type MayWrite = () => boolean;

/** Asked for each named store that did not answer a question to all of them, and whose claims are therefore not in the page. */
export type OnMissed = (store: string) => void;

export type PageKey = { grantedAt: number; claimKey: string };
export type ClaimFilter = { eventKey?: string; userId?: string; from?: number; to?: number };

/** `next` is the `after` of the page that follows, null when there is none. */
export type RequestPage = { items: { userId: string; requestId: string }[]; next: string | null };

export type ClaimStore = {
  /**
   * The conditional insert: each draft becomes the claim of its key unless the key or `(userId, requestId)` is taken.
   * One outcome per draft, in order; never rejects. One call is one durable write (MongoDB: one unordered insertMany).
   * A batch holds no claim key and no request key twice; at most `insertMax` drafts.
   */
  insert(drafts: readonly ClaimDraft[], mayWrite?: MayWrite): Promise<InsertOutcome[]>;
  /**
   * The same for an event with stock: drafts of one event and period get slots highest + 1, + 2, … in the order given,
   * without gaps, up to `stock`. A draft that is refused takes no slot. The caller has one such call in flight per event.
   * When `mayWrite` is false nothing more is written and what is left is `withheld`.
   */
  insertStock(drafts: readonly ClaimDraft[], stock: number, mayWrite?: MayWrite): Promise<InsertOutcome[]>;
  readonly insertMax: number;
  /**
   * Whether claims lie in several places, as far as is known here: then the insert alone does not see each request id, and
   * one that a caller has chosen must be looked up first.
   */
  readonly isSpread: boolean;

  /**
   * Resolves when no insert that was sent before the call, by whatever server, can still become durable, as far as the
   * store can tell; of the store of this name, without one the main one. Rejects with StoreUnavailable when it cannot tell.
   */
  settled(store?: string): Promise<void>;

  /** Reads reject with StoreUnavailable when the store cannot answer in time. One result per question, in order. */
  byKey(claimKeys: readonly string[]): Promise<(ClaimRecord | null)[]>;
  /** Where several places hold a claim of it, the one of `eventKey`, else the oldest. */
  byRequest(
    requests: readonly { userId: string; requestId: string; eventKey?: string }[],
  ): Promise<(ClaimRecord | null)[]>;
  /** Newest first by (grantedAt, claimKey); strictly after `after`. */
  ofUser(
    userId: string,
    page: { eventKey?: string; limit: number; after?: PageKey; onMissed?: OnMissed },
  ): Promise<ClaimRecord[]>;
  list(filter: ClaimFilter, page: { limit: number; after?: PageKey; onMissed?: OnMissed }): Promise<ClaimRecord[]>;
  /** Of any period, or of the one named. */
  hasAny(eventKey: string, period?: string): Promise<boolean>;
  /** The highest slot of any period of the event, or of the one named; 0 when there is none. */
  highestSlot(eventKey: string, period?: string): Promise<number>;
  /**
   * The users who have a claim of this event and period, each once over all pages; a page of less than `limit` is the
   * last. `after` is the last user of the page before. In an order of the store's own, in which claims that come
   * meanwhile may lie before the page that is read.
   */
  usersOf(eventKey: string, period: string, page: { limit: number; after?: string }): Promise<string[]>;
  /** The request ids of all claims, each once; of those that come meanwhile some may be missing. */
  requests(page: { limit: number; after?: string }): Promise<RequestPage>;
};

/** An event as it is kept. Times are milliseconds since 1970 UTC. */
export type EventRecord = {
  eventKey: string;
  title: string;
  startsAt: number;
  endsAt: number | null;
  timeZone: string;
  resetHour: number;
  period: Period;
  rewards: Reward[];
  stock: number | null;
  eligibility: { kind: 'everyone' | 'listed' };
  graceMs: number;
  mode: Mode;
  /** Local hours with a mode of their own; absent: none. This and the next two are absent in older records. */
  modeSchedule?: readonly ModeEntry[];
  /** The mode outside those hours; absent: the present one. `during`: the hours in which it holds all the same, see `segmentAt`. */
  modeByHand?: { mode: Mode; during: string | null };
  /** A switch to this mode is being made by the journal's writer; claims are held back until it is made or taken back. */
  modeNext?: { mode: Mode; by: 'hand' | 'schedule' };
  /** The revision with which the mode was last changed: what a node knew of the event's claims before may be out of date. */
  modeRevision?: number;
  /** Absent: `none`. */
  splitBy?: SplitBy;
  /** The name of the store that keeps its claims; never changed. Absent: the main one. */
  store?: string;
  /**
   * Periods that end by this time, and the one of an event that is claimed once, may be archived: their claims may be gone
   * from the store, so nothing is granted in them ever again. It only rises. Milliseconds since 1970; absent: none.
   */
  archivedUntil?: number;
  state: EventState;
  /** What operators see; grows by one with each change of theirs. */
  configVersion: number;
  /** Grows by one with each write, holds included; the condition of every replacement. */
  revision: number;
  /** While set and not past, claims are answered BUSY: a change is being made sure of. Milliseconds since 1970. */
  heldUntil: number | null;
};

export type EventStore = {
  get(eventKeys: readonly string[]): Promise<(EventRecord | null)[]>;
  /** False when the key exists. */
  create(event: EventRecord): Promise<boolean>;
  /** Writes `event` (its revision one higher) over the record of revision `event.revision - 1`; false when that is gone. */
  replace(event: EventRecord): Promise<boolean>;
  /** In the order of event keys; strictly after `after`. */
  list(page: { limit: number; after?: string }): Promise<EventRecord[]>;
};

/** Users who came onto an event's list, or left it. Numbers rise in the order in which changes became durable. */
export type QualificationChange = {
  number: number;
  kind: 'added' | 'removed';
  eventKey: string;
  userIds: readonly string[];
};

export type QualificationStore = {
  /**
   * `existing` counts repeats inside one call as well. A call that rejects may have been carried out in part; carrying it
   * out again is harmless.
   */
  add(eventKey: string, userIds: readonly string[]): Promise<{ added: number; existing: number }>;
  remove(eventKey: string, userIds: readonly string[]): Promise<{ removed: number; absent: number }>;
  has(pairs: readonly { eventKey: string; userId: string }[]): Promise<boolean[]>;
  /** The users of one list, each once, in the order of their bytes; strictly after `after`. */
  list(eventKey: string, page: { limit: number; after?: string }): Promise<string[]>;
  /**
   * What has changed in all lists since `mark`, a number, in order; without a mark nothing but the mark of now. Who reads
   * a list after that, and then applies what has changed since, knows it as it is. Without `isLast` there is more to ask
   * for at once. Null: what has changed is not known any more, so lists have to be read anew.
   */
  changes(mark: number | null): Promise<{ changes: QualificationChange[]; mark: number; isLast: boolean } | null>;
};

export type Store = {
  /** For the ready line and logs, without credentials: `lmdb:./data`, `mongodb://host:port/name`. */
  readonly label: string;
  /** Made with the store and never changed. */
  readonly clusterId: string;
  readonly claims: ClaimStore;
  /** Of the stores that keep claims, `main` first; absent where there is none but that. */
  readonly names?: readonly string[];
  /** Of those but `main` the ones that do not answer now. Never rejects, never waits. */
  readonly unreachable?: () => string[];
  readonly events: EventStore;
  readonly qualifications: QualificationStore;
  readonly accounts: AccountStores;
  /** Where events of mode `journal` are decided durably; without it every event is of mode `direct`. */
  readonly journal?: JournalHome;
  /** Turns journal blocks into claims. Opened once, by whoever opened the journal. */
  readonly projector?: () => Promise<Projector>;
  /** For whoever opened the journal; absent where nothing is kept for its next start. */
  readonly hints?: HintStore;
  /** The store's clock, milliseconds since 1970 UTC. Rejects with StoreUnavailable. */
  timeMs(): Promise<number>;
  /** Names of events whose guard is missing; empty when all is well. Never rejects, never waits. */
  guardsMissing(): string[];
  /**
   * Whether nothing may be granted of this event and period now, because the guard of its claims is missing. Asked for each
   * claim, so it must be quick. Absent where no guard can be missing.
   */
  readonly isUnguarded?: (event: Pick<EventRecord, 'eventKey' | 'splitBy' | 'store'>, period: string) => boolean;
  /** For people, from what the store counts by itself. Never rejects; it may wait as long as a read. */
  statuses(): Promise<StoreStatus[]>;
  readonly survey: Survey;
  /** For claims that are kept in files by now. */
  readonly archive: Archive;
  /** The journal notes its own boot; whoever inserts claims notes theirs first. */
  readonly boots: Boots;
  /**
   * A consistent copy of the tables and of the journal up to `journalEnd`, verified when it resolves; absent where the
   * store's own tools make one. Nothing of the journal may be released meanwhile. Rejects with BackupRefused when the
   * folder cannot be used.
   */
  readonly backup?: (options: BackupOptions) => Promise<BackupSummary>;
  close(): Promise<void>;
};

/** The store cannot be reached or did not answer in time; nothing is known to have happened. */
export class StoreUnavailable extends Error {
  constructor(detail: string, options?: ErrorOptions) {
    super(detail, options);
    this.name = 'StoreUnavailable';
  }
}

/** The store can never serve as it is configured: a standalone, a newer format, a folder in use. Stops the start. */
export class StoreRefused extends Error {
  constructor(detail: string, options?: ErrorOptions) {
    super(detail, options);
    this.name = 'StoreRefused';
  }
}

/** The folder of a backup is not one that can be written to, or read from. */
export class BackupRefused extends Error {
  constructor(detail: string, options?: ErrorOptions) {
    super(detail, options);
    this.name = 'BackupRefused';
  }
}
