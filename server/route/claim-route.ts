/** CLAIM: the one op that is answered through the shard's lock queue, or by the journal, rather than by a promise. */
import type { FrameInPlace } from '../../protocol/frame.ts';
import { LIMITS } from '../../protocol/limits.ts';
import type { Problem } from '../../protocol/reply.ts';
import type { Runtime } from '../../protocol/runtime.ts';
import type { EventConfigs } from '../events/configs.ts';
import { Ask } from '../journal/ask.ts';
import type { Journaling } from '../journal/journaling.ts';
import type { BurstClock } from '../lib/burst-clock.ts';
import type { Peer } from '../net/peer.ts';
import type { Claimed, ClaimOutcome } from '../rules/decide.ts';
import { reachOf } from '../session/permissions.ts';
import type { Service } from '../session/principal.ts';
import type { Shards } from '../shard/shards.ts';
import type { ClaimRequest } from '../shard/turn.ts';
import { type Call, isProblem, subjectOf } from './call.ts';
import { ClaimBody } from './claim-body.ts';
import { foreseeClaims } from './claim-glance.ts';
import { claimReply } from './claim-reply.ts';
import { FreshIds } from './fresh-ids.ts';
import { PeerReceivers } from './peer-receiver.ts';

export type ClaimRoute = {
  /** Has what the claims among these bytes will ask memory for brought near. */
  foresee(bytes: Uint8Array): void;
  /** Takes a CLAIM that was read by hand; false when it must go the general way. */
  takeBody(peer: Peer, frame: FrameInPlace): boolean;
  /** Answers through the peer; a problem returned instead is the caller's to send. */
  takeCall(peer: Peer, number: number, call: Call<'CLAIM'>): Problem | null;
};

/** Hears of every grant, after its reply is on its way. */
export type Granted = (claimed: Claimed) => void;
type Options = {
  shards: Shards;
  journaling: Pick<Journaling, 'claim' | 'foresight'>;
  configs: Pick<EventConfigs, 'of'>;
  runtime: Runtime;
  burst: BurstClock;
  granted: Granted;
  /** Whether anybody hears of grants at all. */
  isHeard: () => boolean;
  onOutcome: (code: ClaimOutcome['code']) => void;
};

export function createClaimRoute(options: Options): ClaimRoute {
  const { shards, journaling, configs, runtime, burst, granted } = options;
  const mayClaim = new WeakMap<Service, boolean>();
  const claimBody = new ClaimBody();
  const ask = new Ask();
  const freshIds = new FreshIds(runtime);
  const receivers = new PeerReceivers(options);

  function isClaimant(service: Service): boolean {
    let isPermitted = mayClaim.get(service);
    if (isPermitted === undefined) {
      isPermitted = reachOf({ kind: 'service', service }, 'CLAIM') === 'any';
      mayClaim.set(service, isPermitted);
    }
    return isPermitted;
  }

  /** False when it is no claim of a journal event, or one that memory cannot decide. */
  function decidedByJournal(peer: Peer, number: number): boolean {
    burst.read();
    const config = configs.of(claimBody.eventKey, burst.monotonicMs);
    if (config?.record?.mode !== 'journal') return false;
    const { bytes, userAt, userEnd, hasRequestId, requestAt, requestEnd, deadlineMs } = claimBody;
    ask.eventHint = claimBody.eventHint;
    ask.bytes = bytes;
    ask.userAt = userAt;
    ask.userEnd = userEnd;
    ask.isRequestIdFresh = !hasRequestId;
    ask.requestBytes = hasRequestId ? bytes : freshIds.bytes;
    ask.requestAt = hasRequestId ? requestAt : freshIds.next();
    ask.requestEnd = hasRequestId ? requestEnd : ask.requestAt + freshIds.textBytes;
    ask.deadlineAt = burst.monotonicMs + (deadlineMs ?? LIMITS.deadlineMsDefault);
    ask.monotonicMs = burst.monotonicMs;
    ask.nowMs = burst.nowMs;
    return journaling.claim(ask, config, receivers.of(peer), number);
  }

  function submit(peer: Peer, number: number, { eventKey, userId, requestId, deadlineMs }: Claim): void {
    shards.submit(
      new WireClaim(peer, number, granted, {
        eventKey,
        userId,
        requestId: requestId ?? freshIds.text(),
        isRequestIdFresh: requestId === null,
        deadlineAt: runtime.monotonicMs() + (deadlineMs ?? LIMITS.deadlineMsDefault),
      }),
    );
  }

  return {
    foresee(bytes) {
      const { foresight } = journaling;
      if (foresight !== null) foreseeClaims(bytes, foresight);
    },

    takeBody(peer, { number, bytes, bodyAt, bodyEnd }) {
      if (!isClaimant(peer.service) || !claimBody.read(bytes, bodyAt, bodyEnd)) return false;
      if (!decidedByJournal(peer, number)) submit(peer, number, claimBody);
      return true;
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

type Claim = { eventKey: string; userId: string; requestId: string | null; deadlineMs: number | null };
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
