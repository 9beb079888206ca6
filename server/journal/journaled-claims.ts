/**
 * The claims of a store together with those that the journal has and the store does not have yet, so that everybody reads
 * what they have been granted. First the journal, then the store: what is projected in between is found in both.
 */
import { claimPartsOf } from '../../protocol/key.ts';
import type { ClaimDraft, ClaimFilter, ClaimRecord, ClaimStore, InsertOutcome, PageKey } from '../store/store.ts';

/** The unprojected claims of this node's journal. Both reject with StoreUnavailable when they cannot be read. */
export type Unprojected = {
  ofKey(eventKey: string, period: string, userId: string): Promise<ClaimRecord | null> | null;
  ofUser(userId: string): Promise<ClaimRecord[]> | null;
  hasAny(eventKey: string, period?: string): boolean;
  highestSlot(eventKey: string, period?: string): number;
  /** A request id that was used without the journal, or may have been. */
  remember(request: { userId: string; requestId: string }): void;
};

export function journaledClaims(claims: ClaimStore, unprojected: Unprojected): ClaimStore {
  async function merged<T>(
    questions: readonly T[],
    inJournal: (question: T) => Promise<ClaimRecord | null> | null,
    inStore: (questions: T[]) => Promise<(ClaimRecord | null)[]>,
  ): Promise<(ClaimRecord | null)[]> {
    const found = await Promise.all(questions.map(inJournal));
    const open = questions.filter((_, i) => !found[i]);
    if (open.length === 0) return found;
    const stored = await inStore(open);
    let next = 0;
    return found.map((claim) => claim ?? stored[next++] ?? null);
  }

  /**
   * The store's guard cannot refuse a request id that only the journal has. Never rejects, as an insert never does: where it
   * cannot be told what the journal has, nothing is sent.
   */
  async function insertUnused(
    drafts: readonly ClaimDraft[],
    insert: (drafts: readonly ClaimDraft[]) => Promise<InsertOutcome[]>,
  ): Promise<InsertOutcome[]> {
    const users = drafts.map(({ userId }) => unprojected.ofUser(userId));
    const isUnknown = users.every((own) => own === null);
    const refusals = isUnknown ? [] : await Promise.all(users.map((own, i) => own?.then(refusalOf(drafts[i]), away)));
    const open = drafts.filter((_, i) => !refusals[i]);
    const inserted = open.length === 0 ? [] : await insert(open);
    inserted.forEach((outcome, i) => {
      // What may be stored is looked up by whoever uses its request id next.
      if ('claim' in outcome) unprojected.remember(outcome.claim);
      else if (outcome.kind === 'unknown') unprojected.remember(open[i] as ClaimDraft);
    });
    let next = 0;
    return drafts.map((_, i) => refusals[i] ?? (inserted[next++] as InsertOutcome));
  }

  return {
    insertMax: claims.insertMax,
    get isSpread() {
      return claims.isSpread;
    },
    insert: (drafts, mayWrite) => insertUnused(drafts, (open) => claims.insert(open, mayWrite)),
    insertStock: (drafts, stock, mayWrite) => insertUnused(drafts, (open) => claims.insertStock(open, stock, mayWrite)),
    settled: (store) => claims.settled(store),
    byKey: (claimKeys) =>
      merged(
        claimKeys,
        (claimKey) => {
          const parts = claimPartsOf(claimKey);
          return parts === null ? null : unprojected.ofKey(parts.eventKey, parts.period, parts.userId);
        },
        (open) => claims.byKey(open),
      ),
    byRequest: (requests) =>
      merged(
        requests,
        ({ userId, requestId }) =>
          unprojected.ofUser(userId)?.then((own) => own.find((claim) => claim.requestId === requestId) ?? null) ?? null,
        (open) => claims.byRequest(open),
      ),
    async ofUser(userId, page) {
      const own = (await unprojected.ofUser(userId)) ?? [];
      const stored = await claims.ofUser(userId, page);
      return own.length === 0 ? stored : newestFirst(own, stored, page);
    },
    async list(filter: ClaimFilter, page) {
      const { userId } = filter;
      const own = userId === undefined ? [] : ((await unprojected.ofUser(userId)) ?? []);
      const stored = await claims.list(filter, page);
      return own.length === 0
        ? stored
        : newestFirst(
            own.filter((claim) => matches(claim, filter)),
            stored,
            page,
          );
    },
    hasAny: async (eventKey, period) => unprojected.hasAny(eventKey, period) || claims.hasAny(eventKey, period),
    highestSlot: async (eventKey, period) =>
      Math.max(unprojected.highestSlot(eventKey, period), await claims.highestSlot(eventKey, period)),
    usersOf: (eventKey, period, page) => claims.usersOf(eventKey, period, page),
    requests: (page) => claims.requests(page),
  };
}

/** Of a user's claims the one of this draft's request id stands in its way. */
function refusalOf(draft: ClaimDraft | undefined): (own: ClaimRecord[]) => InsertOutcome | undefined {
  return (own) => {
    const claim = own.find(({ requestId }) => requestId === draft?.requestId);
    return claim && { kind: 'requestTaken', claim };
  };
}

function away(): InsertOutcome {
  return { kind: 'unavailable' };
}

type Page = { eventKey?: string; limit: number; after?: PageKey };

function newestFirst(own: ClaimRecord[], stored: ClaimRecord[], { eventKey, limit, after }: Page): ClaimRecord[] {
  const byKey = new Map(stored.map((claim) => [claim.claimKey, claim]));
  for (const claim of own) {
    const isAsked = eventKey === undefined || claim.eventKey === eventKey;
    if (isAsked && !byKey.has(claim.claimKey) && (after === undefined || order(after, claim) < 0)) {
      byKey.set(claim.claimKey, claim);
    }
  }
  return [...byKey.values()].sort(order).slice(0, limit);
}

/** Newest first; equal times by claim key, the greater first. */
function order(one: PageKey, other: PageKey): number {
  if (one.grantedAt !== other.grantedAt) return other.grantedAt - one.grantedAt;
  return one.claimKey < other.claimKey ? 1 : one.claimKey > other.claimKey ? -1 : 0;
}

function matches(claim: ClaimRecord, { eventKey, from, to }: ClaimFilter): boolean {
  return (
    (eventKey === undefined || claim.eventKey === eventKey) &&
    (from === undefined || claim.grantedAt >= from) &&
    (to === undefined || claim.grantedAt < to)
  );
}
