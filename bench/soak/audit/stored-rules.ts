/** Rules about what is stored at last, and about refusals that must be true of it. */
import type { Claim } from '../../../protocol/claim.ts';
import type { ErrorName } from '../../../protocol/errors.ts';
import { answersIn, nameOf } from './answer-rules.ts';
import type { Rule } from './auditor.ts';
import type { History } from './history.ts';
import type { Stored } from './stored.ts';

/** A sending that was answered so, or not at all, may have made the claim. */
const MAY_HAVE_GRANTED: ReadonlySet<ErrorName> = new Set(['GRANTED', 'REPLAYED', 'OUTCOME_UNKNOWN']);

const unique: Rule = {
  name: 'no key twice',
  breaches: (_, stored) => stored.doubles(),
};

const asked: Rule = {
  name: 'what is stored was asked for and not refused',
  *breaches(history, stored) {
    for (const claim of stored.claims) {
      const sendings = history.sendingsOf(claim).filter(({ ask }) => ask.eventKey === claim.eventKey);
      const isPossible = sendings.some(({ heard }) => heard === null || MAY_HAVE_GRANTED.has(heard.code));
      const codes = sendings.map(({ heard }) => heard?.code).join(', ');
      if (!isPossible) yield `${claim.claimKey} by request ${claim.requestId} was answered: ${codes || 'never asked'}`;
    }
  },
};

const gapless: Rule = {
  name: 'slots are 1…k without a gap and at most the stock',
  *breaches(history, stored) {
    for (const { eventKey, stock } of history.events.values()) {
      for (const claims of stored.sales(eventKey)) {
        if (stock === null) {
          for (const { claimKey, slot } of claims) if (slot !== null) yield `${claimKey} has slot ${slot}`;
          continue;
        }
        const slots = slotsOf(claims);
        const wrong = slots.findIndex((slot, index) => slot !== index + 1);
        if (wrong >= 0) yield `${eventKey}: slot ${slots[wrong]} where ${wrong + 1} belongs`;
        if (slots.length > stock) yield `${eventKey}: ${slots.length} slots of ${stock}`;
      }
    }
  },
};

/** The holders of all slots must have asked before the answer was heard: it was true then, not only at last. */
const soldOut: Rule = {
  name: 'SOLD_OUT only when every unit is granted',
  *breaches(history, stored) {
    const soldOutAt = new Map([...history.events.keys()].map((key) => [key, soldOutOrder(history, stored, key)]));
    for (const { ask, heard, heardAt } of answersIn(history)) {
      const since = soldOutAt.get(ask.eventKey) ?? Number.POSITIVE_INFINITY;
      if (heard.code === 'SOLD_OUT' && heardAt < since) yield `${nameOf(ask)} while units were left`;
    }
  },
};

/** The earliest moment at which a sale can have been over: when the last of its holders first asked. */
function soldOutOrder(history: History, stored: Stored, eventKey: string): number {
  const stock = history.events.get(eventKey)?.stock ?? null;
  if (stock === null) return Number.POSITIVE_INFINITY;
  const ends = stored.sales(eventKey).map((claims) => {
    if (claims.length < stock) return Number.POSITIVE_INFINITY;
    return claims.reduce((last, claim) => Math.max(last, history.sendingsOf(claim)[0]?.sentAt ?? 0), 0);
  });
  return Math.min(...ends, Number.POSITIVE_INFINITY);
}

const listed: Rule = {
  name: 'a listed event is for those on the list',
  *breaches(history, stored) {
    for (const { ask, heard } of answersIn(history)) {
      const isListed = history.events.get(ask.eventKey)?.isListed ?? null;
      if (heard.code !== 'NOT_ELIGIBLE') continue;
      if (isListed === null || isListed(ask.userId)) yield `${nameOf(ask)}: NOT_ELIGIBLE, but is`;
    }
    for (const { claimKey, eventKey, userId } of stored.claims) {
      const isListed = history.events.get(eventKey)?.isListed ?? null;
      if (isListed !== null && !isListed(userId)) yield `${claimKey} is granted, but not eligible`;
    }
  },
};

const reused: Rule = {
  name: 'KEY_REUSED only for the request id of another claim',
  *breaches(history, stored) {
    for (const { ask, heard } of answersIn(history)) {
      if (heard.code !== 'KEY_REUSED') continue;
      const claim = stored.byRequest(ask.userId, ask.requestId);
      if (claim === undefined || claim.eventKey === ask.eventKey) yield nameOf(ask);
    }
  },
};

function slotsOf(claims: readonly Claim[]): number[] {
  return claims.map(({ slot }) => slot ?? 0).sort((one, other) => one - other);
}

export const STORED_RULES: readonly Rule[] = [unique, asked, gapless, soldOut, listed, reused];
