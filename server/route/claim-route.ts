/** CLAIM: the one op that is answered through the shard's lock queue rather than by a promise. */
import { encodeClaim } from '../../protocol/claim.ts';
import { encodeFrame, type Value } from '../../protocol/codec.ts';
import { ERRORS } from '../../protocol/errors.ts';
import { KIND } from '../../protocol/frame.ts';
import { LIMITS } from '../../protocol/limits.ts';
import { OPS } from '../../protocol/ops.ts';
import { encodeProblem, type Problem } from '../../protocol/reply.ts';
import type { Runtime } from '../../protocol/runtime.ts';
import type { Peer } from '../net/peer.ts';
import type { ClaimOutcome, Granted } from '../rules/decide.ts';
import type { Shards } from '../shard/shards.ts';
import type { ClaimRequest } from '../shard/turn.ts';
import { type Call, isProblem, subjectOf } from './call.ts';

export type ClaimRoute = (peer: Peer, number: number, call: Call<'CLAIM'>) => Problem | null;

/** Answers through the peer; a problem returned instead is the caller's to send. */
export function createClaimRoute({ shards, runtime }: { shards: Shards; runtime: Runtime }): ClaimRoute {
  return (peer, number, { args, principal, reach }) => {
    const [, eventKey, named, requestId, deadlineMs] = args;
    const subject = subjectOf(principal, reach, named);
    if (isProblem(subject)) return subject;
    shards.submit(
      new WireClaim(peer, number, {
        eventKey,
        userId: subject.userId,
        requestId: requestId ?? Buffer.from(runtime.randomBytes(16)).toString('hex'),
        isRequestIdFresh: requestId === null,
        deadlineAt: runtime.monotonicMs() + (deadlineMs ?? LIMITS.deadlineMsDefault),
      }),
    );
    return null;
  };
}

type Fields = Omit<ClaimRequest, 'settle'>;

/** A claim that came in a frame; its outcome leaves in one. */
class WireClaim implements ClaimRequest {
  readonly eventKey: string;
  readonly userId: string;
  readonly requestId: string;
  readonly isRequestIdFresh: boolean;
  readonly deadlineAt: number;
  readonly #peer: Peer;
  readonly #number: number;

  constructor(peer: Peer, number: number, { eventKey, userId, requestId, isRequestIdFresh, deadlineAt }: Fields) {
    this.#peer = peer;
    this.#number = number;
    this.eventKey = eventKey;
    this.userId = userId;
    this.requestId = requestId;
    this.isRequestIdFresh = isRequestIdFresh;
    this.deadlineAt = deadlineAt;
  }

  settle(outcome: ClaimOutcome): void {
    this.#peer.reply(this.#number, encodeFrame(KIND.reply, OPS.CLAIM.op, this.#number, bodyOf(outcome)));
  }
}

function bodyOf(outcome: ClaimOutcome): Value[] {
  if (!isGranted(outcome)) return encodeProblem(outcome);
  return [ERRORS[outcome.code].code, encodeClaim(outcome.claim, outcome.claim.nextClaimAt), null];
}

function isGranted(outcome: ClaimOutcome): outcome is Granted {
  return outcome.code === 'GRANTED' || outcome.code === 'REPLAYED';
}
