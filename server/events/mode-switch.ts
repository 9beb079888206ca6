/**
 * Changes how an event commits, while it is being claimed: claims are held back, every decision by the old mode settles,
 * the journal's claims of it become claims of the store, and only then is the new mode written and the hold let go. So
 * neither mode ever decides while something of the other is on its way: nothing is lost and nothing granted twice.
 *
 * Only the journal's writer does this. Where it dies in the middle the record still says which switch it was, and the next
 * writer finishes it (`ModeWatch`).
 */
import { MAIN_STORE } from '../../protocol/event.ts';
import type { Mode } from '../../protocol/mode.ts';
import type { Runtime } from '../../protocol/runtime.ts';
import type { Fault } from '../../protocol/shape.ts';
import type { Clock } from '../lib/clock.ts';
import type { EventRecord } from '../store/store.ts';
import type { JournalDoor } from './journal-door.ts';
import { byHandOf, setByHand } from './mode-schedule.ts';
import { type EventAnswer, type EventWrites, type Hold, isProblem, LATER } from './writes.ts';

/** Before claims are held back, and while they are. What takes longer is told to come again. */
const CATCH_UP_MS_MAX = 20_000;
const PROJECT_MS_MAX = 1_500;
/** What came meanwhile is little when projecting all that there was took no longer. */
const SHORT_MS = 500;
/** Far more than all of the above, so that no write can come so late that the hold has run out before it. */
const HOLD_MS = 60_000;

/** A switch by the schedule leaves alone what was set by hand. */
export type SetBy = 'hand' | 'schedule';
type Parts = { writes: EventWrites; journal: JournalDoor | undefined; clock: Clock; runtime: Runtime };

export class ModeSwitch {
  readonly #parts: Parts;
  /** The switches under way here, by event. Asking for the same again joins it. */
  readonly #running = new Map<string, { mode: Mode; answer: Promise<EventAnswer> }>();

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  isSwitching(eventKey: string): boolean {
    return this.#running.has(eventKey);
  }

  /**
   * Resolves with the event in that mode once no server decides by the other any more. Rejects with StoreUnavailable; the
   * event is then in one mode or the other, and asking again settles which.
   */
  async set(eventKey: string, mode: Mode, by: SetBy): Promise<EventAnswer> {
    const { writes, journal } = this.#parts;
    const event = await writes.get(eventKey);
    if (event === null) return { code: 'EVENT_NOT_FOUND' };
    const running = this.#running.get(eventKey);
    if (running !== undefined) return running.mode === mode ? running.answer : LATER;
    if (event.mode === mode && event.modeNext === undefined) return by === 'hand' ? this.#remember(event, mode) : event;
    if (journal === undefined) return { code: 'BAD_REQUEST', faults: [journalMissing('mode')] };
    if (!isInMain(event)) return { code: 'BAD_REQUEST', faults: [journalOfMain('mode')] };
    const away = journal.away();
    if (away !== null) return away;
    const answer = this.#make(event, mode, { by, journal });
    this.#running.set(eventKey, { mode, answer });
    try {
      return await answer;
    } finally {
      this.#running.delete(eventKey);
    }
  }

  async #make(before: EventRecord, mode: Mode, how: { by: SetBy; journal: JournalDoor }): Promise<EventAnswer> {
    const { writes } = this.#parts;
    const { eventKey } = before;
    // What has piled up is projected while claims still go on, so that they are not held back for it.
    const isLeaving = before.mode === 'journal';
    if (isLeaving && !(await this.#isCaughtUp(how.journal))) return LATER;
    const hold = await writes.hold(eventKey, HOLD_MS, {
      change: (event) => ({ ...event, modeNext: { mode, by: how.by } }),
      // Nobody here is making it, and nobody else may: its maker is gone.
      mayTake: ({ modeNext }) => modeNext !== undefined,
    });
    if (isProblem(hold)) return hold;
    let answer: EventAnswer = LATER;
    try {
      await writes.settle(before);
      const isReady = isLeaving ? await this.#isProjected(how.journal, PROJECT_MS_MAX) : how.journal.away() === null;
      if (isReady) answer = await this.#flip(eventKey, mode, hold, how.by);
    } finally {
      if (isProblem(answer)) await this.#takeBack(eventKey, hold);
    }
    return answer;
  }

  #flip(eventKey: string, mode: Mode, hold: Hold, by: SetBy): Promise<EventAnswer> {
    const { writes, clock } = this.#parts;
    return writes.write(eventKey, (event) => {
      if (!writes.isHolding(event, hold)) return LATER;
      const modeByHand = by === 'hand' ? setByHand(event, mode, clock.nowMs()) : byHandOf(event);
      const { modeNext: _, ...rest } = event;
      if (event.mode === mode) return { ...rest, modeByHand, heldUntil: null };
      const changed = { configVersion: event.configVersion + 1, modeRevision: event.revision + 1 };
      return { ...rest, ...changed, mode, modeByHand, heldUntil: null };
    });
  }

  /** When even this cannot be written, the journal's writer finds it and finishes the switch. */
  async #takeBack(eventKey: string, hold: Hold): Promise<void> {
    const withoutNext = ({ modeNext: _, ...event }: EventRecord) => event;
    await this.#parts.writes.release(eventKey, hold, withoutNext).catch(() => {});
  }

  /** The mode is there already; outside its schedule the event has it from now on. */
  #remember({ eventKey }: EventRecord, mode: Mode): Promise<EventAnswer> {
    const { writes, clock } = this.#parts;
    return writes.write(eventKey, (event) => {
      if (event.mode !== mode) return LATER;
      const [known, next] = [byHandOf(event), setByHand(event, mode, clock.nowMs())];
      return known.mode === next.mode && known.during === next.during ? event : { ...event, modeByHand: next };
    });
  }

  /** Claims go on meanwhile: what came in the time of one projection is what the next one has to do. */
  async #isCaughtUp(journal: JournalDoor): Promise<boolean> {
    const { runtime } = this.#parts;
    const until = runtime.monotonicMs() + CATCH_UP_MS_MAX;
    for (;;) {
      const startedAt = runtime.monotonicMs();
      if (!(await this.#isProjected(journal, until - startedAt))) return false;
      if (runtime.monotonicMs() - startedAt <= SHORT_MS) return true;
    }
  }

  async #isProjected(journal: JournalDoor, msMax: number): Promise<boolean> {
    let cancel: () => void = () => {};
    const late = new Promise<false>((resolve) => {
      cancel = this.#parts.runtime.after(msMax, () => resolve(false));
    });
    try {
      const done = journal.project().then(() => journal.away() === null);
      return await Promise.race([done, late]);
    } finally {
      cancel();
    }
  }
}

/** The journal is the main store's, and what it holds becomes claims there. */
export function isInMain({ store = MAIN_STORE }: EventRecord): boolean {
  return store === MAIN_STORE;
}

/** What is wrong with a mode `journal` of an event of another store. */
export function journalOfMain(field: string): Fault {
  return { field, rule: `direct: only events of the store ${MAIN_STORE} have a journal` };
}

/** What is wrong with a mode `journal` where there is none. */
export function journalMissing(field: string): Fault {
  return { field, rule: 'direct: this store has no journal' };
}
