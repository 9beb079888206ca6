/**
 * What operators do to events: create, change, pause, resume, switch their mode. A change holds on this node at once and
 * everywhere within a second, because no node decides by a configuration older than `CONFIG_AGE_MS_MAX`.
 *
 * Some changes must not race with a claim that is being decided elsewhere by the old configuration. They are made sure
 * of: written, left to settle until every decision by the old configuration is durable or over, and taken back when
 * what is durable then contradicts them.
 */
import {
  type EventInput,
  type EventPatch,
  eventInputShape,
  eventPatchShape,
  MAIN_STORE,
} from '../../protocol/event.ts';
import type { Mode, ModeEntry } from '../../protocol/mode.ts';
import type { Problem } from '../../protocol/reply.ts';
import type { Runtime } from '../../protocol/runtime.ts';
import { type Fault, faultsOf } from '../../protocol/shape.ts';
import type { Clock } from '../lib/clock.ts';
import { archivableUntil } from '../rules/archived.ts';
import type { EventRecord, Store } from '../store/store.ts';
import type { EventConfigs } from './configs.ts';
import type { JournalDoor } from './journal-door.ts';
import { isInMain, journalMissing, journalOfMain, ModeSwitch, type SetBy } from './mode-switch.ts';
import { fixedFieldsIn, lastingFieldsIn, patched, recordOf } from './record.ts';
import { type Change, type EventAnswer, EventWrites, isProblem } from './writes.ts';

export { type EventAnswer, isProblem } from './writes.ts';

const HOLD_MS = 10_000;

type Objection = () => Promise<Problem | null>;
type ModeFields = { mode?: Mode | undefined; modeSchedule?: readonly ModeEntry[] | undefined };

export type EventsOptions = {
  store: Pick<Store, 'claims' | 'events' | 'names'>;
  configs: EventConfigs;
  clock: Clock;
  runtime: Runtime;
  /** Of new events that say nothing else. Default `direct`. */
  modeDefault?: Mode;
  /** Absent where the store has no journal: every event is of mode `direct` then. */
  journal?: JournalDoor;
};

export class Events {
  readonly #options: EventsOptions;
  readonly #writes: EventWrites;
  readonly #switch: ModeSwitch;

  constructor(options: EventsOptions) {
    const { store, configs, clock, runtime, journal } = options;
    this.#options = options;
    this.#writes = new EventWrites({ ...store, configs, clock, runtime });
    this.#switch = new ModeSwitch({ writes: this.#writes, journal, clock, runtime });
  }

  get(eventKey: string): Promise<EventRecord | null> {
    return this.#writes.get(eventKey);
  }

  /** `input` is any value; everything that is wrong with it is named at once. */
  async create(input: unknown): Promise<EventAnswer> {
    const shapeFaults = faultsOf(eventInputShape, input);
    if (shapeFaults.length > 0) return { code: 'BAD_REQUEST', faults: shapeFaults };
    const { clock, modeDefault = 'direct' } = this.#options;
    const { event, faults } = recordOf(input as EventInput, clock.nowMs(), modeDefault);
    faults.push(...this.#storeFaults(event), ...this.#journalFaults(input as EventInput, event));
    return faults.length > 0 ? { code: 'BAD_REQUEST', faults } : this.#writes.create(event);
  }

  pause(eventKey: string): Promise<EventAnswer> {
    return this.#setState(eventKey, 'PAUSED');
  }

  resume(eventKey: string): Promise<EventAnswer> {
    return this.#setState(eventKey, 'LIVE');
  }

  /**
   * Marks every period that ended by `before` and may be archived, see `archivableUntil`: nothing is granted in it ever again,
   * everywhere once `settled` resolves. The event as it is when there is none.
   */
  archive(eventKey: string, before: number): Promise<EventAnswer> {
    return this.#writes.write(eventKey, (event) => {
      const until = archivableUntil(event, { before, now: this.#options.clock.nowMs() });
      const isNew = until !== null && until > (event.archivedUntil ?? Number.NEGATIVE_INFINITY);
      return isNew ? { ...event, archivedUntil: until } : event;
    });
  }

  /** Until every decision by what events were before the call is durable or over, everywhere. */
  async settled(): Promise<void> {
    const { names = [MAIN_STORE] } = this.#options.store;
    await Promise.all(names.map((store) => this.#writes.settle({ store })));
  }

  /**
   * How the event commits from now on, by the journal's writer only: MOVED says which node that is. BUSY when it could not
   * be done now; the event then goes on as it was. Asking for the mode it has changes nothing.
   */
  setMode(eventKey: string, mode: Mode, by: SetBy = 'hand'): Promise<EventAnswer> {
    return this.#switch.set(eventKey, mode, by);
  }

  /** Whether this node is switching the event's mode right now. */
  isSwitching(eventKey: string): boolean {
    return this.#switch.isSwitching(eventKey);
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
    const isHeldFor = fixedFieldsIn(patch, event).length > 0;
    const isLowered = event.stock !== null && answer.stock !== null && answer.stock < event.stock;
    if (!isHeldFor && !isLowered) return this.#writes.write(eventKey, next);
    // Only the journal's writer knows of claims that are not in the store yet.
    const away = event.mode === 'journal' ? (this.#options.journal?.away() ?? null) : null;
    if (away !== null) return away;
    return isHeldFor ? this.#changeHeld(event, next, configVersion) : this.#lowerStock(event, answer.stock, next);
  }

  async #patched(
    event: EventRecord,
    patch: Record<string, unknown>,
    configVersion: number | null,
  ): Promise<EventAnswer> {
    if (configVersion !== null && configVersion !== event.configVersion) return { code: 'VERSION_MISMATCH' };
    const lasting = lastingFieldsIn(patch, event);
    if (lasting.length > 0) {
      return { code: 'EVENT_FIELD_FIXED', detail: `fixed since the event was made: ${lasting.join(', ')}` };
    }
    const fixed = fixedFieldsIn(patch, event);
    if (fixed.length > 0 && (event.archivedUntil !== undefined || (await this.#hasClaims(event)))) {
      return { code: 'EVENT_FIELD_FIXED', detail: `fixed since the first claim: ${fixed.join(', ')}` };
    }
    const shapeFaults = faultsOf(eventPatchShape, patch);
    if (shapeFaults.length > 0) return { code: 'BAD_REQUEST', faults: shapeFaults };
    const { event: next, faults } = patched(event, patch as EventPatch);
    const { modeSchedule } = patch as EventPatch;
    faults.push(...this.#journalFaults({ modeSchedule }, next));
    return faults.length > 0 ? { code: 'BAD_REQUEST', faults } : next;
  }

  #hasClaims({ eventKey }: EventRecord): Promise<boolean> {
    return this.#options.store.claims.hasAny(eventKey);
  }

  #setState(eventKey: string, state: 'PAUSED' | 'LIVE'): Promise<EventAnswer> {
    return this.#writes.write(eventKey, (event) =>
      event.state === state ? event : { ...event, state, configVersion: event.configVersion + 1 },
    );
  }

  /** No claim may be made between finding that there is none and writing the field that would cut it otherwise. */
  async #changeHeld(before: EventRecord, next: Change, configVersion: number | null): Promise<EventAnswer> {
    const writes = this.#writes;
    const { eventKey } = before;
    const hold = await writes.hold(eventKey, HOLD_MS, {
      change: (event) =>
        configVersion !== null && configVersion !== event.configVersion ? { code: 'VERSION_MISMATCH' } : event,
    });
    if (isProblem(hold)) return hold;
    let answer: EventAnswer = { code: 'VERSION_MISMATCH' };
    try {
      await writes.settle(before);
      answer = await writes.write(eventKey, async (event) => {
        if (!writes.isHolding(event, hold)) return { code: 'VERSION_MISMATCH' };
        const changed = await next(event);
        return isProblem(changed) ? changed : { ...changed, heldUntil: null };
      });
    } finally {
      if (isProblem(answer)) await writes.release(eventKey, hold);
    }
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
    const lowered = await this.#writes.write(eventKey, next);
    if (isProblem(lowered)) return lowered;
    const takeBack = () =>
      this.#writes.write(eventKey, (current) => ({
        ...current,
        stock: event.stock,
        configVersion: current.configVersion + 1,
      }));
    let problem: Problem | null;
    try {
      await this.#writes.settle(event);
      problem = await objection();
    } catch (error) {
      // Nobody knows whether more was granted than there is now.
      await takeBack().catch(() => {});
      throw error;
    }
    if (problem !== null) await takeBack();
    return problem ?? lowered;
  }

  #storeFaults({ store = MAIN_STORE }: EventRecord): Fault[] {
    const { names = [MAIN_STORE] } = this.#options.store;
    return names.includes(store) ? [] : [{ field: 'store', rule: `a store of this server: ${names.join(', ')}` }];
  }

  /** Modes that no event of its store can have. */
  #journalFaults({ mode, modeSchedule = [] }: ModeFields, event: EventRecord): Fault[] {
    if (this.#options.journal !== undefined && isInMain(event)) return [];
    const entries = modeSchedule.map((entry, i) => ({ field: `modeSchedule[${i}].mode`, mode: entry.mode }));
    const asked = [...(mode === undefined ? [] : [{ field: 'mode', mode }]), ...entries];
    return asked
      .filter((one) => one.mode === 'journal')
      .map(({ field }) => (isInMain(event) ? journalMissing(field) : journalOfMain(field)));
  }
}
