/**
 * A claim request and its turn at a lock key: everything that is known and decided about it between the frame that
 * brought it and the reply. One turn at a time works on a lock key.
 */
import type { EventConfig } from '../events/configs.ts';
import type { Span } from '../rules/calendar.ts';
import type { ClaimOutcome } from '../rules/decide.ts';
import type { ClaimDraft, ClaimRecord, EventRecord } from '../store/store.ts';
import type { LockQueue } from './lock-queue.ts';

/** What the route hands in. `settle` is called exactly once and must not throw. */
export type ClaimRequest = {
  readonly eventKey: string;
  readonly userId: string;
  readonly requestId: string;
  /** The server made the request id itself, so nobody can have used it before. */
  readonly isRequestIdFresh: boolean;
  /** By the monotonic clock. */
  readonly deadlineAt: number;
  settle(outcome: ClaimOutcome): void;
};

/**
 * DECIDING: the rules, a configuration or a look-up are at work; nothing is promised. QUEUED: a draft waits for the
 * next commit and may still be withdrawn. SENT: the draft may be durable, so only the store knows. UNSETTLED: it was
 * sent, the outcome is not known and the same draft will be sent again. DONE: the turn has left its lock key.
 */
export type Phase = 'DECIDING' | 'QUEUED' | 'SENT' | 'UNSETTLED' | 'DONE';

const LEGAL: Record<Phase, readonly Phase[]> = {
  DECIDING: ['QUEUED', 'DONE'],
  QUEUED: ['SENT', 'DECIDING', 'DONE'],
  SENT: ['UNSETTLED', 'DECIDING', 'DONE'],
  UNSETTLED: ['SENT', 'DONE'],
  DONE: [],
};

export class Turn {
  readonly request: ClaimRequest;
  readonly queue: LockQueue;
  readonly lockKey: string;
  waiting: ClaimRequest[] | null;
  config: EventConfig | null = null;

  /** What look-ups have found so far, for `claimKey`. */
  claimKey = '';
  byKey: ClaimRecord | null | undefined = undefined;
  /** The journal's head when `byKey` was asked for: what was decided since is not in it. */
  lookedUpAt = 0;
  byRequest: ClaimRecord | null | undefined;
  isQualified: boolean | undefined = undefined;
  /** When the store was asked for it, by the monotonic clock. */
  qualifiedAt = Number.NEGATIVE_INFINITY;
  /** The stock of which a durable read has found the last unit taken; 0 when none has. */
  soldOutStock = 0;

  draft: ClaimDraft | null = null;
  /** The configuration and period by which `draft` was decided. */
  event: EventRecord | null = null;
  span: Span | null = null;
  sends = 0;
  /** The request id of this user, which is this turn's alone while it is at work; null when nobody else can know it. */
  requestPair: number | null = null;
  /** At its deadline a request is answered while its draft may still be on the way. */
  isAnswered = false;
  #phase: Phase = 'DECIDING';

  constructor(request: ClaimRequest, queue: LockQueue, lockKey: string, waiting: ClaimRequest[] | null) {
    this.request = request;
    this.queue = queue;
    this.lockKey = lockKey;
    this.waiting = waiting;
    this.byRequest = request.isRequestIdFresh ? null : undefined;
  }

  get phase(): Phase {
    return this.#phase;
  }

  move(to: Phase): void {
    if (!LEGAL[this.#phase].includes(to)) throw new Error(`a turn cannot go from ${this.#phase} to ${to}`);
    this.#phase = to;
  }
}
