/**
 * The client of a claimd cluster: method calls into requests, with reconnects, retries and deadlines. Every method
 * resolves with an outcome, bad ones included; a promise rejects only by the caller's own AbortSignal or for an argument
 * that is a bug of the caller.
 */
import type { BlockView } from '../protocol/journal.ts';
import type { Args, RequestName } from '../protocol/ops.ts';
import type { Reply } from '../protocol/reply.ts';
import { type Answer, blocksAnswer, type ClaimReply, claimReplyOf } from './answers.ts';
import { Batch } from './batch.ts';
import { Batcher, type Batching } from './batcher.ts';
import type { CallOptions } from './call.ts';
import { ClaimQueries } from './claims.ts';
import { Events } from './events.ts';
import { type ClientOptions, type Settings, settingsOf } from './options.ts';
import { type Listener, Pool, type PoolStatus } from './pool.ts';
import { Qualifications } from './qualifications.ts';
import { RequestIds } from './request-ids.ts';

export type ClaimRequest = CallOptions & {
  eventKey: string;
  userId: string;
  /** 1…128 visible ASCII characters; a random UUID when absent. Give the same one again to ask about the same attempt. */
  requestId?: string | undefined;
};

export type ClaimBatchRequest = CallOptions & {
  eventKey: string;
  /** 1…10,000; all of them together in less than 1 MiB. */
  userIds: readonly string[];
  /** 1…100 visible ASCII characters; a random UUID when absent. With the same `userIds` it asks about the same attempts. */
  batchId?: string | undefined;
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
  readonly #batcher: Batcher | null;

  /** Use `connect`, which also waits for the first ready server. Throws OptionRefused. */
  constructor(options: ClientOptions) {
    const settings = settingsOf(options);
    this.#pool = new Pool(settings);
    this.#requestIds = new RequestIds(settings.runtime);
    this.#batcher = settings.batch === null ? null : this.#batcherOf(settings.batch, settings);
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
    return this.#batcher === null ? this.#claimSingly(request) : this.#batcher.claim(request);
  }

  /**
   * Claims the event's reward for many users at once, each as `claim` does: a reply for each of `userIds`, in their order,
   * with the request id `batchId.0`, `batchId.1`, … Of a user who is named twice one claim is a duplicate. What may be
   * asked again is, in smaller batches, until the deadline. A batch that is too large is PAYLOAD_TOO_LARGE for all, and
   * one bad user id is BAD_REQUEST for all: then nothing was done.
   */
  claimBatch({ eventKey, userIds, batchId, ...options }: ClaimBatchRequest): Promise<ClaimReply[]> {
    if (userIds.length === 0) return Promise.resolve([]);
    const batch = new Batch({ eventKey, userIds, batchId: batchId ?? this.#requestIds.next() });
    return this.#pool.call({ name: 'CLAIM_BATCH', args: batch.args(), batch }, options, (reply) =>
      batch.replies(reply),
    );
  }

  /**
   * What the journal holds, oldest first: blocks that begin behind the offset `after`, the `next` of the page before. At
   * most `limit` (1…200), and no more than fit into a frame. NOT_FOUND when the store has no journal.
   */
  journalBlocks(
    { after = null, limit = null }: { after?: number | null; limit?: number | null } = {},
    options: CallOptions = NO_OPTIONS,
  ): Promise<Answer<{ blocks: BlockView[]; next: number | null }>> {
    return this.#pool.call({ name: 'JOURNAL_BLOCKS', args: [null, after, limit] }, options, blocksAnswer);
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
    this.#batcher?.flush();
    return this.#pool.drain();
  }

  /** Closes at once. Open requests that may have been carried out end as OUTCOME_UNKNOWN. */
  close(): void {
    this.#batcher?.flush();
    this.#pool.close();
  }

  #claimSingly(request: ClaimRequest): Promise<ClaimReply> {
    const requestId = request.requestId ?? this.#requestIds.next();
    const args = [null, request.eventKey, request.userId, requestId, null];
    return this.#pool.call({ name: 'CLAIM', args }, request, claimReplyOf);
  }

  #batcherOf(batching: Batching, { runtime, deadlineMs }: Settings): Batcher {
    return new Batcher({
      ...{ ...batching, runtime, deadlineMs },
      send: (batch) => this.claimBatch(batch),
      sendSingly: (request) => this.#claimSingly(request),
    });
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
