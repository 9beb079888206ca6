/**
 * Group commit: everything decided since the last durable write goes into the next one. A commit closes after the input
 * that is waiting has been read, so it grows with the load by itself; the next starts before the replies of the last
 * are written. Nothing is reported before the store has said that it is durable.
 *
 * Events with stock have a lane of their own each, with one commit in flight, so that slots follow the order of
 * arrival. All others of one store share a lane: a store that is away holds up no other.
 */
import { MAIN_STORE } from '../../protocol/event.ts';
import type { Runtime } from '../../protocol/runtime.ts';
import type { ClaimDraft, ClaimStore, InsertOutcome } from '../store/store.ts';
import type { Turn } from './turn.ts';

const IN_FLIGHT_MAX = 2;

type Lane = {
  /** By which name it is known among which lanes, as long as it is not empty. */
  readonly name: string;
  readonly among: Map<string, Lane>;
  readonly inFlightMax: number;
  pending: Turn[];
  inFlight: number;
  isScheduled: boolean;
};

export type Commit = { size: number; ms: number; duplicates: number };

export type CommitHooks = {
  /** Asked right before a draft is sent: false when it must not be (the turn has been dealt with otherwise). */
  admit(turn: Turn): boolean;
  /** Asked of a turn that was admitted, at the last moment before the store writes: whether its event would still grant. */
  stillGrants(turn: Turn): boolean;
  settled(turn: Turn, outcome: InsertOutcome): void;
  /** All of one commit has been reported. */
  committed(commit: Commit): void;
};

export type GroupCommitOptions = {
  store: ClaimStore;
  runtime: Runtime;
  hooks: CommitHooks;
  /** Whether no two turns that are added at one time can have the same claim key. */
  areKeysLocked: boolean;
};

export class GroupCommit {
  readonly #store: ClaimStore;
  readonly #runtime: Runtime;
  readonly #hooks: CommitHooks;
  readonly #areKeysLocked: boolean;
  readonly #lanesByStore = new Map<string, Lane>();
  readonly #lanesByEvent = new Map<string, Lane>();

  constructor({ store, runtime, hooks, areKeysLocked }: GroupCommitOptions) {
    this.#store = store;
    this.#runtime = runtime;
    this.#hooks = hooks;
    this.#areKeysLocked = areKeysLocked;
  }

  /** Takes a turn whose draft is decided. */
  add(turn: Turn): void {
    const lane = this.#laneOf(turn);
    lane.pending.push(turn);
    this.#schedule(lane);
  }

  #laneOf({ event }: Turn): Lane {
    const isShared = event?.stock == null;
    const among = isShared ? this.#lanesByStore : this.#lanesByEvent;
    const name = isShared ? (event?.store ?? MAIN_STORE) : event.eventKey;
    let lane = among.get(name);
    if (lane === undefined) {
      const inFlightMax = isShared ? IN_FLIGHT_MAX : 1;
      lane = { name, among, inFlightMax, pending: [], inFlight: 0, isScheduled: false };
      among.set(name, lane);
    }
    return lane;
  }

  #schedule(lane: Lane): void {
    if (lane.isScheduled || lane.inFlight >= lane.inFlightMax) return;
    if (lane.pending.length === 0) {
      if (lane.inFlight === 0) lane.among.delete(lane.name);
      return;
    }
    lane.isScheduled = true;
    this.#runtime.soon(() => {
      lane.isScheduled = false;
      void this.#commit(lane);
    });
  }

  async #commit(lane: Lane): Promise<void> {
    const turns = this.#take(lane);
    if (turns.length === 0) return this.#schedule(lane);
    lane.inFlight++;
    const sentAt = this.#runtime.monotonicMs();
    for (const turn of turns) {
      turn.move('SENT');
      turn.sends++;
    }
    const drafts = turns.map(({ draft }) => draft as ClaimDraft);
    const stock = turns[0]?.event?.stock ?? null;
    const mayWrite = () => onePerConfig(turns).every((turn) => this.#hooks.stillGrants(turn));
    const sending =
      stock === null ? this.#store.insert(drafts, mayWrite) : this.#store.insertStock(drafts, stock, mayWrite);
    this.#schedule(lane);
    const outcomes = await sending;
    lane.inFlight--;
    const ms = this.#runtime.monotonicMs() - sentAt;
    await this.#startNext(lane);
    let duplicates = 0;
    turns.forEach((turn, i) => {
      const outcome = outcomes[i] as InsertOutcome;
      if (outcome.kind === 'taken') duplicates++;
      this.#hooks.settled(turn, outcome);
    });
    this.#hooks.committed({ size: turns.length, ms, duplicates });
  }

  /**
   * Nothing that is still to be read could join a full commit: it goes to the store at once, and what this one has to report,
   * which takes milliseconds, waits until that is on its way.
   */
  async #startNext(lane: Lane): Promise<void> {
    if (lane.isScheduled || lane.pending.length < this.#store.insertMax) return this.#schedule(lane);
    void this.#commit(lane);
    await new Promise<void>((resolve) => this.#runtime.soon(resolve));
  }

  /**
   * The next commit's turns. With stock they are of one period and one stock, which a reset or an operator may end. Of
   * several turns on one claim key, which there are where nothing locks it, the first goes and the others wait.
   */
  #take(lane: Lane): Turn[] {
    const turns: Turn[] = [];
    const waiting: Turn[] = [];
    const claimKeys = new Set<string>();
    let seen = 0;
    for (const turn of lane.pending) {
      const [first] = turns;
      if (Math.max(turns.length, waiting.length) >= this.#store.insertMax) break;
      if (first !== undefined && !belongTogether(first, turn)) break;
      seen++;
      if (!this.#areKeysLocked && claimKeys.has(turn.claimKey)) {
        waiting.push(turn);
      } else if (this.#hooks.admit(turn)) {
        if (!this.#areKeysLocked) claimKeys.add(turn.claimKey);
        turns.push(turn);
      }
    }
    lane.pending.splice(0, seen, ...waiting);
    return turns;
  }
}

/** Whether an event would still grant is the same for all of its turns. */
function onePerConfig(turns: readonly Turn[]): Turn[] {
  return turns.filter((turn, i) => turn.config !== turns[i - 1]?.config);
}

function belongTogether(one: Turn, other: Turn): boolean {
  return (
    one.event?.stock == null || (one.draft?.period === other.draft?.period && one.event.stock === other.event?.stock)
  );
}
