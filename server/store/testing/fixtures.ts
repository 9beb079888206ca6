/** What the parts of the store contract share: drafts with an attempt of their own, and what a draft becomes. */
import { claimKeyOf } from '../../../protocol/key.ts';
import { assert } from '../../../protocol/testing/kit.ts';
import type { ClaimDraft, ClaimRecord, EventRecord, InsertOutcome, Store } from '../store.ts';

export type Draft = (fields?: Partial<Omit<ClaimDraft, 'claimKey'>>) => ClaimDraft;

export type Context = {
  store: Store;
  /** Another handle to the same data; the same handle where there can be only one. */
  other: Store;
  draft: Draft;
  reopen: (() => Promise<Store>) | null;
};

export type Test = (title: string, body: (context: Context) => Promise<void>) => void;

export const NOON = 1_795_348_800_000;

/** Every draft made by one `Draft` has its own user, request id, attempt and time unless told otherwise. */
export function createDraft(): Draft {
  let sequence = 0;
  return (fields = {}) => {
    sequence++;
    const { eventKey = 'summer', period = '-', userId = `user${sequence}` } = fields;
    return {
      requestId: `request${sequence}`,
      grantedAt: NOON + sequence,
      configVersion: 1,
      rewards: [{ kind: 'currency', id: 'gold', amount: 100 }],
      delivery: { state: 'PENDING', attempts: 0, fulfilledAt: null },
      attempt: `node.boot.${sequence}`,
      ...fields,
      eventKey,
      period,
      userId,
      claimKey: claimKeyOf(eventKey, period, userId),
    };
  };
}

/** The same key, asked for by another request of another try. */
export function rivalOf(draft: ClaimDraft, name: string): ClaimDraft {
  return { ...draft, requestId: `${name}.request`, attempt: `${name}.boot.1` };
}

export function many(count: number, make: (index: number) => ClaimDraft): ClaimDraft[] {
  return Array.from({ length: count }, (_, index) => make(index));
}

export function recordOf(draft: ClaimDraft, slot: number | null = null): ClaimRecord {
  return { ...draft, slot };
}

export function inserted(draft: ClaimDraft, slot: number | null = null): InsertOutcome {
  return { kind: 'inserted', claim: recordOf(draft, slot) };
}

export function taken(draft: ClaimDraft, slot: number | null = null): InsertOutcome {
  return { kind: 'taken', claim: recordOf(draft, slot) };
}

export function requestTaken(draft: ClaimDraft, slot: number | null = null): InsertOutcome {
  return { kind: 'requestTaken', claim: recordOf(draft, slot) };
}

/** Inserts what nothing can refuse, in calls of at most `insertMax`. */
export async function insertAll(store: Store, drafts: readonly ClaimDraft[]): Promise<void> {
  for (let from = 0; from < drafts.length; from += store.claims.insertMax) {
    const part = drafts.slice(from, from + store.claims.insertMax);
    assert.equal(
      await store.claims.insert(part),
      part.map((draft) => inserted(draft)),
    );
  }
}

export function newestFirst(left: ClaimDraft, right: ClaimDraft): number {
  if (left.grantedAt !== right.grantedAt) return right.grantedAt - left.grantedAt;
  return left.claimKey < right.claimKey ? 1 : -1;
}

export function eventOf(fields: Partial<EventRecord> = {}): EventRecord {
  return {
    eventKey: 'summer',
    title: 'Łato ☀️',
    startsAt: NOON,
    endsAt: null,
    timeZone: 'Asia/Seoul',
    resetHour: 4,
    period: 'daily',
    rewards: [{ kind: 'currency', id: 'gold', amount: Number.MAX_SAFE_INTEGER }],
    stock: null,
    eligibility: { kind: 'everyone' },
    graceMs: 0,
    mode: 'direct',
    state: 'LIVE',
    configVersion: 1,
    revision: 1,
    heldUntil: null,
    ...fields,
  };
}
