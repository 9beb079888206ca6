/**
 * Shards over a store that a test answers by hand, to show orders of events that no real store can be made to produce
 * at will. What a store really does is shown by the contract suite and the whole-server tests.
 */
import { virtualTime } from '../../../protocol/testing/virtual-time.ts';
import { EventConfigs } from '../../events/configs.ts';
import { RequestsInUse } from '../../journal/requests-in-use.ts';
import type { ClaimOutcome } from '../../rules/decide.ts';
import type { ClaimDraft, ClaimRecord, EventRecord, InsertOutcome, Store } from '../../store/store.ts';
import { Shards, type ShardsOptions } from '../shards.ts';

export type Sent = {
  drafts: readonly ClaimDraft[];
  stock: number | null;
  /** What a store asks right before it writes. */
  mayWrite: () => boolean;
  answer(outcomes: InsertOutcome[]): Promise<void>;
};

export function eventRecord(fields: Partial<EventRecord> = {}): EventRecord {
  return {
    eventKey: 'summer',
    title: 'summer',
    startsAt: 0,
    endsAt: null,
    timeZone: 'UTC',
    resetHour: 0,
    period: 'once',
    rewards: [],
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

export function recordOf(draft: ClaimDraft, slot: number | null = null): ClaimRecord {
  return { ...draft, slot };
}

export function inserted(draft: ClaimDraft, slot: number | null = null): InsertOutcome {
  return { kind: 'inserted', claim: recordOf(draft, slot) };
}

export function shardBench(options: Partial<ShardsOptions> = {}) {
  const time = virtualTime();
  const events = new Map<string, EventRecord | null>([['summer', eventRecord()]]);
  const sent: Sent[] = [];
  const asked: { byKey: string[]; byRequest: string[] } = { byKey: [], byRequest: [] };
  const stored: ClaimRecord[] = [];
  /** Users on every list, as the store has them. */
  const listed = new Set<string>();
  const state = { isEventReadFailing: false, isLookupFailing: false };

  function send(drafts: readonly ClaimDraft[], sale: Pick<Sent, 'stock' | 'mayWrite'>): Promise<InsertOutcome[]> {
    return new Promise((resolve) => {
      sent.push({
        drafts,
        ...sale,
        answer(outcomes) {
          resolve(outcomes);
          return time.settle();
        },
      });
    });
  }
  const store = {
    claims: {
      insertMax: 500,
      isSpread: false,
      insert: (drafts: readonly ClaimDraft[], mayWrite: () => boolean) => send(drafts, { stock: null, mayWrite }),
      insertStock: (drafts: readonly ClaimDraft[], stock: number, mayWrite: () => boolean) =>
        send(drafts, { stock, mayWrite }),
      async byKey(keys: readonly string[]) {
        if (state.isLookupFailing) throw new Error('down');
        asked.byKey.push(...keys);
        return keys.map((key) => stored.find(({ claimKey }) => claimKey === key) ?? null);
      },
      async byRequest(requests: readonly { userId: string; requestId: string }[]) {
        asked.byRequest.push(...requests.map(({ userId, requestId }) => `${userId}/${requestId}`));
        return requests.map(
          (one) => stored.find(({ userId, requestId }) => userId === one.userId && requestId === one.requestId) ?? null,
        );
      },
    },
    qualifications: {
      async has(pairs: readonly { userId: string }[]) {
        if (state.isLookupFailing) throw new Error('down');
        return pairs.map(({ userId }) => listed.has(userId));
      },
    },
    events: {
      async get(keys: readonly string[]) {
        if (state.isEventReadFailing) throw new Error('down');
        return keys.map((key) => events.get(key) ?? null);
      },
    },
  } as unknown as Store;

  const configs = new EventConfigs(store.events, time);
  const shards = new Shards({
    store,
    journaling: {
      ...{ away: () => null, head: 0, propose: () => 'LOOKUP' },
      requestsInUse: new RequestsInUse({ high: 1, low: 2 }),
    },
    eligibility: { isQualified: () => undefined },
    configs,
    clock: { nowMs: () => time.wallMs(), skewMs: () => 0, stop() {} },
    runtime: time,
    attemptPrefix: 'n.b',
    shardCount: 4,
    queueLengthMax: 1000,
    totalLengthMax: 10_000,
    knownUsersMax: 1000,
    isLocking: true,
    onOutcome: () => {},
    onCommit: () => {},
    ...options,
  });
  configs.start();
  shards.start();

  const outcomes = new Map<string, ClaimOutcome>();
  /** Claims and lets everything happen that needs no time. The outcome appears under the request id. */
  async function claim(
    userId: string,
    requestId: string,
    { eventKey = 'summer', deadlineMs = 5_000 } = {},
  ): Promise<void> {
    shards.submit({
      eventKey,
      userId,
      requestId,
      isRequestIdFresh: false,
      deadlineAt: time.monotonicMs() + deadlineMs,
      settle(outcome) {
        if (outcomes.has(requestId)) throw new Error(`${requestId} was answered twice`);
        outcomes.set(requestId, outcome);
      },
    });
    await time.settle();
  }
  const codeOf = (requestId: string) => outcomes.get(requestId)?.code;
  const draftOf = (commit: number) => sent[commit]?.drafts[0] as ClaimDraft;
  return { draftOf, time, events, sent, asked, stored, listed, state, configs, shards, claim, outcomes, codeOf };
}
