/**
 * The client of a claimd cluster: method calls into requests, with reconnects, retries and deadlines. Every method
 * resolves with an outcome, bad ones included; a promise rejects only by the caller's own AbortSignal or for an argument
 * that is a bug of the caller.
 */
import type { Args, RequestName } from '../protocol/ops.ts';
import type { Reply } from '../protocol/reply.ts';
import { type ClaimReply, claimReplyOf } from './answers.ts';
import type { CallOptions } from './call.ts';
import { ClaimQueries } from './claims.ts';
import { Events } from './events.ts';
import { type ClientOptions, settingsOf } from './options.ts';
import { type Listener, Pool, type PoolStatus } from './pool.ts';
import { Qualifications } from './qualifications.ts';
import { RequestIds } from './request-ids.ts';

export type ClaimRequest = CallOptions & {
  eventKey: string;
  userId: string;
  /** 1…128 visible ASCII characters; a random UUID when absent. Give the same one again to ask about the same attempt. */
  requestId?: string | undefined;
};

/** Requests that a caller may make; the handshake is the connection's own. */
export type CallName = Exclude<RequestName, 'HELLO'>;

const NO_OPTIONS: CallOptions = {};

export class Client {
  readonly events: Events;
  readonly claims: ClaimQueries;
  readonly qualifications: Qualifications;
  readonly #pool: Pool;
  readonly #requestIds: RequestIds;

  /** Use `connect`, which also waits for the first ready server. Throws OptionRefused. */
  constructor(options: ClientOptions) {
    const settings = settingsOf(options);
    this.#pool = new Pool(settings);
    this.#requestIds = new RequestIds(settings.runtime);
    this.events = new Events(this.#pool);
    this.claims = new ClaimQueries(this.#pool);
    this.qualifications = new Qualifications(this.#pool);
  }

  /** Resolves when a server is ready. Rejects with ConnectFailed after `connectMs`, or when no server takes this client. */
  firstReady(): Promise<void> {
    return this.#pool.firstReady();
  }

  /**
   * Claims the event's reward for a user. GRANTED and REPLAYED carry the claim, which is durable. OUTCOME_UNKNOWN: call
   * again with the `requestId` of the answer; it never grants twice.
   */
  claim(request: ClaimRequest): Promise<ClaimReply> {
    const requestId = request.requestId ?? this.#requestIds.next();
    const args = [null, request.eventKey, request.userId, requestId, null];
    return this.#pool.call({ name: 'CLAIM', args }, request, claimReplyOf);
  }

  /**
   * One request as the protocol has it, with all its arguments (the actor first), for callers that speak for users. A
   * CLAIM without a request id gets one, which only a granted claim shows. The result of a success is validated and has
   * the shape `RESULTS[op]`.
   */
  request<K extends CallName>(op: K, args: Args<K>, options: CallOptions = NO_OPTIONS): Promise<Reply> {
    return this.#pool.call({ name: op, args: op === 'CLAIM' ? this.#identified(args) : args }, options, replyAsItIs);
  }

  /** True while a server is ready to take requests. */
  get isReady(): boolean {
    return this.#pool.isReady;
  }

  /**
   * Tells `listener` of notices (SUBSCRIBE asks a server for them, on each connection anew) and of each connection that
   * becomes ready, leaves or ends, beginning with those that are ready now. The returned function ends it.
   */
  listen(listener: Listener): () => void {
    return this.#pool.listen(listener);
  }

  status(): PoolStatus {
    return this.#pool.status();
  }

  /** Takes no new requests (they answer SERVER_UNAVAILABLE), waits for the answers of all open ones, then closes. */
  drain(): Promise<void> {
    return this.#pool.drain();
  }

  /** Closes at once. Open requests that may have been carried out end as OUTCOME_UNKNOWN. */
  close(): void {
    this.#pool.close();
  }

  /** Without an id of its own, a claim sent twice would be two questions. */
  #identified(args: readonly unknown[]): readonly unknown[] {
    const [actor, eventKey, userId, requestId, deadlineMs] = args;
    return [actor, eventKey, userId, requestId ?? this.#requestIds.next(), deadlineMs ?? null];
  }
}

/**
 * Connects to claimd servers. Resolves when one is ready; the others are connected meanwhile and all are kept connected
 * until `close` or `drain`, and so is the process kept alive.
 *
 * Throws OptionRefused for a bad option, ConnectFailed when no server became ready within `connectMs` (it says why for
 * each), sooner when all refuse this client for a lasting reason such as a wrong key.
 */
export async function connect(options: ClientOptions): Promise<Client> {
  const client = new Client(options);
  try {
    await client.firstReady();
    return client;
  } catch (error) {
    client.close();
    throw error;
  }
}

function replyAsItIs(reply: Reply): Reply {
  return reply;
}
