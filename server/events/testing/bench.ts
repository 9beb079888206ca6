/**
 * Events over a store that is a map and a journal that a test answers by hand, on virtual time, to show orders that no real
 * store can be made to produce at will. What real stores keep is shown by the contract and by `modes.test.ts`.
 */
import type { Mode } from '../../../protocol/mode.ts';
import type { Problem } from '../../../protocol/reply.ts';
import { virtualTime } from '../../../protocol/testing/virtual-time.ts';
import { type Clock, createClock } from '../../lib/clock.ts';
import { decide } from '../../rules/decide.ts';
import { type EventRecord, type EventStore, type Store, StoreUnavailable } from '../../store/store.ts';
import { EventConfigs } from '../configs.ts';
import { Events } from '../events.ts';
import type { JournalDoor } from '../journal-door.ts';

type Door = JournalDoor & {
  problem: Problem | null;
  /** How often everything was to be projected, and what that waits for. */
  asked: number;
  held: Promise<void> | null;
};

export async function eventsBench(options: { journal?: 'none' | 'here'; modeDefault?: Mode } = {}) {
  const time = virtualTime();
  const records = new Map<string, EventRecord>();
  /** `failures`: how many of the next requests to the store fail; `frozenMs`: how long this node was frozen without a timer running. */
  const state = { failures: 0, writes: 0, frozenMs: 0, settles: 0, settle: async () => {} };

  const reach = () => {
    if (state.failures-- > 0) throw new StoreUnavailable('down');
    state.failures = 0;
  };
  const store: EventStore = {
    async get(keys) {
      reach();
      return keys.map((key) => records.get(key) ?? null);
    },
    async create(event) {
      reach();
      if (records.has(event.eventKey)) return false;
      records.set(event.eventKey, event);
      return true;
    },
    async replace(event) {
      reach();
      if (records.get(event.eventKey)?.revision !== event.revision - 1) return false;
      state.writes++;
      records.set(event.eventKey, event);
      return true;
    },
    async list({ limit, after = '' }) {
      reach();
      const keys = [...records.keys()].sort().filter((key) => key > after);
      return keys.slice(0, limit).map((key) => records.get(key) as EventRecord);
    },
  };
  const door: Door = {
    problem: null,
    asked: 0,
    held: null,
    away: () => door.problem,
    async project() {
      door.asked++;
      await door.held;
    },
  };
  const running = await createClock({ runtime: time, storeTimeMs: async () => time.wallMs() });
  const clock: Clock = { ...running, nowMs: () => running.nowMs() + state.frozenMs };
  const configs = new EventConfigs(store, time);
  const claims = {
    hasAny: async () => false,
    highestSlot: async () => 0,
    settled: async () => {
      state.settles++;
      await state.settle();
    },
  } as unknown as Store['claims'];
  const { journal = 'here', modeDefault = 'direct' } = options;
  const events = new Events({
    ...{ store: { claims, events: store }, configs, clock, runtime: time, modeDefault },
    ...(journal === 'none' ? {} : { journal: door }),
  });

  const recordOf = (eventKey = 'e') => records.get(eventKey) as EventRecord;
  /** What a claim would get now from whoever reads the record: GRANT, or a code. */
  function wouldGet(eventKey = 'e'): string {
    const span = { id: '-', startsAt: 0, endsAt: Number.POSITIVE_INFINITY };
    const known = { byKey: null, byRequest: null, isQualified: true, isSoldOut: false };
    const ask = { userId: 'u', requestId: 'r' };
    const decision = decide(ask, recordOf(eventKey), known, clock.nowMs(), span);
    return decision.kind === 'ANSWER' ? decision.outcome.code : decision.kind;
  }
  return { time, clock, configs, records, state, store, door, events, recordOf, wouldGet };
}
