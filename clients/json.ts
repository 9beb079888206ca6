/**
 * Protocol outcomes as the JSON that people and web clients see: the HTTP edge and the command line speak the same
 * bodies because both take them from here. It decides nothing and knows no HTTP beyond the status in the body. Times
 * are ISO 8601 in UTC with milliseconds.
 */
import type { ClaimView, Delivery, Reward } from '../protocol/claim.ts';
import { ERRORS } from '../protocol/errors.ts';
import type { Problem, ProblemCode } from '../protocol/reply.ts';
import type { Fault } from '../protocol/shape.ts';

const MOVED_RETRY_MS = 500;

/** A claim as JSON: the same fields as `ClaimView`, times as text. */
export type ClaimJson = Omit<ClaimView, 'grantedAt' | 'delivery' | 'nextClaimAt' | 'rewards'> & {
  grantedAt: string;
  rewards: Reward[];
  delivery: Omit<Delivery, 'fulfilledAt'> & { fulfilledAt: string | null };
  /** When the user can claim this event again; null when never. */
  nextClaimAt: string | null;
};

/** A problem of RFC 9457 (`application/problem+json`). Which optional members are there depends on `code` alone. */
export type ProblemJson = {
  type: `urn:claimd:problem:${ProblemCode}`;
  title: string;
  /** The HTTP status of the code in the error table. */
  status: number;
  code: ProblemCode;
  /** For people; programs read `code`. */
  detail?: string;
  /** ALREADY_CLAIMED: the claim that won, and when the user can claim again. */
  claim?: ClaimJson;
  nextClaimAt?: string | null;
  /** NOT_STARTED, ENDED, PAUSED, SOLD_OUT. */
  serverTime?: string;
  startsAt?: string;
  endsAt?: string | null;
  /** The wait the server asks for, in milliseconds. */
  retryAfterMs?: number;
  /** NOT_ELIGIBLE: which conditions the user does not meet. */
  reasons?: string[];
  /** BAD_REQUEST: every field that broke a rule. */
  errors?: Fault[];
};

/** CLAIM of the HTTP interface. */
export function claimJson(claim: ClaimView): ClaimJson {
  const { claimKey, eventKey, period, userId, requestId, grantedAt, configVersion, slot, rewards } = claim;
  const { state, attempts, fulfilledAt } = claim.delivery;
  return {
    claimKey,
    eventKey,
    period,
    userId,
    requestId,
    grantedAt: iso(grantedAt),
    configVersion,
    slot,
    rewards,
    delivery: { state, attempts, fulfilledAt: isoOrNull(fulfilledAt) },
    nextClaimAt: isoOrNull(claim.nextClaimAt),
  };
}

/** The problem+json body of any outcome that is not a success. */
export function problemJson(problem: Problem): ProblemJson {
  const { code, detail } = problem;
  const { http: status, sentence: title } = ERRORS[code];
  const body: ProblemJson = { type: `urn:claimd:problem:${code}`, title, status, code };
  if (detail !== undefined) body.detail = detail;
  return Object.assign(body, carriedJson(problem));
}

function carriedJson(problem: Problem): Partial<ProblemJson> {
  if ('claim' in problem) {
    return { claim: claimJson(problem.claim), nextClaimAt: isoOrNull(problem.claim.nextClaimAt) };
  }
  if ('window' in problem) {
    const { serverTime, startsAt, endsAt } = problem.window;
    return { serverTime: iso(serverTime), startsAt: iso(startsAt), endsAt: isoOrNull(endsAt) };
  }
  if ('retryAfterMs' in problem) return { retryAfterMs: problem.retryAfterMs };
  // Where the other node is helps nobody who cannot speak to it; by then it may be asked through this one.
  if (problem.code === 'MOVED') return { retryAfterMs: MOVED_RETRY_MS };
  if ('reasons' in problem) return { reasons: problem.reasons };
  if ('faults' in problem) return { errors: problem.faults };
  return {};
}

function iso(timeMs: number): string {
  return new Date(timeMs).toISOString();
}

export function isoOrNull(timeMs: number | null): string | null {
  return timeMs === null ? null : iso(timeMs);
}
