/**
 * Where everything lies: the keys of each table and the form of a stored claim. Pure. LMDB compares keys byte by byte
 * and every part but a username is ASCII, so the order of these strings is the order of the table.
 *
 *     users           userId/c eventKey/period               -> the claim
 *                     userId/r requestId                     -> eventKey/period of the claim it made
 *     byEvent         eventKey/ grantedAt period/userId      -> nothing; read backwards it is newest first
 *     slots           eventKey/period                        -> highest slot granted
 *     periods         eventKey/period                        -> earliest and latest grantedAt of its claims
 *     conflicts       claimKey attempt                       -> two claims that a promise says cannot both be
 *     boots           node.boot                              -> when whoever writes claims under it was noted
 *     events          eventKey                               -> the event
 *     qualifications  eventKey/userId                        -> nothing
 *     qualificationLog number                                -> what changed in the lists; the last few only
 *     meta            format, clusterId, createdAt, projected: how much of the journal is in the claims, directCommits: how
 *                     often claims were put that are not from there
 *
 *     people          userId                                 -> the user (`users` above are those who claim)
 *     names           usernameKey                            -> userId
 *     members         roles/userId                           -> nothing; a row for each set of the roles held
 *     memberNames     roles/usernameKey                      -> userId
 *     roles           name                                   -> the role
 *     sessions        userId/deviceId                        -> the session
 *     sessionIds      sessionId                              -> userId/deviceId
 *     revocations     number                                 -> the revocation
 *     audit           auditId                                -> the entry
 *     auditBy         field digest/auditId                   -> nothing
 *
 * A claim and its request id lie side by side under the user, because the cost of a commit is the pages it touches and
 * users arrive at random: apart they would touch twice as many. The same row answers "my claims" with one scan.
 */

import type { DeliveryState } from '../../../protocol/claim.ts';
import { type ClaimParts, claimKeyOf } from '../../../protocol/key.ts';
import type { ClaimRecord, QualificationChange } from '../store.ts';

/** Raised with any change that an older version would misread. */
export const FORMAT = 2;

/** Fields may be appended, never moved. The parts of the claim key are in the table's key. */
export type StoredClaim = [
  requestId: string,
  attempt: string,
  grantedAt: number,
  configVersion: number,
  slot: number | null,
  rewards: [kind: string, id: string, amount: number][],
  deliveryState: DeliveryState,
  deliveryAttempts: number,
  fulfilledAt: number | null,
];

/** The number is its key. */
export type StoredChange = Omit<QualificationChange, 'number'>;

export function claimRow({ eventKey, period, userId }: ClaimParts): string {
  return `${userId}/c${eventKey}/${period}`;
}

export function requestRow({ userId, requestId }: { userId: string; requestId: string }): string {
  return `${userId}/r${requestId}`;
}

/** An event and a period: what the request's row holds, because together with the user it names the claim. */
export function slotRow({ eventKey, period }: { eventKey: string; period: string }): string {
  return `${eventKey}/${period}`;
}

/** The claim rows of a user, or of a user and an event: from `start`, before `end`. */
export function claimRowsOf(userId: string, eventKey: string | undefined): { start: string; end: string } {
  return eventKey === undefined ? rowsUnder(`${userId}/c`) : rowsUnder(`${userId}/c${eventKey}/`);
}

/** Every row that starts with `prefix`, whose last character is below 0x7f. */
export function rowsUnder(prefix: string): { start: string; end: string } {
  const last = prefix.length - 1;
  return { start: prefix, end: prefix.slice(0, last) + String.fromCharCode(prefix.charCodeAt(last) + 1) };
}

/** The largest time of JavaScript, 8.64e15, has eleven digits of base 36. */
const TIME_DIGITS = 11;

export function timeText(ms: number): string {
  return ms.toString(36).padStart(TIME_DIGITS, '0');
}

export function timeRow(claim: { eventKey: string; period: string; userId: string; grantedAt: number }): string {
  return `${claim.eventKey}/${timeText(claim.grantedAt)}${claim.period}/${claim.userId}`;
}

export function claimOfTimeRow(row: string): { grantedAt: number; claimKey: string } {
  const timeAt = row.indexOf('/') + 1;
  const restAt = timeAt + TIME_DIGITS;
  return {
    grantedAt: Number.parseInt(row.slice(timeAt, restAt), 36),
    claimKey: row.slice(0, timeAt) + row.slice(restAt),
  };
}

export function storedOf(claim: ClaimRecord): StoredClaim {
  return [
    claim.requestId,
    claim.attempt,
    claim.grantedAt,
    claim.configVersion,
    claim.slot,
    claim.rewards.map(({ kind, id, amount }) => [kind, id, amount]),
    claim.delivery.state,
    claim.delivery.attempts,
    claim.delivery.fulfilledAt,
  ];
}

export function recordOf(parts: ClaimParts, stored: StoredClaim): ClaimRecord {
  const [requestId, attempt, grantedAt, configVersion, slot, rewards, state, attempts, fulfilledAt] = stored;
  const { eventKey, period, userId } = parts;
  return {
    claimKey: claimKeyOf(eventKey, period, userId),
    eventKey,
    period,
    userId,
    requestId,
    grantedAt,
    configVersion,
    slot,
    rewards: rewards.map(([kind, id, amount]) => ({ kind, id, amount })),
    delivery: { state, attempts, fulfilledAt },
    attempt,
  };
}
