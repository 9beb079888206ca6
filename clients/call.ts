/**
 * One request of a caller from start to answer, over as many attempts as its deadline and the error table allow, always
 * with the same arguments and so the same request id. Invariant: it ends once, with the truth: when any attempt may have
 * been carried out and no later answer settles it, that is OUTCOME_UNKNOWN and never a refusal.
 */
import { type Value, widen } from '../protocol/codec.ts';
import { LIMITS } from '../protocol/limits.ts';
import type { RequestName } from '../protocol/ops.ts';
import { isSuccess, type Problem, type Reply } from '../protocol/reply.ts';
import type { Runtime } from '../protocol/runtime.ts';
import type { Batch } from './batch.ts';
import type { Entry } from './chain.ts';
import type { Closing } from './closing.ts';
import type { Expiring } from './deadlines.ts';
import type { Exchange } from './exchange.ts';
import { jitterMs, REPETITION, RETRY, standingOf } from './retry.ts';

export type RetryPolicy = 'auto' | 'unlessBusy' | 'never';
export type CallOptions = {
  /** In milliseconds, 1…30,000, all attempts together. Default: the client's. */
  deadlineMs?: number | undefined;
  /** Aborting rejects the promise with the signal's reason; a reply that still comes is dropped. */
  signal?: AbortSignal | undefined;
  /**
   * `never` gives the outcome of the first attempt as it is; `unlessBusy` passes BUSY on at once, so that whoever stands
   * in front of many callers does not queue them up behind a server that is full. Default `auto`.
   */
  retry?: RetryPolicy | undefined;
  /** Address of the only server that may be asked; SERVER_UNAVAILABLE while it is not connected or full. */
  server?: string | undefined;
};

/** `batch`: of CLAIM_BATCH, which asks anew for what is still open. */
export type Request = { name: RequestName; args: readonly unknown[]; batch?: Batch };

/** What a call needs of the pool. */
export type CallHost = {
  readonly runtime: Runtime;
  /** True while some server is ready. */
  readonly isReady: boolean;
  /** Puts the call on a connection or in the queue; may refuse it at once. */
  place(call: AnyCall): void;
  onOver(call: AnyCall): void;
};
export type AnyCall = Omit<Call<never>, never>;

/** How the caller's promise is told. */
type Caller<T> = {
  read(reply: Reply, args: readonly unknown[]): T;
  resolve(value: T): void;
  reject(reason: unknown): void;
};

/** A last attempt with less time than this to be answered would turn a true refusal into OUTCOME_UNKNOWN. */
const ATTEMPT_MS_MIN = 20;
/** The server is told to answer a little earlier than the caller stops waiting, so that its answer arrives. */
const TRAVEL_MS_MAX = 100;
/** Servers that know of each other agree after one; a shard that is just moving takes two. */
const HOPS_MAX = 3;
/** In the arguments of CLAIM and CLAIM_BATCH. */
const DEADLINE_AT = 4;
/** In those of CLAIM_BATCH. */
const USER_IDS_AT = 3;

export class Call<T> implements Exchange, Expiring {
  readonly name: RequestName;
  /** The only server it may go to; null for any. */
  readonly only: string | null;
  readonly deadlineAt: number;
  /** The server of the attempt that is being made; set by the pool. */
  sentTo: string | null = null;
  /** The server whose last answer was no use; another is preferred. */
  avoided: string | null = null;
  /** The server that MOVED has named, and the only one to ask until it cannot be reached. */
  wanted: string | null = null;
  /** Where it waits for room, and where its deadline runs. */
  waiting: Entry<AnyCall> | null = null;
  expiry: Entry<AnyCall> | null = null;

  readonly #host: CallHost;
  readonly #args: readonly unknown[];
  readonly #batch: Batch | null;
  readonly #claimsOfArgs: number;
  readonly #caller: Caller<T>;
  readonly #retry: RetryPolicy;
  readonly #signal: AbortSignal | undefined;
  #isOver = false;
  #isInFlight = false;
  #attempts = 0;
  /** Servers in a row that have named another. */
  #hops = 0;
  /** The last answer that said that nothing was done. */
  #undecided: Problem | null = null;
  /** Stands from the first attempt that may have been carried out. */
  #unsettled: Problem | null = null;
  #cancelPause: (() => void) | null = null;

  constructor(
    host: CallHost,
    { name, args, batch, deadlineMs }: Request & { deadlineMs: number },
    { signal, retry = 'auto', server }: CallOptions,
    caller: Caller<T>,
  ) {
    this.name = name;
    this.only = server ?? null;
    this.deadlineAt = host.runtime.monotonicMs() + deadlineMs;
    this.#host = host;
    this.#args = args;
    this.#batch = batch ?? null;
    this.#claimsOfArgs = name === 'CLAIM_BATCH' ? claimsOf(args[USER_IDS_AT]) : 0;
    this.#caller = caller;
    this.#retry = retry;
    this.#signal = signal;
    signal?.addEventListener('abort', this);
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  get claims(): number {
    if (this.name === 'CLAIM') return 1;
    return this.#batch === null ? this.#claimsOfArgs : this.#batch.openCount;
  }

  get retry(): RetryPolicy {
    return this.#retry;
  }

  body(): readonly Value[] {
    this.#isInFlight = true;
    if (this.name !== 'CLAIM' && this.name !== 'CLAIM_BATCH') return widen(this.#args) as readonly Value[];
    const body = (this.#batch?.args() ?? this.#args).slice() as Value[];
    // The actor holds a time; what a game asks for itself has no actor and nothing to widen.
    if (body[0] !== null) body[0] = widen(body[0]) as Value;
    body[DEADLINE_AT] = this.#patienceMs(body[DEADLINE_AT] as number | null);
    return body;
  }

  answered(answer: Reply): void {
    if (this.#isOver) return;
    this.#isInFlight = false;
    const reply = this.#batch?.take(answer) ?? answer;
    if (isSuccess(reply) || this.#retry === 'never') return this.#finish(reply);
    const standing = standingOf(this.name, reply.code);
    if (standing === 'final') return this.#finish(reply);
    const isPassedOn = reply.code === 'BUSY' && this.#retry === 'unlessBusy' && this.#unsettled === null;
    if (isPassedOn) return this.#finish(reply);
    if (standing === 'undecided') this.#undecided = reply;
    else if (this.#unsettled?.code !== 'OUTCOME_UNKNOWN') this.#unsettled = reply;
    this.#turnFrom(reply);
  }

  lost({ reason, detail }: Closing): void {
    if (this.#isOver) return;
    this.#isInFlight = false;
    this.#unsettled = {
      code: 'OUTCOME_UNKNOWN',
      detail: `the connection ended before the reply: ${reason}: ${detail}`,
    };
    if (this.#retry === 'never' || REPETITION[this.name] === 'once') return this.#finish(this.#unsettled);
    this.avoided = this.sentTo;
    this.#pause(0);
  }

  unsent(): void {
    if (this.#isOver) return;
    if (this.#retry === 'never') return this.refuse();
    this.avoided = this.sentTo;
    this.#host.place(this);
  }

  /** The deadline has passed. */
  expire(): void {
    if (this.#isOver) return;
    if (this.#isInFlight) {
      this.#unsettled = { code: 'OUTCOME_UNKNOWN', detail: 'no reply before the deadline' };
    }
    this.refuse();
  }

  /** The server it was sent to by MOVED cannot be reached: another may know who is responsible by now. */
  unreachable(): void {
    if (this.#isOver) return;
    this.avoided = this.wanted;
    this.wanted = null;
    this.#pause(0);
  }

  /** Ends it with the best answer there is without another attempt. */
  refuse(): void {
    if (!this.#isOver) this.#finish(this.#unsettled ?? this.#undecided ?? this.#unplaced());
  }

  /** Of the caller's AbortSignal. */
  handleEvent(): void {
    if (this.#isOver) return;
    this.#end();
    this.#caller.reject(this.#signal?.reason);
  }

  #turnFrom(reply: Problem): void {
    if (reply.code === 'MOVED') return this.#follow(reply.address);
    this.avoided = this.sentTo;
    // The hint of a server that is leaving says nothing about the others.
    const isLeaving = reply.code === 'DRAINING';
    if (isLeaving) this.wanted = null;
    this.#pause('retryAfterMs' in reply && !isLeaving ? reply.retryAfterMs : 0);
  }

  /** Asks where the answer says, at once. Whoever is sent on and on is told so. */
  #follow(address: string): void {
    const isSentOn = this.wanted !== null && this.sentTo === this.wanted;
    this.#hops = isSentOn ? this.#hops + 1 : 1;
    if (this.only !== null || this.#hops > HOPS_MAX) return this.refuse();
    this.wanted = address;
    this.#host.place(this);
  }

  #pause(hintMs: number): void {
    this.#attempts++;
    const { runtime } = this.#host;
    const ms = hintMs + jitterMs(RETRY, this.#attempts, runtime);
    if (runtime.monotonicMs() + ms > this.deadlineAt - ATTEMPT_MS_MIN) return this.refuse();
    this.#cancelPause = runtime.after(ms, () => {
      this.#cancelPause = null;
      this.#host.place(this);
    });
  }

  /** Nothing has been sent yet: the local queue is full, or the deadline passed in it. */
  #unplaced(): Problem {
    return this.#host.isReady && this.only === null
      ? { code: 'BUSY', detail: 'every connection is full', retryAfterMs: RETRY.maxMs }
      : { code: 'SERVER_UNAVAILABLE', detail: 'no claim server is connected', retryAfterMs: RETRY.maxMs };
  }

  #patienceMs(asked: number | null): number {
    const leftMs = this.deadlineAt - this.#host.runtime.monotonicMs();
    const ms = Math.floor(leftMs - Math.min(TRAVEL_MS_MAX, leftMs / 10));
    return Math.max(1, Math.min(ms, asked ?? LIMITS.deadlineMsMax));
  }

  #finish(reply: Reply): void {
    this.#end();
    this.#caller.resolve(this.#caller.read(reply, this.#args));
  }

  #end(): void {
    this.#isOver = true;
    this.#cancelPause?.();
    this.expiry?.remove();
    this.waiting?.remove();
    this.#signal?.removeEventListener('abort', this);
    this.#host.onOver(this);
  }
}

/** What the server counts; it refuses what is no list. */
function claimsOf(userIds: unknown): number {
  return Array.isArray(userIds) ? userIds.filter((userId) => userId != null).length : 0;
}
