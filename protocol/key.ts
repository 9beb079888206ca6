/**
 * The canonical strings of the system. A claim key is `eventKey/period/userId`: one string for the lock, the cache, the
 * store and its `_id`. Parts hold none of the joining characters, so equal strings mean equal parts. Anything outside
 * the alphabet is refused, never normalised.
 */
import { LIMITS } from './limits.ts';
import { pattern } from './shape.ts';

const PART = /^[A-Za-z0-9._:-]+$/;

export const eventKeyShape = pattern(
  `1…${LIMITS.eventKeyLengthMax} characters of A-Z a-z 0-9 . _ : -`,
  LIMITS.eventKeyLengthMax,
  PART,
);
export const userIdShape = pattern(
  `1…${LIMITS.userIdLengthMax} characters of A-Z a-z 0-9 . _ : -`,
  LIMITS.userIdLengthMax,
  PART,
);
/** Request ids may hold any visible ASCII character, so they only ever stand last in a joined key. */
export const requestIdShape = pattern(
  `1…${LIMITS.requestIdLengthMax} visible ASCII characters`,
  LIMITS.requestIdLengthMax,
  /^[\x21-\x7e]+$/,
);
/** What the request ids of a batch begin with. */
export const batchIdShape = pattern(
  `1…${LIMITS.batchIdLengthMax} visible ASCII characters`,
  LIMITS.batchIdLengthMax,
  /^[\x21-\x7e]+$/,
);

/** The request id of the claim at `index` of a batch, counted from 0. */
export function batchRequestId(batchId: string, index: number): string {
  return `${batchId}.${index}`;
}

export function claimKeyOf(eventKey: string, period: string, userId: string): string {
  return `${eventKey}/${period}/${userId}`;
}

/** What is decided one at a time: the claim key without its period. */
export function lockKeyOf(eventKey: string, userId: string): string {
  return `${eventKey}/${userId}`;
}

/** Request ids are scoped to the user. */
export function requestKeyOf(userId: string, requestId: string): string {
  return `${userId}/${requestId}`;
}

export type ClaimParts = { eventKey: string; period: string; userId: string };

/** Null for a string that is no claim key. */
export function claimPartsOf(claimKey: string): ClaimParts | null {
  const first = claimKey.indexOf('/');
  const second = claimKey.indexOf('/', first + 1);
  if (first < 1 || second < 0) return null;
  return {
    eventKey: claimKey.slice(0, first),
    period: claimKey.slice(first + 1, second),
    userId: claimKey.slice(second + 1),
  };
}
