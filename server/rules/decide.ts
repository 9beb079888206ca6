/**
 * The rules: a pure function of the request, the event, what is known and the time. It never waits: where an answer
 * needs something that is not known yet it says LOOKUP, and is asked again when that is known. Its early returns stand
 * in the order of precedence, which is the order of the error table.
 */
import type { Problem } from '../../protocol/reply.ts';
import type { ClaimRecord, EventRecord } from '../store/store.ts';
import { isArchived } from './archived.ts';
import type { Span } from './calendar.ts';

/** The stored claim of a question; null: the store has none; undefined: not asked yet. */
type Asked<T> = T | null | undefined;

export type Known = {
  /** The claim of this claim key. */
  byKey: Asked<ClaimRecord>;
  /** The user's claim under this request id, of whatever event and period. */
  byRequest: Asked<ClaimRecord>;
  /** Whether the user is in the event's table; only asked for `listed` events. */
  isQualified: boolean | undefined;
  /** A durable read has found the last unit of this period taken. */
  isSoldOut: boolean;
};

export type Ask = { userId: string; requestId: string };

/** `nextClaimAt`: when the user may claim the event again; null when never. */
export type Claimed = {
  code: 'GRANTED' | 'REPLAYED' | 'ALREADY_CLAIMED';
  claim: ClaimRecord;
  nextClaimAt: number | null;
};
export type ClaimOutcome = Claimed | Exclude<Problem, { code: 'ALREADY_CLAIMED' }>;

export type Decision = { kind: 'GRANT' } | { kind: 'LOOKUP' } | { kind: 'ANSWER'; outcome: ClaimOutcome };

const GRANT: Decision = { kind: 'GRANT' };
const LOOKUP: Decision = { kind: 'LOOKUP' };
const HELD_RETRY_MS = 500;

/**
 * `span` is the event's period at `now` (see `claimInstant`). Without knowledge of the claim key or the request id a
 * grant is still right, because the store's unique indexes have the last word; a refusal is not, because a request that
 * was granted before must get its claim whatever the window says now.
 */
export function decide(ask: Ask, event: EventRecord | null, known: Known, now: number, span: Span): Decision {
  const { byKey, byRequest } = known;
  if (event === null) return answer({ code: 'EVENT_NOT_FOUND' });
  if (byRequest) {
    return byRequest.eventKey === event.eventKey ? replay(byRequest, event, span) : answer({ code: 'KEY_REUSED' });
  }
  if (byKey) {
    if (byKey.requestId === ask.requestId) return replay(byKey, event, span);
    // An event that is claimed once has no earlier period in which this request id could have been granted.
    if (event.period !== 'once' && byRequest === undefined) return LOOKUP;
    return answer({ code: 'ALREADY_CLAIMED', claim: byKey, nextClaimAt: nextClaimAfter(byKey, event, span) });
  }
  const refusal = refusalOf(event, known, now, span);
  if (refusal === LOOKUP || refusal === null) return refusal ?? GRANT;
  return byKey === undefined || byRequest === undefined ? LOOKUP : refusal;
}

function refusalOf(event: EventRecord, known: Known, now: number, span: Span): Decision | null {
  const window = { serverTime: now, startsAt: event.startsAt, endsAt: event.endsAt };
  if (event.state === 'DRAFT' || now < event.startsAt) return answer({ code: 'NOT_STARTED', window });
  if (event.state === 'ENDED' || isOver(event, now) || isArchived(event, span))
    return answer({ code: 'ENDED', window });
  if (event.state === 'PAUSED') return answer({ code: 'PAUSED', window });
  if (event.heldUntil !== null && now < event.heldUntil) return answer({ code: 'BUSY', retryAfterMs: HELD_RETRY_MS });
  if (event.eligibility.kind === 'listed' && known.isQualified !== true) {
    return known.isQualified === undefined ? LOOKUP : answer({ code: 'NOT_ELIGIBLE', reasons: ['NOT_LISTED'] });
  }
  if (known.isSoldOut || event.stock === 0) return answer({ code: 'SOLD_OUT', window });
  return null;
}

function isOver({ endsAt, graceMs }: EventRecord, now: number): boolean {
  return endsAt !== null && now >= endsAt + graceMs;
}

/** The instant whose period a claim made at `now` belongs to: a grace claim belongs to the event's last period. */
export function claimInstant({ endsAt }: EventRecord, now: number): number {
  return endsAt !== null && now >= endsAt ? endsAt - 1 : now;
}

function answer(outcome: ClaimOutcome): Decision {
  return { kind: 'ANSWER', outcome };
}

function replay(claim: ClaimRecord, event: EventRecord, span: Span): Decision {
  return answer({ code: 'REPLAYED', claim, nextClaimAt: nextClaimAfter(claim, event, span) });
}

/** When the user of a claim may claim again: at the next reset when the claim is of the period at hand. */
export function nextClaimAfter(claim: { period: string }, event: EventRecord, span: Span): number | null {
  // A claim of an earlier period does not stand in the way of one in this period.
  const next = claim.period === span.id ? span.endsAt : span.startsAt;
  return event.period === 'once' || (event.endsAt !== null && next >= event.endsAt) ? null : next;
}

/** When a user may claim next, given their claim of the period at hand; null when never again. */
export function nextClaimAtOf(event: EventRecord, claim: ClaimRecord | null, now: number, span: Span): number | null {
  if (claim !== null) return nextClaimAfter(claim, event, span);
  if (event.state === 'ENDED' || isOver(event, now) || isArchived(event, span)) return null;
  return Math.max(now, event.startsAt);
}
