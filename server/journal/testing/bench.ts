/**
 * Journaling over a journal and a store that a test answers by hand, to show orders of events that no real disk can be
 * made to produce at will. What real ones do is shown by the contract suites and the whole-server tests.
 */
import { virtualTime } from '../../../protocol/testing/virtual-time.ts';
import { EventConfigs } from '../../events/configs.ts';
import type { ClaimOutcome } from '../../rules/decide.ts';
import { claimOfPeriod } from '../../shard/known.ts';
import { Shards } from '../../shard/shards.ts';
import { eventRecord } from '../../shard/testing/bench.ts';
import { nextSegment, placeAfter } from '../../store/block/layout.ts';
import { claimsOf, readBlock } from '../../store/block/reader.ts';
import type { Appended, Conflict, HintStore, Journal } from '../../store/journal.ts';
import type { ClaimDraft, ClaimRecord, EventRecord, InsertOutcome, Store } from '../../store/store.ts';
import { Ask } from '../ask.ts';
import { Journaling } from '../journaling.ts';
import { ProposalReceiver } from '../proposal.ts';

export type AppendedBlock = {
  claims: ClaimRecord[];
  isSettled: () => boolean;
  /** It never arrives. */
  lose: () => void;
  settle: (appended?: Appended) => Promise<void>;
};

/** One insert of direct claims. */
export type InsertAsked = {
  drafts: readonly ClaimDraft[];
  /** All of them are stored that nothing stands in the way of, or it is not known. */
  answer: (kind: 'inserted' | 'unknown') => Promise<void>;
};

export type JournalBenchOptions = {
  isDurableAtOnce?: boolean;
  stored?: ClaimRecord[];
  memoryBytesMax?: number;
  /** Those of the next start. */
  hints?: () => HintStore;
};

export function journalBench(options: JournalBenchOptions = {}) {
  const time = virtualTime();
  const events = new Map<string, EventRecord>([['summer', eventRecord({ mode: 'journal' })]]);
  const stored: ClaimRecord[] = options.stored ?? [];
  /** Durable blocks of all boots. */
  const log: { offset: number; bytes: Buffer }[] = [];
  const appended: AppendedBlock[] = [];
  const inserts: InsertAsked[] = [];
  const state = {
    isFull: false,
    detail: null as string | null,
    released: 0,
    elsewhere: null as string | null,
    mark: 0,
    isStoreFailing: false,
    /** The one question fails that fills a window. */
    hidesUsers: false,
    /** What reads of the store wait for; they answer what was true when they were asked. */
    held: null as Promise<void> | null,
    projects: true,
    /** What each step of the projection tells. */
    conflicts: [] as Conflict[],
    isMiscounting: false,
    aheadMs: 0,
    /** What memory says of every user of every list. */
    isListed: undefined as boolean | undefined,
  };
  /** Users on every list, as the store has them. */
  const listed = new Set<string>();
  let boots = 0;
  let started = 0;
  const nowMs = () => time.wallMs() + state.aheadMs;

  function journalOf(boot: string): Journal {
    const last = log.at(-1);
    const number = boots;
    const startsAt = placeAfter(last === undefined ? 0 : nextSegment(last.offset));
    return {
      origin: `node.${boot}`,
      startsAt,
      oldest: 0,
      inFlightMax: 2,
      append(block, settled) {
        // Of a process that is gone.
        if (number !== boots) return;
        const bytes = Buffer.from(block);
        const read = readBlock(bytes, 0);
        if (typeof read === 'string') throw new Error(read);
        let isSettled = false;
        const settle = (outcome: Appended = 'DURABLE') => {
          if (isSettled) return time.settle();
          isSettled = true;
          if (outcome === 'DURABLE') log.push({ offset: read.offset, bytes });
          settled(outcome);
          return time.settle();
        };
        const lose = () => {
          isSettled = true;
        };
        const claims = [...claimsOf(read)].map(({ record }) => record);
        appended.push({ claims, settle, isSettled: () => isSettled, lose });
        if (options.isDurableAtOnce) void settle();
      },
      async *blocks(from) {
        for (const { offset, bytes } of log) if (offset >= from) yield bytes;
      },
      async read(offset, length) {
        const block = log.find((one) => one.offset <= offset && offset < one.offset + one.bytes.length);
        return block === undefined ? null : block.bytes.subarray(offset - block.offset).subarray(0, length);
      },
      release(offset) {
        state.released = offset;
      },
      state: () => ({ isFull: state.isFull, isWell: true, detail: state.detail, bytes: 0 }),
      close: async () => {},
    };
  }

  function failing<T>(value: T): Promise<T> {
    if (state.held !== null) return state.held.then(() => value);
    return state.isStoreFailing ? Promise.reject(new Error('down')) : Promise.resolve(value);
  }

  function guarded(claim: ClaimRecord): InsertOutcome {
    const taken = stored.find(({ claimKey }) => claimKey === claim.claimKey);
    if (taken !== undefined) return { kind: taken.attempt === claim.attempt ? 'inserted' : 'taken', claim: taken };
    const used = stored.find(({ userId, requestId }) => userId === claim.userId && requestId === claim.requestId);
    if (used !== undefined) return { kind: 'requestTaken', claim: used };
    stored.push(claim);
    return { kind: 'inserted', claim };
  }

  function insert(drafts: readonly ClaimDraft[]): Promise<InsertOutcome[]> {
    return new Promise((resolve) => {
      const answer: InsertAsked['answer'] = (kind) => {
        resolve(drafts.map((draft) => (kind === 'inserted' ? guarded({ ...draft, slot: null }) : { kind })));
        return time.settle();
      };
      inserts.push({ drafts, answer });
    });
  }

  const store = {
    claims: {
      insertMax: 500,
      isSpread: false,
      insert,
      byKey: (keys: readonly string[]) =>
        failing(keys.map((key) => stored.find(({ claimKey }) => claimKey === key) ?? null)),
      byRequest: (requests: readonly { userId: string; requestId: string }[]) =>
        failing(
          requests.map(
            (one) =>
              stored.find(({ userId, requestId }) => userId === one.userId && requestId === one.requestId) ?? null,
          ),
        ),
      ofUser: (userId: string) => failing(stored.filter((claim) => claim.userId === userId)),
      hasAny: (eventKey: string) => failing(stored.some((claim) => claim.eventKey === eventKey)),
      highestSlot: (eventKey: string) =>
        failing(Math.max(0, ...stored.filter((claim) => claim.eventKey === eventKey).map(({ slot }) => slot ?? 0))),
      usersOf: async (eventKey: string, period: string, { after = '' }: { after?: string }) => {
        if (state.hidesUsers) throw new Error('down');
        return failing(
          stored
            .filter((claim) => claimOfPeriod([claim], eventKey, period) && claim.userId > after)
            .map(({ userId }) => userId)
            .sort(),
        );
      },
      requests: () => failing({ items: stored, next: null }),
    },
    qualifications: {
      has: (pairs: readonly { userId: string }[]) => failing(pairs.map(({ userId }) => listed.has(userId))),
    },
    events: { get: (keys: readonly string[]) => Promise.resolve(keys.map((key) => events.get(key) ?? null)) },
    journal: {
      open: async (boot: string) => {
        boots++;
        return state.elsewhere === null ? journalOf(boot) : { elsewhere: state.elsewhere };
      },
    },
    projector: async (number = boots) => ({
      mark: async () => state.mark,
      tidy: async () => false,
      async advance(until: number) {
        if (!state.projects || number !== boots) return Promise.reject(new Error('it stands still'));
        const { conflicts } = state;
        let claims = 0;
        for (const { offset, bytes } of log) {
          if (offset < state.mark || offset >= until) continue;
          const block = readBlock(bytes, 0);
          if (typeof block === 'string') throw new Error(block);
          for (const { record } of claimsOf(block)) {
            claims++;
            stored.push(record);
          }
        }
        state.mark = until;
        return { mark: until, claims: state.isMiscounting ? 0 : claims, conflicts };
      },
      close: async () => {},
    }),
  } as unknown as Store;

  const configs = new EventConfigs(store.events, time);
  const outcomes = new Map<string, ClaimOutcome>();
  const bytes = new Ask();

  function server() {
    const hints = options.hints && { hints: options.hints() };
    const journaling = new Journaling({
      ...{ store: { ...store, ...hints }, configs, runtime: time, nowMs },
      eligibility: { has: () => state.isListed },
      seed: { high: 1, low: 2 },
      memoryBytesMax: options.memoryBytesMax ?? Number.POSITIVE_INFINITY,
      log: { debug() {}, info() {}, warn() {}, error() {} },
      projectionIntervalMs: 1_000,
      load: () => 0,
      onCommit: () => {},
    });
    const shards = new Shards({
      store: { ...store, claims: journaling.claims },
      eligibility: { isQualified: () => state.isListed },
      ...{ journaling, configs, runtime: time, shardCount: 4, queueLengthMax: 1_000, totalLengthMax: 10_000 },
      clock: { nowMs, skewMs: () => 0, stop() {} },
      ...{
        attemptPrefix: `n.b${++started}`,
        knownUsersMax: 1_000,
        isLocking: true,
        onOutcome: () => {},
        onCommit: () => {},
      },
    });
    return { journaling, shards };
  }

  let { journaling, shards } = server();

  async function start(): Promise<void> {
    configs.start();
    shards.start();
    await journaling.start();
  }

  type Asked = { userId: string; requestId: string; eventKey?: string; deadlineMs?: number; isFresh?: boolean };

  /** As the route does: memory first, else the general way. */
  async function ask(
    { userId, requestId, eventKey = 'summer', deadlineMs = 5_000, isFresh = false }: Asked,
    settle: (outcome: ClaimOutcome) => void,
  ): Promise<'FAST' | 'GENERAL'> {
    const deadlineAt = time.monotonicMs() + deadlineMs;
    const config = configs.of(eventKey);
    bytes.write(userId, requestId);
    bytes.deadlineAt = deadlineAt;
    bytes.monotonicMs = time.monotonicMs();
    bytes.nowMs = nowMs();
    bytes.isRequestIdFresh = isFresh;
    const receiver = new ProposalReceiver({
      claim: { userId, requestId, isRequestIdFresh: isFresh },
      granted: (claim) => settle({ code: 'GRANTED', claim, nextClaimAt: null }),
      taken: (claim) => {
        const code = claim.requestId === requestId ? 'REPLAYED' : 'ALREADY_CLAIMED';
        settle({ code, claim, nextClaimAt: null });
      },
      refused: settle,
    });
    const isFast = config !== undefined && journaling.claim(bytes, config, receiver, 0);
    if (!isFast) shards.submit({ eventKey, userId, requestId, isRequestIdFresh: isFresh, deadlineAt, settle });
    await time.settle();
    return isFast ? 'FAST' : 'GENERAL';
  }

  /** The outcome appears under the request id. */
  function claim(userId: string, requestId: string, asked: Partial<Asked> = {}): Promise<'FAST' | 'GENERAL'> {
    return ask({ userId, requestId, ...asked }, (outcome) => {
      if (outcomes.has(requestId)) throw new Error(`${requestId} is answered twice`);
      outcomes.set(requestId, outcome);
    });
  }

  return {
    ...{ time, events, stored, listed, log, appended, inserts, state, configs, outcomes, start, ask, claim },
    get journaling() {
      return journaling;
    },
    get boots() {
      return boots;
    },
    codeOf: (requestId: string) => outcomes.get(requestId)?.code,
    claimOf(requestId: string) {
      const outcome = outcomes.get(requestId);
      if (outcome === undefined || !('claim' in outcome)) throw new Error(`${requestId}: ${outcome?.code}`);
      return outcome.claim;
    },
    /** The process is gone and another one starts over what is durable. */
    async restart(): Promise<void> {
      shards.close();
      outcomes.clear();
      ({ journaling, shards } = server());
      shards.start();
      await journaling.start();
    },
  };
}
