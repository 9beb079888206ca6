/** CLAIM: the one op that is answered through the shard's lock queue rather than by a promise. */
import type { Frame } from '../../protocol/frame.ts';
import { LIMITS } from '../../protocol/limits.ts';
import type { Problem } from '../../protocol/reply.ts';
import type { Runtime } from '../../protocol/runtime.ts';
import type { Peer } from '../net/peer.ts';
import type { Claimed, ClaimOutcome } from '../rules/decide.ts';
import { reachOf } from '../session/permissions.ts';
import type { Service } from '../session/principal.ts';
import type { Shards } from '../shard/shards.ts';
import type { ClaimRequest } from '../shard/turn.ts';
import { type Call, isProblem, subjectOf } from './call.ts';
import { type ClaimBody, readClaimBody } from './claim-body.ts';
import { claimReply } from './claim-reply.ts';

export type ClaimRoute = {
  /** Takes a CLAIM that was read by hand; false when it must go the general way. */
  takeBody(peer: Peer, frame: Frame): boolean;
  /** Answers through the peer; a problem returned instead is the caller's to send. */
  takeCall(peer: Peer, number: number, call: Call<'CLAIM'>): Problem | null;
};

/** Hears of every grant, after its reply is on its way. */
export type Granted = (claimed: Claimed) => void;
type Options = { shards: Shards; runtime: Runtime; granted: Granted };

export function createClaimRoute({ shards, runtime, granted }: Options): ClaimRoute {
  const mayClaim = new WeakMap<Service, boolean>();

  function isClaimant(service: Service): boolean {
    let isPermitted = mayClaim.get(service);
    if (isPermitted === undefined) {
      isPermitted = reachOf({ kind: 'service', service }, 'CLAIM') === 'any';
      mayClaim.set(service, isPermitted);
    }
    return isPermitted;
  }

  function submit(peer: Peer, number: number, { eventKey, userId, requestId, deadlineMs }: ClaimBody): void {
    shards.submit(
      new WireClaim(peer, number, granted, {
        eventKey,
        userId,
        requestId: requestId ?? Buffer.from(runtime.randomBytes(16)).toString('hex'),
        isRequestIdFresh: requestId === null,
        deadlineAt: runtime.monotonicMs() + (deadlineMs ?? LIMITS.deadlineMsDefault),
      }),
    );
  }

  return {
    takeBody(peer, { number, body }) {
      const claim = isClaimant(peer.service) ? readClaimBody(body) : null;
      if (claim !== null) submit(peer, number, claim);
      return claim !== null;
    },

    takeCall(peer, number, { args, principal, reach }) {
      const [, eventKey, named, requestId, deadlineMs] = args;
      const subject = subjectOf(principal, reach, named);
      if (isProblem(subject)) return subject;
      submit(peer, number, { eventKey, userId: subject.userId, requestId, deadlineMs });
      return null;
    },
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
  readonly #granted: Granted;

  constructor(
    peer: Peer,
    number: number,
    granted: Granted,
    { eventKey, userId, requestId, isRequestIdFresh, deadlineAt }: Fields,
  ) {
    this.#peer = peer;
    this.#number = number;
    this.#granted = granted;
    this.eventKey = eventKey;
    this.userId = userId;
    this.requestId = requestId;
    this.isRequestIdFresh = isRequestIdFresh;
    this.deadlineAt = deadlineAt;
  }

  settle(outcome: ClaimOutcome): void {
    this.#peer.reply(this.#number, claimReply(this.#number, outcome));
    if (outcome.code === 'GRANTED') this.#granted(outcome);
  }
}
