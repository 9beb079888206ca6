/**
 * The door of this folder: takes claim requests, lets one turn at a time work on each lock key, and hands every request
 * exactly one outcome, at the latest at its deadline. What the turn does is in `decisions.ts`.
 */
import type { ErrorName } from '../../protocol/errors.ts';
import type { EventConfig } from '../events/configs.ts';
import type { ClaimOutcome } from '../rules/decide.ts';
import { BUSY, Decisions, type DecisionsOptions, UNAVAILABLE, UNKNOWN } from './decisions.ts';
import { LockQueue } from './lock-queue.ts';
import { shardOf } from './shard-of.ts';
import type { ClaimRequest, Turn } from './turn.ts';

const SWEEP_MS = 50;
const IN_PROGRESS_RETRY_MS = 200;

/** Whoever waited behind one of these gets the same: asking the store again at once would find nothing else. */
const SHARED_FATE: ReadonlySet<ErrorName> = new Set(['OUTCOME_UNKNOWN', 'STORE_UNAVAILABLE', 'GUARD_MISSING']);

export type ShardsOptions = DecisionsOptions & {
  shardCount: number;
  /** Requests at work and waiting in one shard. */
  queueLengthMax: number;
  /** The same over all shards. */
  totalLengthMax: number;
  onOutcome: (code: ErrorName) => void;
};

export class Shards {
  readonly #options: ShardsOptions;
  readonly #queues: LockQueue[];
  readonly #decisions: Decisions;
  /** Turns to begin; a list rather than a call, because a thousand waiting requests must not be a thousand frames deep. */
  readonly #ready: Turn[] = [];
  #isBeginning = false;
  /** Requests that are in a queue or wait for a configuration: counted here too, because it is asked for each request. */
  #length = 0;
  #stopSweep: () => void = () => {};

  constructor(options: ShardsOptions) {
    const { shardCount, queueLengthMax: lengthMax, isLocking } = options;
    this.#options = options;
    this.#queues = Array.from({ length: shardCount }, () => new LockQueue({ lengthMax, isLocking }));
    const knownUsersMax = isLocking ? options.knownUsersMax : 0;
    this.#decisions = new Decisions({ ...options, knownUsersMax }, (turn, outcome) => this.#finish(turn, outcome));
  }

  start(): void {
    const sweep = () => {
      this.#answerLate();
      this.#stopSweep = this.#options.runtime.after(SWEEP_MS, sweep);
    };
    sweep();
  }

  close(): void {
    this.#stopSweep();
  }

  /** Requests at work and waiting, by shard number. */
  queueLengths(): number[] {
    return this.#queues.map(({ length }) => length);
  }

  get length(): number {
    return this.#length;
  }

  get isFull(): boolean {
    return this.length >= this.#options.totalLengthMax;
  }

  get knownUserCount(): number {
    return this.#decisions.known.userCount;
  }

  /** `request.settle` gets the outcome, perhaps before this returns. */
  submit(request: ClaimRequest): void {
    const { configs } = this.#options;
    const config = configs.of(request.eventKey);
    if (config === undefined) return this.#settle(request, BUSY);
    const outcome = this.#decisions.recall(request, config);
    if (outcome !== null) return this.#settle(request, outcome);
    if (this.isFull) return this.#settle(request, BUSY);
    if (config.record !== null || configs.isFresh(config)) return this.#enter(request, config);
    // Which shard decides depends on whether the event has stock, so an event seen for the first time is read first.
    this.#length++;
    configs.whenFresh(config, (isFresh) => {
      this.#length--;
      if (isFresh) this.#enter(request, config);
      else this.#settle(request, UNAVAILABLE);
    });
  }

  #enter(request: ClaimRequest, config: EventConfig): void {
    const { eventKey, userId } = request;
    const hasStock = config.record !== null && config.record.stock !== null;
    const shard = shardOf({ eventKey, userId, hasStock, shardCount: this.#queues.length });
    const entry = (this.#queues[shard] as LockQueue).enter(request);
    if (entry === 'FULL') return this.#settle(request, BUSY);
    this.#length++;
    if (entry === 'WAITING') return;
    this.#begin(entry, config);
  }

  #finish(turn: Turn, outcome: ClaimOutcome): void {
    this.#answer(turn, outcome);
    if (SHARED_FATE.has(outcome.code)) {
      for (const request of turn.queue.takeWaiting(turn)) {
        this.#length--;
        this.#settle(request, outcome);
      }
    }
    const next = turn.queue.leave(turn);
    this.#length--;
    if (turn.requestPair !== null) this.#options.journaling.requestsInUse.leave(turn.requestPair);
    if (next !== null) this.#begin(next, turn.config);
  }

  /** A request id that another event of the same user is being claimed with is waited for: who is first has it. */
  #begin(turn: Turn, config: EventConfig | null): void {
    turn.config = config;
    const { requestsInUse } = this.#options.journaling;
    if (!turn.request.isRequestIdFresh) {
      turn.requestPair = requestsInUse.pairOf(turn.request);
      if (!requestsInUse.enter(turn.requestPair, () => this.#decide(turn))) return;
    }
    this.#decide(turn);
  }

  #decide(turn: Turn): void {
    this.#ready.push(turn);
    if (this.#isBeginning) return;
    this.#isBeginning = true;
    for (let next = this.#ready.pop(); next !== undefined; next = this.#ready.pop()) this.#decisions.decide(next);
    this.#isBeginning = false;
  }

  /** At its deadline a request is answered with what is true then; its turn goes on until the store has spoken. */
  #answerLate(): void {
    const now = this.#options.runtime.monotonicMs();
    for (const queue of this.#queues) {
      if (!queue.isDue(now)) continue;
      for (const { request, turn } of queue.takeLate(now)) {
        this.#length--;
        const isSame = request.requestId === turn.request.requestId;
        this.#settle(request, isSame ? { code: 'IN_PROGRESS', retryAfterMs: IN_PROGRESS_RETRY_MS } : BUSY);
      }
      for (const turn of queue.turns()) {
        if (turn.request.deadlineAt <= now) this.#answer(turn, turn.sends > 0 ? UNKNOWN : BUSY);
      }
      queue.lookAhead();
    }
  }

  #answer(turn: Turn, outcome: ClaimOutcome): void {
    if (turn.isAnswered) return;
    turn.isAnswered = true;
    this.#settle(turn.request, outcome);
  }

  #settle(request: ClaimRequest, outcome: ClaimOutcome): void {
    this.#options.onOutcome(outcome.code);
    request.settle(outcome);
  }
}
