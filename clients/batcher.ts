/**
 * Claims that come one at a time, gathered by event and sent as batches when there are enough of them or the first has
 * waited long enough. Only claims that leave their request id to the client are gathered, since the batch gives each its
 * own. Invariant: everything that was taken is sent, at the latest with `flush`.
 */
import { eventKeyShape, userIdShape } from '../protocol/key.ts';
import { LIMITS } from '../protocol/limits.ts';
import type { Runtime } from '../protocol/runtime.ts';
import { faultsOf } from '../protocol/shape.ts';
import type { ClaimReply } from './answers.ts';
import type { RetryPolicy } from './call.ts';
import type { ClaimRequest } from './client.ts';

/** See `ClientOptions.batch`. */
export type Batching = { maxClaims: number; maxDelayMs: number };

export type BatcherNeeds = Batching & {
  runtime: Runtime;
  /** Of claims that name none. */
  deadlineMs: number;
  send(batch: {
    eventKey: string;
    userIds: readonly string[];
    deadlineMs: number;
    retry: RetryPolicy;
  }): Promise<ClaimReply[]>;
  sendSingly(request: ClaimRequest): Promise<ClaimReply>;
};

type Waiting = { resolve(reply: ClaimReply | Promise<ClaimReply>): void; reject(reason: unknown): void };
type Group = {
  readonly eventKey: string;
  readonly deadlineMs: number;
  readonly retry: RetryPolicy;
  readonly since: number;
  readonly userIds: string[];
  readonly waiting: Waiting[];
  bytes: number;
  cancel: () => void;
};

/** What a user id takes beside its characters, and what all of them may take, so that a batch is a frame. */
const USER_ID_HEAD_BYTES = 2;
const USER_IDS_BYTES_MAX = LIMITS.frameBytesMax - 1_024;

export class Batcher {
  readonly #needs: BatcherNeeds;
  readonly #groups = new Map<string, Group>();

  constructor(needs: BatcherNeeds) {
    this.#needs = needs;
  }

  claim(request: ClaimRequest): Promise<ClaimReply> {
    if (!isGathered(request)) return this.#needs.sendSingly(request);
    return new Promise((resolve, reject) => {
      const key = keyOf(request);
      const group = this.#groups.get(key) ?? this.#open(key, request);
      group.userIds.push(request.userId);
      group.waiting.push({ resolve, reject });
      group.bytes += USER_ID_HEAD_BYTES + request.userId.length;
      const isFull = group.bytes > USER_IDS_BYTES_MAX - LIMITS.userIdLengthMax - USER_ID_HEAD_BYTES;
      if (isFull || group.userIds.length >= this.#needs.maxClaims) this.#send(key, group);
    });
  }

  /** Sends what waits. */
  flush(): void {
    for (const [key, group] of this.#groups) this.#send(key, group);
  }

  #open(key: string, { eventKey, deadlineMs = this.#needs.deadlineMs, retry = 'auto' }: ClaimRequest): Group {
    const { runtime, maxDelayMs } = this.#needs;
    const since = runtime.monotonicMs();
    const group: Group = { eventKey, deadlineMs, retry, since, userIds: [], waiting: [], bytes: 0, cancel: () => {} };
    // Not so long that little of the deadline is left.
    group.cancel = runtime.after(Math.min(maxDelayMs, deadlineMs / 2), () => this.#send(key, group));
    this.#groups.set(key, group);
    return group;
  }

  #send(key: string, group: Group): void {
    const { runtime, send } = this.#needs;
    const { eventKey, userIds, retry, since } = group;
    group.cancel();
    this.#groups.delete(key);
    const deadlineMs = group.deadlineMs - (runtime.monotonicMs() - since);
    send({ eventKey, userIds, retry, deadlineMs }).then(
      (replies) => this.#tell(group, replies),
      (error: unknown) => {
        for (const { reject } of group.waiting) reject(error);
      },
    );
  }

  #tell({ eventKey, userIds, deadlineMs, retry, waiting }: Group, replies: readonly ClaimReply[]): void {
    for (const [i, reply] of replies.entries()) {
      // A server that takes only smaller batches was asked for nothing.
      const isUnasked = reply.code === 'PAYLOAD_TOO_LARGE';
      const single = { eventKey, userId: userIds[i] as string, requestId: reply.requestId, deadlineMs, retry };
      waiting[i]?.resolve(isUnasked ? this.#needs.sendSingly(single) : reply);
    }
  }
}

/** One bad claim would have the whole batch refused, so it goes alone and is told what is wrong with it. */
function isGathered({ eventKey, userId, requestId, deadlineMs = 1, signal, server }: ClaimRequest): boolean {
  const isPlain = requestId === undefined && signal === undefined && server === undefined;
  return (
    isPlain &&
    deadlineMs > 0 &&
    faultsOf(userIdShape, userId).length === 0 &&
    faultsOf(eventKeyShape, eventKey).length === 0
  );
}

/** What the claims of a batch must have in common. */
function keyOf({ eventKey, deadlineMs, retry }: ClaimRequest): string {
  return `${eventKey} ${deadlineMs} ${retry}`;
}
