/**
 * The one interface between claimd and whatever keeps its records. Two implementations, `lmdb/` and `mongo/`, pass one
 * contract suite (`contract.ts`); nothing above may know which of them runs.
 *
 * Every write that resolves as done is durable: it survives kill -9 and power loss (LMDB: synced; MongoDB: w:majority,
 * j:true). Every read is of durable data (MongoDB: majority, from the primary).
 */
import type { Claim, Reward } from '../../protocol/claim.ts';
import type { EventState, Mode, Period } from '../../protocol/event.ts';
import type { AccountStores } from './accounts.ts';

/** A claim as it is kept. `attempt` is `node.boot.sequence` of the try that wrote it: it tells one's own write from another's. */
export type ClaimRecord = Claim & { attempt: string };

/** A claim that has been decided and waits to be durable. */
export type ClaimDraft = Omit<ClaimRecord, 'slot'>;

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

export type PageKey = { grantedAt: number; claimKey: string };
export type ClaimFilter = { eventKey?: string; userId?: string; from?: number; to?: number };

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

  /** Reads reject with StoreUnavailable when the store cannot answer in time. One result per question, in order. */
  byKey(claimKeys: readonly string[]): Promise<(ClaimRecord | null)[]>;
  byRequest(requests: readonly { userId: string; requestId: string }[]): Promise<(ClaimRecord | null)[]>;
  /** Newest first by (grantedAt, claimKey); strictly after `after`. */
  ofUser(userId: string, page: { eventKey?: string; limit: number; after?: PageKey }): Promise<ClaimRecord[]>;
  list(filter: ClaimFilter, page: { limit: number; after?: PageKey }): Promise<ClaimRecord[]>;
  /** Of any period, or of the one named. */
  hasAny(eventKey: string, period?: string): Promise<boolean>;
  /** The highest slot of any period of the event, or of the one named; 0 when there is none. */
  highestSlot(eventKey: string, period?: string): Promise<number>;
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

export type QualificationStore = {
  /** `existing` counts repeats inside one call as well. */
  add(eventKey: string, userIds: readonly string[]): Promise<{ added: number; existing: number }>;
  remove(eventKey: string, userIds: readonly string[]): Promise<{ removed: number; absent: number }>;
  has(pairs: readonly { eventKey: string; userId: string }[]): Promise<boolean[]>;
};

export type Store = {
  /** For the ready line and logs, without credentials: `lmdb:./data`, `mongodb://host:port/name`. */
  readonly label: string;
  /** Made with the store and never changed. */
  readonly clusterId: string;
  readonly claims: ClaimStore;
  readonly events: EventStore;
  readonly qualifications: QualificationStore;
  readonly accounts: AccountStores;
  /** The store's clock, milliseconds since 1970 UTC. Rejects with StoreUnavailable. */
  timeMs(): Promise<number>;
  /** Names of events whose guard is missing; empty when all is well. Never rejects, never waits. */
  guardsMissing(): string[];
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
