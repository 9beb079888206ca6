/**
 * What operators do to events: create, change, pause, resume. A change holds on this node at once and everywhere within
 * a second, because no node decides by a configuration older than `CONFIG_AGE_MS_MAX`.
 *
 * Some changes must not race with a claim that is being decided elsewhere by the old configuration. They are made sure
 * of: written, left to settle until every decision by the old configuration is durable or over, and taken back when
 * what is durable then contradicts them.
 */
import { type EventInput, type EventPatch, eventInputShape, eventPatchShape } from '../../protocol/event.ts';
import type { Problem } from '../../protocol/reply.ts';
import type { Runtime } from '../../protocol/runtime.ts';
import { faultsOf } from '../../protocol/shape.ts';
import type { Clock } from '../lib/clock.ts';
import type { EventRecord, Store } from '../store/store.ts';
import type { EventConfigs } from './configs.ts';
import { fixedFieldsIn, patched, recordOf } from './record.ts';

/** Longer than a configuration may be old, with time for the commit that was sent at its last moment. */
const SETTLE_MS = 1_000;
const HOLD_MS = 10_000;
/** Writers that meet in the same instant; more is a fault elsewhere. */
const WRITES_MAX = 20;

export type EventAnswer = EventRecord | Problem;
/** The next record from the newest one, or why there is none. */
type Change = (event: EventRecord) => EventAnswer | Promise<EventAnswer>;
type Objection = () => Promise<Problem | null>;

export type EventsOptions = { store: Store; configs: EventConfigs; clock: Clock; runtime: Runtime };

export class Events {
  readonly #options: EventsOptions;

  constructor(options: EventsOptions) {
    this.#options = options;
  }

  async get(eventKey: string): Promise<EventRecord | null> {
    const [record] = await this.#options.store.events.get([eventKey]);
    return record ?? null;
  }

  /** `input` is any value; everything that is wrong with it is named at once. */
  async create(input: unknown): Promise<EventAnswer> {
    const shapeFaults = faultsOf(eventInputShape, input);
    if (shapeFaults.length > 0) return { code: 'BAD_REQUEST', faults: shapeFaults };
    const { event, faults } = recordOf(input as EventInput, this.#options.clock.nowMs());
    if (faults.length > 0) return { code: 'BAD_REQUEST', faults };
    const sentAt = this.#options.runtime.monotonicMs();
    if (!(await this.#options.store.events.create(event))) return { code: 'EVENT_EXISTS' };
    this.#options.configs.put(event, sentAt);
    return event;
  }

  pause(eventKey: string): Promise<EventAnswer> {
    return this.#setState(eventKey, 'PAUSED');
  }

  resume(eventKey: string): Promise<EventAnswer> {
    return this.#setState(eventKey, 'LIVE');
  }

  /**
   * `input` is any value: fixed fields are refused before their values are looked at. With `configVersion` the event must
   * still have that version.
   */
  async change(eventKey: string, input: unknown, configVersion: number | null): Promise<EventAnswer> {
    const event = await this.get(eventKey);
    if (event === null) return { code: 'EVENT_NOT_FOUND' };
    const patch = typeof input === 'object' && input !== null ? (input as Record<string, unknown>) : {};
    if (patch !== input) return { code: 'BAD_REQUEST', faults: faultsOf(eventPatchShape, input) };
    const next: Change = (current) => this.#patched(current, patch, configVersion);
    const answer = await next(event);
    if (isProblem(answer)) return answer;
    if (fixedFieldsIn(patch, event).length > 0) return this.#changeHeld(eventKey, next, configVersion);
    const isLowered = event.stock !== null && answer.stock !== null && answer.stock < event.stock;
    return isLowered ? this.#lowerStock(event, answer.stock, next) : this.#write(eventKey, next);
  }

  async #patched(
    event: EventRecord,
    patch: Record<string, unknown>,
    configVersion: number | null,
  ): Promise<EventAnswer> {
    if (configVersion !== null && configVersion !== event.configVersion) return { code: 'VERSION_MISMATCH' };
    const fixed = fixedFieldsIn(patch, event);
    if (fixed.length > 0 && (await this.#options.store.claims.hasAny(event.eventKey))) {
      return { code: 'EVENT_FIELD_FIXED', detail: `fixed since the first claim: ${fixed.join(', ')}` };
    }
    const shapeFaults = faultsOf(eventPatchShape, patch);
    if (shapeFaults.length > 0) return { code: 'BAD_REQUEST', faults: shapeFaults };
    const { event: next, faults } = patched(event, patch as EventPatch);
    return faults.length > 0 ? { code: 'BAD_REQUEST', faults } : next;
  }

  #setState(eventKey: string, state: 'PAUSED' | 'LIVE'): Promise<EventAnswer> {
    return this.#write(eventKey, (event) =>
      event.state === state ? event : { ...event, state, configVersion: event.configVersion + 1 },
    );
  }

  /** No claim may be made between finding that there is none and writing the field that would cut it otherwise. */
  async #changeHeld(eventKey: string, next: Change, configVersion: number | null): Promise<EventAnswer> {
    const heldUntil = this.#options.clock.nowMs() + HOLD_MS;
    const held = await this.#write(eventKey, (event) =>
      configVersion !== null && configVersion !== event.configVersion
        ? { code: 'VERSION_MISMATCH' }
        : { ...event, heldUntil },
    );
    if (isProblem(held)) return held;
    await this.#settle();
    const answer = await this.#write(eventKey, async (event) => {
      // A hold that ran out held nothing back.
      if (event.heldUntil !== heldUntil || this.#options.clock.nowMs() >= heldUntil)
        return { code: 'VERSION_MISMATCH' };
      const changed = await next(event);
      return isProblem(changed) ? changed : { ...changed, heldUntil: null };
    });
    if (isProblem(answer)) await this.#write(eventKey, (event) => ({ ...event, heldUntil: null }));
    return answer;
  }

  async #lowerStock(event: EventRecord, stock: number | null, next: Change): Promise<EventAnswer> {
    const { eventKey } = event;
    const objection: Objection = async () => {
      const granted = await this.#options.store.claims.highestSlot(eventKey);
      return granted > (stock ?? 0) ? { code: 'STOCK_BELOW_GRANTED', detail: `${granted} units are granted` } : null;
    };
    const atOnce = await objection();
    if (atOnce !== null) return atOnce;
    const lowered = await this.#write(eventKey, next);
    if (isProblem(lowered)) return lowered;
    await this.#settle();
    const problem = await objection();
    if (problem === null) return lowered;
    await this.#write(eventKey, (current) => ({
      ...current,
      stock: event.stock,
      configVersion: current.configVersion + 1,
    }));
    return problem;
  }

  #settle(): Promise<void> {
    return new Promise((resolve) => this.#options.runtime.after(SETTLE_MS, resolve));
  }

  /** Applies a change to the newest record, again whenever somebody else has written in between. */
  async #write(eventKey: string, change: Change): Promise<EventAnswer> {
    for (let writes = 0; writes < WRITES_MAX; writes++) {
      const event = await this.get(eventKey);
      if (event === null) return { code: 'EVENT_NOT_FOUND' };
      const changed = await change(event);
      if (isProblem(changed) || changed === event) return changed;
      const next = { ...changed, revision: event.revision + 1 };
      const sentAt = this.#options.runtime.monotonicMs();
      if (await this.#options.store.events.replace(next)) {
        this.#options.configs.put(next, sentAt);
        return next;
      }
    }
    return { code: 'BUSY', retryAfterMs: SETTLE_MS };
  }
}

export function isProblem(answer: EventAnswer): answer is Problem {
  return 'code' in answer;
}
