/**
 * Where everything lies: the keys of each table and the form of a stored claim. Pure. LMDB compares keys byte by byte
 * and every part but a username is ASCII, so the order of these strings is the order of the table.
 *
 *     claims          eventKey/ grantedAt period/userId      -> the claim; read backwards an event is newest first
 *     series          number                                 -> eventKey/period
 *     periods         eventKey/period                        -> number of the series, earliest and latest grantedAt of its claims
 *     fresh           hash of a user                         -> index entries of those users' latest claims
 *     runs            number of a run                        -> which hashes it may hold
 *     buckets         run and part of the range of hashes    -> the index entries of that run there
 *     slots           eventKey/period                        -> highest slot granted
 *     conflicts       claimKey attempt                       -> two claims that a promise says cannot both be
 *     boots           node.boot                              -> when whoever writes claims under it was noted
 *     events          eventKey                               -> the event
 *     qualifications  eventKey/userId                        -> nothing
 *     qualificationLog number                                -> what changed in the lists; the last few only
 *     meta            format, clusterId, createdAt, projected: how much of the journal is in the claims, directCommits: how
 *                     often claims were put that are not from there, indexSeed: of the hashes, lastSeries and lastRun: the
 *                     last numbers given
 *
 *     people          userId                                 -> the user
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
 * The cost of a commit is the pages it touches, and users arrive at random. So claims lie in the order of time, where
 * neighbours share a page, and who looks for a user's claims goes through an index that is written like a journal
 * (`user-index.ts`): a row for each user would touch a page for each claim, and with ten million claims that is five
 * times the time.
 */

import type { DeliveryState } from '../../../protocol/claim.ts';
import { type ClaimParts, claimKeyOf } from '../../../protocol/key.ts';
import type { ClaimRecord, QualificationChange } from '../store.ts';

/** Raised with any change that an older version would misread. */
export const FORMAT = 3;

/** Fields may be appended, never moved. The parts of the claim key and `grantedAt` are in the table's key. */
export type StoredClaim = [
  requestId: string,
  attempt: string,
  configVersion: number,
  slot: number | null,
  rewards: [kind: string, id: string, amount: number][],
  deliveryState: DeliveryState,
  deliveryAttempts: number,
  fulfilledAt: number | null,
];

/** The number is its key. */
export type StoredChange = Omit<QualificationChange, 'number'>;

/** A series: an event and a period. */
export function slotRow({ eventKey, period }: { eventKey: string; period: string }): string {
  return `${eventKey}/${period}`;
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

/** What a row of `claims` says by its key. */
export function partsOfTimeRow(row: string): ClaimParts & { grantedAt: number } {
  const timeAt = row.indexOf('/') + 1;
  const periodAt = timeAt + TIME_DIGITS;
  const userAt = row.indexOf('/', periodAt) + 1;
  return {
    eventKey: row.slice(0, timeAt - 1),
    grantedAt: Number.parseInt(row.slice(timeAt, periodAt), 36),
    period: row.slice(periodAt, userAt - 1),
    userId: row.slice(userAt),
  };
}

export function claimOfTimeRow(row: string, stored: StoredClaim): ClaimRecord {
  return recordOf(partsOfTimeRow(row), stored);
}

export function storedOf(claim: ClaimRecord): StoredClaim {
  return [
    claim.requestId,
    claim.attempt,
    claim.configVersion,
    claim.slot,
    claim.rewards.map(({ kind, id, amount }) => [kind, id, amount]),
    claim.delivery.state,
    claim.delivery.attempts,
    claim.delivery.fulfilledAt,
  ];
}

function recordOf(parts: ClaimParts & { grantedAt: number }, stored: StoredClaim): ClaimRecord {
  const [requestId, attempt, configVersion, slot, rewards, state, attempts, fulfilledAt] = stored;
  const { eventKey, period, userId, grantedAt } = parts;
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
