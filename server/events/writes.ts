/**
 * Writing events: the newest record, changed and put back, again whenever somebody else was first. And holds: a stretch in
 * which no node grants a claim of the event, for changes that must not race with one.
 *
 * A hold is in the record, so that it is in force wherever the record is read, and it runs out by itself, so that a node
 * that dies holds nothing back for ever. One hold at a time: its `until` tells it from any other.
 */
import type { Problem } from '../../protocol/reply.ts';
import type { Runtime } from '../../protocol/runtime.ts';
import type { Clock } from '../lib/clock.ts';
import type { ClaimStore, EventRecord, EventStore } from '../store/store.ts';
import type { EventConfigs } from './configs.ts';

/** Longer than a configuration may be old, with time for the commit that was sent at its last moment. */
export const SETTLE_MS = 1_000;
/** Writers that meet in the same instant; more is a fault elsewhere. */
const WRITES_MAX = 20;

export type EventAnswer = EventRecord | Problem;
/** The next record from the newest one, the same one when there is nothing to write, or why there is none. */
export type Change = (event: EventRecord) => EventAnswer | Promise<EventAnswer>;
export type Hold = { readonly until: number };

export const LATER: Problem = { code: 'BUSY', retryAfterMs: SETTLE_MS };

type Parts = {
  events: EventStore;
  claims: Pick<ClaimStore, 'settled'>;
  configs: EventConfigs;
  clock: Clock;
  runtime: Runtime;
};

export class EventWrites {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  async get(eventKey: string): Promise<EventRecord | null> {
    const [record] = await this.#parts.events.get([eventKey]);
    return record ?? null;
  }

  async create(event: EventRecord): Promise<EventAnswer> {
    const sentAt = this.#parts.runtime.monotonicMs();
    if (!(await this.#parts.events.create(event))) return { code: 'EVENT_EXISTS' };
    this.#parts.configs.put(event, sentAt);
    return event;
  }

  async write(eventKey: string, change: Change): Promise<EventAnswer> {
    for (let writes = 0; writes < WRITES_MAX; writes++) {
      const event = await this.get(eventKey);
      if (event === null) return { code: 'EVENT_NOT_FOUND' };
      const changed = await change(event);
      if (isProblem(changed) || changed === event) return changed;
      const next = { ...changed, revision: event.revision + 1 };
      const sentAt = this.#parts.runtime.monotonicMs();
      if (await this.#parts.events.replace(next)) {
        this.#parts.configs.put(next, sentAt);
        return next;
      }
    }
    return LATER;
  }

  /**
   * Holds the event's claims back for at most `ms`; `change` is written along. BUSY when somebody else does so already,
   * unless the hold is one that `mayTake` says was left behind.
   */
  async hold(
    eventKey: string,
    ms: number,
    { change, mayTake = () => false }: { change: Change; mayTake?: (event: EventRecord) => boolean },
  ): Promise<Hold | Problem> {
    const { clock } = this.#parts;
    let until = 0;
    const held = await this.write(eventKey, async (event) => {
      if (isHeld(event, clock.nowMs()) && !mayTake(event)) return LATER;
      const changed = await change(event);
      until = Math.max(clock.nowMs() + ms, (event.heldUntil ?? 0) + 1);
      return isProblem(changed) ? changed : { ...changed, heldUntil: until };
    });
    return isProblem(held) ? held : { until };
  }

  /** Whether the event is still held by this very hold. One that has run out held nothing back. */
  isHolding(event: EventRecord, { until }: Hold): boolean {
    return event.heldUntil === until && this.#parts.clock.nowMs() < until;
  }

  /** Lets go, with another change along; leaves alone what somebody else holds by now. */
  release(eventKey: string, { until }: Hold, change: Change = (event) => event): Promise<EventAnswer> {
    return this.write(eventKey, async (event) => {
      if (event.heldUntil !== until) return event;
      const changed = await change(event);
      return isProblem(changed) ? changed : { ...changed, heldUntil: null };
    });
  }

  /**
   * Until every decision by an older configuration is durable or over, everywhere: no server decides by it after
   * `SETTLE_MS`, and what was sent by then has reached the claims' store, or hangs on its way there. Which of the two the
   * store is asked. Rejects with StoreUnavailable when it cannot tell; then nothing may rest on it.
   */
  async settle({ store }: Pick<EventRecord, 'store'> = {}): Promise<void> {
    const { runtime, claims } = this.#parts;
    await new Promise<void>((resolve) => runtime.after(SETTLE_MS, resolve));
    await claims.settled(store);
  }
}

export function isProblem<T extends object>(answer: T | Problem): answer is Problem {
  return 'code' in answer;
}

function isHeld({ heldUntil }: EventRecord, now: number): boolean {
  return heldUntil !== null && now < heldUntil;
}
