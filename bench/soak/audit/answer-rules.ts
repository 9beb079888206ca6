/** Rules about answers: what each code promises of the claim it carries, and what may not be said any more later. */
import type { Claim } from '../../../protocol/claim.ts';
import type { ErrorName } from '../../../protocol/errors.ts';
import { claimKeyOf } from '../../../protocol/key.ts';
import type { Rule } from './auditor.ts';
import type { Ask, Heard, History, Sending } from './history.ts';
import { textOf } from './stored.ts';

/** Nothing is said of the claim itself; asking again with the same id must settle it. */
export const OPEN_CODES: ReadonlySet<ErrorName> = new Set([
  'BUSY',
  'DRAINING',
  'STORE_UNAVAILABLE',
  'SERVER_UNAVAILABLE',
  'OUTCOME_UNKNOWN',
  'IN_PROGRESS',
  'MOVED',
]);
const WON: ReadonlySet<ErrorName> = new Set(['GRANTED', 'REPLAYED']);
const REFUSALS: ReadonlySet<ErrorName> = new Set([
  'ALREADY_CLAIMED',
  'KEY_REUSED',
  'NOT_ELIGIBLE',
  'SOLD_OUT',
  'PAUSED',
]);

export function nameOf({ eventKey, userId, requestId }: Ask): string {
  return `${eventKey}/${userId} request ${requestId}`;
}

type Answered = Sending & { heard: Heard };

export function* answersIn(history: History): Generator<Answered> {
  for (const sending of history.sendings) if (sending.heard !== null) yield sending as Answered;
}

/** Answers that carry a claim. */
function* claimsIn(history: History): Generator<{ ask: Ask; code: ErrorName; claim: Claim; heardAt: number }> {
  for (const { ask, heard, heardAt } of answersIn(history)) {
    if (heard.claim !== null) yield { ask, code: heard.code, claim: heard.claim, heardAt };
  }
}

const known: Rule = {
  name: 'only outcomes of a claim',
  *breaches(history) {
    for (const { ask, heard } of answersIn(history)) {
      const { code } = heard;
      const isKnown = OPEN_CODES.has(code) || WON.has(code) || REFUSALS.has(code);
      if (!isKnown) yield `${nameOf(ask)} was answered ${code}`;
      const needsClaim = WON.has(code) || code === 'ALREADY_CLAIMED';
      if (needsClaim && heard.claim === null) yield `${nameOf(ask)}: ${code} without a claim`;
    }
  },
};

const durable: Rule = {
  name: 'an acknowledged claim is there and the same',
  *breaches(history, stored) {
    for (const { ask, code, claim } of claimsIn(history)) {
      const kept = stored.byKey(claim.claimKey);
      if (kept === undefined) yield `${nameOf(ask)}: ${code} with ${claim.claimKey}, which is not stored`;
      else if (textOf(kept) !== textOf(claim))
        yield `${nameOf(ask)}: ${code} with ${textOf(claim)}, not ${textOf(kept)}`;
    }
  },
};

const owned: Rule = {
  name: 'the claim belongs to the question',
  *breaches(history) {
    for (const { ask, code, claim } of claimsIn(history)) {
      const { eventKey, period, userId, requestId, claimKey } = claim;
      const isSameUser = eventKey === ask.eventKey && userId === ask.userId;
      const isOwnRequest = requestId === ask.requestId;
      const isRight = isSameUser && claimKey === claimKeyOf(eventKey, period, userId) && isOwnRequest === WON.has(code);
      if (!isRight) yield `${nameOf(ask)}: ${code} with ${textOf(claim)}`;
    }
  },
};

const once: Rule = {
  name: 'no claim key is GRANTED twice',
  *breaches(history) {
    const grants = new Map<string, number>();
    for (const { code, claim } of claimsIn(history)) {
      if (code === 'GRANTED') grants.set(claim.claimKey, (grants.get(claim.claimKey) ?? 0) + 1);
    }
    for (const [key, count] of grants) if (count > 1) yield `${key} ${count} times`;
  },
};

const notBefore: Rule = {
  name: 'no claim is shown before it was asked for',
  *breaches(history) {
    for (const { ask, code, claim, heardAt } of claimsIn(history)) {
      const [first] = history.sendingsOf(claim);
      if (first === undefined || first.sentAt > heardAt) yield `${nameOf(ask)}: ${code} with ${textOf(claim)}`;
    }
  },
};

const replayed: Rule = {
  name: 'a request id that was granted gets its claim again',
  *breaches(history) {
    for (const sendings of history.byRequest.values()) {
      const first = sendings.filter(hasWon).sort((one, other) => one.heardAt - other.heardAt)[0];
      if (first === undefined) continue;
      for (const { ask, sentAt, heard } of sendings) {
        if (heard === null || sentAt < first.heardAt || OPEN_CODES.has(heard.code)) continue;
        if (!isTrueAfterGrant(heard.code, { isSameEvent: ask.eventKey === first.ask.eventKey }))
          yield `${nameOf(ask)}: ${shortOf(heard)} after ${shortOf(first.heard)}`;
      }
    }
  },
};

/** Of events that are claimed once: with a period, a reset may have come between the two. */
const taken: Rule = {
  name: 'a key that is known to be taken is ALREADY_CLAIMED for others',
  *breaches(history) {
    const knownSince = new Map<string, number>();
    for (const { claim, heardAt } of claimsIn(history)) {
      if (claim.period !== '-') continue;
      knownSince.set(claim.claimKey, Math.min(heardAt, knownSince.get(claim.claimKey) ?? heardAt));
    }
    for (const { ask, sentAt, heard } of answersIn(history)) {
      const since = knownSince.get(claimKeyOf(ask.eventKey, '-', ask.userId));
      if (since === undefined || sentAt < since || OPEN_CODES.has(heard.code)) continue;
      const isTrue = WON.has(heard.code) || heard.code === 'ALREADY_CLAIMED' || heard.code === 'KEY_REUSED';
      if (!isTrue || heard.code === 'GRANTED') yield `${nameOf(ask)}: ${heard.code} after its key was taken`;
    }
  },
};

const found: Rule = {
  name: 'reads by request id show what was acknowledged',
  *breaches(history, stored) {
    for (const { ask, at, claim } of history.looks) {
      const kept = stored.byRequest(ask.userId, ask.requestId);
      if (claim !== null && (kept === undefined || textOf(kept) !== textOf(claim))) {
        yield `${nameOf(ask)}: shown ${textOf(claim)}, stored ${kept === undefined ? 'nothing' : textOf(kept)}`;
      }
      const wasGranted = history.sendingsOf(ask).some((sending) => hasWon(sending) && sending.heardAt < at);
      if (claim === null && wasGranted) yield `${nameOf(ask)}: not found after it was granted`;
    }
  },
};

const shown: Rule = {
  name: 'lists of a user show what was acknowledged',
  *breaches(history, stored) {
    const knownOf = new Map<string, { claimKey: string; heardAt: number }[]>();
    for (const { claim, heardAt } of claimsIn(history)) {
      const known = knownOf.get(claim.userId);
      if (known === undefined) knownOf.set(claim.userId, [{ claimKey: claim.claimKey, heardAt }]);
      else known.push({ claimKey: claim.claimKey, heardAt });
    }
    for (const { userId, sentAt, claims } of history.lists) {
      const keys = new Set(claims.map(({ claimKey }) => claimKey));
      if (keys.size < claims.length) yield `${userId}: the list has a claim twice`;
      const missing = knownOf.get(userId)?.find(({ claimKey, heardAt }) => heardAt < sentAt && !keys.has(claimKey));
      if (missing !== undefined) yield `${userId}: ${missing.claimKey} is not in the list`;
      for (const claim of claims) {
        const kept = stored.byKey(claim.claimKey);
        if (kept === undefined || textOf(kept) !== textOf(claim)) yield `${userId}: shown ${textOf(claim)}`;
      }
    }
  },
};

/** For another event the request id is used up, unless that event's key is taken as well. */
function isTrueAfterGrant(code: ErrorName, { isSameEvent }: { isSameEvent: boolean }): boolean {
  return isSameEvent ? code === 'REPLAYED' : code === 'KEY_REUSED' || code === 'ALREADY_CLAIMED';
}

function shortOf({ code, claim }: Heard): string {
  return claim === null ? code : `${code} with ${textOf(claim)}`;
}

function hasWon(sending: Sending): sending is Answered {
  return sending.heard !== null && WON.has(sending.heard.code);
}

export const ANSWER_RULES: readonly Rule[] = [known, durable, owned, once, notBefore, replayed, taken, found, shown];
