/**
 * Many claims of one event as one request, over as many attempts as it takes: each attempt asks only for what is still
 * open, every claim under the request id it had from the first. Invariant: a claim that is settled stays as it is, and
 * one that may have been carried out is never called refused.
 */
import { type BatchEntry, type BatchTuple, decodeBatch } from '../protocol/batch.ts';
import { batchRequestId } from '../protocol/key.ts';
import { isSuccess, type Problem, type Reply } from '../protocol/reply.ts';
import type { ClaimReply } from './answers.ts';
import { standingOf } from './retry.ts';

export class Batch {
  readonly #eventKey: string;
  readonly #batchId: string;
  /** Null where the claim is settled. */
  readonly #userIds: (string | null)[];
  /** The best that is known of each claim; undefined before any reply told of it. */
  readonly #entries: (BatchEntry | undefined)[];
  /** What stood for all that was open, while each had an answer of its own. */
  readonly #summaries = new WeakSet<Reply>();
  #openCount: number;

  constructor({ eventKey, batchId, userIds }: { eventKey: string; batchId: string; userIds: readonly string[] }) {
    this.#eventKey = eventKey;
    this.#batchId = batchId;
    this.#userIds = [...userIds];
    this.#entries = Array(userIds.length).fill(undefined);
    this.#openCount = userIds.length;
  }

  /** Claims that the next attempt asks for. */
  get openCount(): number {
    return this.#openCount;
  }

  /** The arguments of the next attempt. */
  args(): readonly unknown[] {
    return [null, this.#eventKey, this.#batchId, this.#userIds, null];
  }

  /** Keeps what the reply to an attempt has settled. The reply that is returned stands for what is still open. */
  take(reply: Reply): Reply {
    if (!isSuccess(reply)) return reply;
    const asked = { eventKey: this.#eventKey, batchId: this.#batchId, userIds: this.#userIds };
    let summary: Problem | null = null;
    for (const [i, entry] of decodeBatch(reply.result as BatchTuple, asked).entries()) {
      if (entry === undefined) continue;
      if (isSettled(entry)) this.#settle(i, entry);
      else {
        this.#entries[i] = graver(this.#entries[i] as Problem | undefined, entry);
        summary = longer(summary, entry);
      }
    }
    if (summary === null) return reply;
    const rest = { ...summary };
    this.#summaries.add(rest);
    return rest;
  }

  /** A reply for each claim; `rest` is how the request ended, for those that are open. */
  replies(rest: Reply): ClaimReply[] {
    const isSummary = this.#summaries.has(rest);
    return this.#entries.map((entry, i) => {
      const isOwn = this.#userIds[i] === null || (isSummary && entry !== undefined);
      return replyOf((isOwn ? entry : rest) as BatchEntry, batchRequestId(this.#batchId, i));
    });
  }

  #settle(index: number, entry: BatchEntry): void {
    this.#entries[index] = entry;
    this.#userIds[index] = null;
    this.#openCount--;
  }
}

function replyOf(entry: BatchEntry, requestId: string): ClaimReply {
  if ('claim' in entry) return { code: entry.code, claim: entry.claim, requestId };
  return { ...entry, requestId };
}

function isSettled(entry: BatchEntry): entry is Exclude<BatchEntry, Problem> {
  return 'claim' in entry || standingOf('CLAIM_BATCH', entry.code) === 'final';
}

function isUnsettled({ code }: Problem): boolean {
  return standingOf('CLAIM_BATCH', code) === 'unsettled';
}

/** Of two answers to one claim the later, unless only the earlier one leaves open whether it was carried out. */
function graver(before: Problem | undefined, now: Problem): Problem {
  return before !== undefined && isUnsettled(before) && !isUnsettled(now) ? before : now;
}

/** Of two answers to different claims the one that says more about when and how to ask for both again. */
function longer(one: Problem | null, other: Problem): Problem {
  if (one === null || isUnsettled(one) !== isUnsettled(other)) return one !== null && isUnsettled(one) ? one : other;
  return hintMs(other) > hintMs(one) ? other : one;
}

function hintMs(problem: Problem): number {
  return 'retryAfterMs' in problem ? problem.retryAfterMs : 0;
}
