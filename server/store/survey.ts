/**
 * What a store says about itself: figures for people, and its claims in an order of its own for whoever compares what
 * must agree. Types only; each store reads itself (`lmdb/survey.ts`, `mongo/survey.ts`).
 */
import type { Conflict } from './journal.ts';
import type { ClaimRecord } from './store.ts';

export type CollectionStatus = {
  name: string;
  /** Counted by the store itself, which after a crash may be a little off; never by reading them all. */
  claims: number;
  bytes: number;
  indexBytes: number;
  guard: 'ok' | 'missing';
};
/** `collections` is empty when the store cannot be reached. */
export type StoreStatus = { store: string; reachable: boolean; collections: CollectionStatus[] };

/** Two things that do not agree about one claim. `claimKey` may be of a claim that is not there. */
export type RowFault = {
  kind: 'claimTwice' | 'requestTwice' | 'requestMissing' | 'unlisted' | 'wrongCollection' | 'guardMissing';
  claimKey: string;
};

export type SurveyedClaim = Pick<ClaimRecord, 'claimKey' | 'eventKey' | 'period' | 'grantedAt' | 'attempt'>;
export type SurveyedSlot = Pick<ClaimRecord, 'claimKey' | 'period' | 'grantedAt'> & { slot: number };

/**
 * Who has ever written claims here: the first two parts of their attempts. What was granted before `since`, when the first
 * of them was noted, may be by others.
 */
export type Boots = {
  /** Durable when it resolves. Rejects with StoreUnavailable. */
  note(origin: string): Promise<void>;
  known(): Promise<{ since: number; origins: ReadonlySet<string> }>;
};

type Page = { limit: number; after: string | null };

/** Pages of any size up to `limit`; `next` is the `after` of the page that follows, null after the last. Reject with StoreUnavailable. */
export type Survey = {
  /** Every claim that was there from the first page to the last, once, and what does not agree among its rows. */
  claims(page: Page): Promise<{ claims: SurveyedClaim[]; faults: RowFault[]; next: string | null }>;
  /** The claims of an event that have a slot. */
  slots(eventKey: string, page: Page): Promise<{ slots: SurveyedSlot[]; next: string | null }>;
  /** What the projection has recorded. */
  conflicts(page: Page): Promise<{ conflicts: Conflict[]; next: string | null }>;
};

export type BackupProgress = { phase: 'tables' | 'journal' | 'verify'; bytes: number; bytesTotal: number };
export type BackupSummary = { claims: number; bytes: number };
export type BackupOptions = {
  /** Must not exist, or be empty. */
  directory: string;
  /** Everything of the journal before this offset is durable and kept; null without a journal. */
  journalEnd: number | null;
  onProgress: (progress: BackupProgress) => void;
};
