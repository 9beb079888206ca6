/**
 * CLAIM_BATCH: many claims of one event in one frame. Each is decided by itself, as if it had come alone with the request id
 * `batchId.i`; what they share is their frame and the reply, which leaves when the last is settled.
 */
import type { FrameInPlace } from '../../protocol/frame.ts';
import { batchRequestId } from '../../protocol/key.ts';
import { LIMITS } from '../../protocol/limits.ts';
import type { Runtime } from '../../protocol/runtime.ts';
import type { EventConfigs } from '../events/configs.ts';
import { Ask } from '../journal/ask.ts';
import { FORESEEN_MAX } from '../journal/foresight.ts';
import type { Journaling } from '../journal/journaling.ts';
import type { BurstClock } from '../lib/burst-clock.ts';
import type { Peer } from '../net/peer.ts';
import type { ClaimOutcome } from '../rules/decide.ts';
import { reachOf } from '../session/permissions.ts';
import type { Shards } from '../shard/shards.ts';
import type { ClaimRequest } from '../shard/turn.ts';
import { BatchBody } from './batch-body.ts';
import { BatchReply } from './batch-reply.ts';
import type { Call } from './call.ts';
import type { Granted } from './claim-route.ts';

export type BatchRoute = {
  /** Takes a batch of a journal event that was read by hand; false when it must go the general way. */
  takeBody(peer: Peer, frame: FrameInPlace): boolean;
  /** Answers through the peer, unless this was more than it may have in flight and closed it. */
  take(number: number, call: Call<'CLAIM_BATCH'>): void;
};
type Options = {
  shards: Pick<Shards, 'submit'>;
  journaling: Pick<Journaling, 'beginBatch' | 'claim' | 'foresight'>;
  configs: Pick<EventConfigs, 'of'>;
  runtime: Runtime;
  burst: BurstClock;
  granted: Granted;
  isHeard: () => boolean;
  onOutcome: (code: ClaimOutcome['code']) => void;
};

export function createBatchRoute(options: Options): BatchRoute {
  const { shards, journaling, configs, runtime, burst, granted } = options;
  const body = new BatchBody();
  const ask = new Ask();

  function deadlineAtOf(deadlineMs: number | null): number {
    return runtime.monotonicMs() + (deadlineMs ?? LIMITS.deadlineMsDefault);
  }

  return {
    takeBody(peer, { number, bytes, bodyAt, bodyEnd }) {
      if (reachOf({ kind: 'service', service: peer.service }, 'CLAIM_BATCH') !== 'any') return false;
      if (!body.read(bytes, bodyAt, bodyEnd)) return false;
      burst.read();
      const config = configs.of(body.eventKey, burst.monotonicMs);
      if (config?.record?.mode !== 'journal') return false;
      const { eventKey, batchId, claims } = body;
      if (!peer.weigh(number, claims)) return true;
      const reply = new BatchReply({ peer, number, claims }, options);
      const deadlineAt = deadlineAtOf(body.deadlineMs);
      ask.beginBatch(bytes, batchId);
      journaling.beginBatch(ask, batchId);
      ask.deadlineAt = deadlineAt;
      ask.eventHint = body.eventHint;
      ask.monotonicMs = burst.monotonicMs;
      ask.nowMs = burst.nowMs;
      const { foresight } = journaling;
      for (let i = 0; i < claims; i++) {
        if (foresight !== null && i % FORESEEN_MAX === 0) body.foresee(foresight);
        body.next();
        ask.nextOfBatch(body.userAt, body.userEnd, i);
        if (journaling.claim(ask, config, reply, i)) continue;
        const fields = { eventKey, userId: body.userId, requestId: batchRequestId(batchId, i), deadlineAt };
        shards.submit(new BatchClaim(fields, { reply, place: i, granted }));
      }
      return true;
    },

    take(number, { args: [, eventKey, batchId, userIds, deadlineMs], peer }) {
      const claims = userIds.reduce((count, userId) => (userId === null ? count : count + 1), 0);
      if (!peer.weigh(number, claims)) return;
      const reply = new BatchReply({ peer, number, claims }, options);
      const deadlineAt = deadlineAtOf(deadlineMs);
      let place = 0;
      for (const [i, userId] of userIds.entries()) {
        if (userId === null) continue;
        const requestId = batchRequestId(batchId, i);
        const fields = { eventKey, userId, requestId, deadlineAt };
        shards.submit(new BatchClaim(fields, { reply, place: place++, granted }));
      }
    },
  };
}

type Fields = Pick<ClaimRequest, 'eventKey' | 'userId' | 'requestId' | 'deadlineAt'>;
type Part = { reply: BatchReply; place: number; granted: Granted };

class BatchClaim implements ClaimRequest {
  readonly eventKey: string;
  readonly userId: string;
  readonly requestId: string;
  /** The batch may have been sent before. */
  readonly isRequestIdFresh = false;
  readonly deadlineAt: number;
  readonly #part: Part;

  constructor({ eventKey, userId, requestId, deadlineAt }: Fields, part: Part) {
    this.#part = part;
    this.eventKey = eventKey;
    this.userId = userId;
    this.requestId = requestId;
    this.deadlineAt = deadlineAt;
  }

  settle(outcome: ClaimOutcome): void {
    const { reply, place, granted } = this.#part;
    reply.settle(place, outcome);
    if (outcome.code === 'GRANTED') granted(outcome);
  }
}
