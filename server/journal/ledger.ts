/**
 * Decides claims of journal events, one after another and without waiting: what is claimed is in the windows' indexes, so
 * there is no lock to hold between a question and its answer. A claim is in its index from the moment it is decided, and
 * whoever asks for the same one waits for the same block. What cannot be decided from memory is left to the general way
 * (`server/shard`), which looks it up first and then proposes it here.
 *
 * Every hit in an index is verified against the claim itself, because two users may share a fingerprint.
 */
import type { AskedUser, Eligibility } from '../eligibility/eligibility.ts';
import type { EventConfig } from '../events/configs.ts';
import type { KeyHash } from '../lib/hash.ts';
import { isArchived } from '../rules/archived.ts';
import type { Span } from '../rules/calendar.ts';
import { type Claimed, decide } from '../rules/decide.ts';
import { textEnd, textStart } from '../store/block/claim-text.ts';
import { CLAIM_AT } from '../store/block/layout.ts';
import type { EventRecord } from '../store/store.ts';
import type { Ask } from './ask.ts';
import type { BlockCommit } from './block-commit.ts';
import type { Entries, Entry } from './entries.ts';
import type { Foresight } from './foresight.ts';
import type { Receiver, Refusal } from './receiver.ts';
import type { Requests } from './requests.ts';
import type { Tail } from './tail.ts';
import { IN_STORE, type Window, type Windows } from './windows.ts';

export type LedgerOptions = {
  tail: Tail;
  windows: Windows;
  entries: Entries;
  commit: BlockCommit;
  requests: Requests;
  foresight: Foresight;
  hash: KeyHash;
  eligibility: Pick<Eligibility, 'has'>;
  nowMs: () => number;
  isFresh: (config: EventConfig, now: number) => boolean;
  /** Everything before this offset is in the store. */
  mark: () => number;
  /** Begins to fill a window that was just opened from what the store has. */
  opened: (window: Window) => void;
};

/** What the general way has found out by asking, each at the log's head of that time; null where it has not asked. */
export type LookedUp = { keyAt: number | null; isRequestUnused: boolean };

/** LOOKUP: more has to be asked of the store first. LATER: what was asked already is on its way. */
export type Proposed = 'DONE' | 'LOOKUP' | 'LATER';

type Refused = { event: EventRecord; span: Span; isQualified: boolean | undefined };

const FULL: Refusal = { code: 'BUSY', retryAfterMs: 200 };
/** In the place of an index: no entry is verified, but one may be it. */
const UNVERIFIED = -2;
const NONE = -1;

export class Ledger {
  /** Nothing more is decided: the log is full, or too much waits for it. */
  isFull: () => boolean = () => false;
  readonly #options: LedgerOptions;
  readonly #current = new WeakMap<EventConfig, Entry>();
  /** Of the claim at hand. */
  #userHigh = 0;
  #userLow = 0;
  readonly #askedUser: AskedUser = { bytes: new Uint8Array(0), start: 0, end: 0, high: 0, low: 0, monotonicMs: 0 };
  /** Where the claim that was found last lies in the log. */
  #offset = 0;

  constructor(options: LedgerOptions) {
    this.#options = options;
  }

  /** Decides a claim if memory is enough for it, and answers through the receiver. False: take the general way. */
  claim(ask: Ask, config: EventConfig, receiver: Receiver, number: number): boolean {
    const now = ask.nowMs;
    const entry = this.#entryOf(config, ask);
    if (entry === null) return false;
    const { window, by } = entry;
    const { event, span } = by as NonNullable<Entry['by']>;
    this.#hash(ask);
    if (entry.eventHint !== ask.eventHint) this.#foresee(entry, ask.eventHint);
    const index = this.#find(window, ask, Number.NEGATIVE_INFINITY);
    if (index === UNVERIFIED) return false;
    if (index !== NONE) return this.#repeat(ask, index, receiver, number);
    if (!isReady(entry) || this.#options.requests.mayBeUsed(ask)) return false;
    const isQualified = event.eligibility.kind === 'everyone' || this.#isListed(event, ask);
    if (isQualified !== true || !grants(event, now) || isArchived(event, span)) {
      return this.#refuse({ event, span, isQualified }, now, receiver, number);
    }
    this.#grant(ask, entry, now, receiver, number);
    return true;
  }

  /**
   * The same for a claim that the rules grant and that has been looked up as far as `lookedUp` says.
   */
  propose(ask: Ask, config: EventConfig, lookedUp: LookedUp, receiver: Receiver): Proposed {
    const now = ask.nowMs;
    const entry = this.#entryOf(config, ask);
    if (entry === null) return 'LOOKUP';
    const { window } = entry;
    this.#hash(ask);
    const index = this.#find(window, ask, lookedUp.keyAt ?? Number.NEGATIVE_INFINITY);
    if (index === UNVERIFIED) return 'LOOKUP';
    if (index !== NONE) {
      this.#answer(ask, index, 'ALREADY_CLAIMED', receiver, 0);
      return 'DONE';
    }
    if (isStockUnknown(entry)) return 'LATER';
    if (!window.isComplete && lookedUp.keyAt === null) return 'LOOKUP';
    if (this.#options.requests.mayBeUsed(ask)) {
      if (!lookedUp.isRequestUnused) return 'LOOKUP';
      const used = this.#requestOf(ask);
      if (used !== NONE) {
        this.#answer(ask, used, 'ALREADY_CLAIMED', receiver, 0);
        return 'DONE';
      }
    }
    this.#grant(ask, entry, now, receiver, 0);
    return 'DONE';
  }

  /** A claim of a block that is not written after all. */
  takeBack({ window }: Entry, ring: Buffer, index: number): void {
    const userAt = index + CLAIM_AT.userId;
    const { hash } = this.#options;
    hash.ofBytes(ring, textStart(ring, userAt), textEnd(ring, userAt));
    window.index.remove(hash.high, hash.low, this.#options.tail.positionOf(this.#offsetOf(index)));
    const slot = ring.readUInt32BE(index + CLAIM_AT.slot);
    if (slot > 0) window.slotGiven = slot - 1;
  }

  #entryOf(config: EventConfig, { nowMs, monotonicMs }: Ask): Entry | null {
    const event = config.record;
    if (event === null || event.mode !== 'journal' || !this.#options.isFresh(config, monotonicMs)) return null;
    const span = config.spanAt(event, nowMs);
    const known = this.#current.get(config);
    if (known !== undefined && known.by?.event === event && known.by.span === span) return known;
    const { windows, entries, opened, mark } = this.#options;
    let window = windows.get(event.eventKey, span.id);
    const { modeRevision = 0 } = event;
    // Of an earlier stretch of journal mode everything was projected before it ended. What is not projected is of this one.
    const isOutdated = window !== undefined && window.modeRevision !== modeRevision && window.head <= mark();
    if (window === undefined || isOutdated) {
      window = windows.open(event.eventKey, span.id);
      opened(window);
    }
    window.modeRevision = modeRevision;
    const entry = entries.make(window, { config, event, span });
    this.#current.set(config, entry);
    return entry;
  }

  /**
   * Where in the ring the user's claim of this window lies, NONE, or UNVERIFIED. What lies before `askedAt` was looked up
   * and is not it.
   */
  #find({ index }: Window, ask: Ask, askedAt: number): number {
    const { tail } = this.#options;
    for (let position = index.find(this.#userHigh, this.#userLow); position !== -1; position = index.next()) {
      const offset = position === IN_STORE ? -1 : tail.offsetOf(position);
      if (tail.holds(offset)) {
        const at = tail.indexOf(offset);
        if (tail.isOf(at, ask.bytes, ask.userAt, ask.userEnd)) {
          this.#offset = offset;
          return at;
        }
      } else if (offset >= askedAt) return UNVERIFIED;
    }
    return NONE;
  }

  #hash(ask: Ask): void {
    const { bytes, userAt, userEnd } = ask;
    const { hash, requests, foresight } = this.#options;
    if (foresight.take(ask)) {
      this.#userHigh = foresight.userHigh;
      this.#userLow = foresight.userLow;
      if (foresight.hasPair) return requests.know(foresight.pairHigh, foresight.pairLow);
    } else {
      hash.ofBytes(bytes, textStart(bytes, userAt), userEnd);
      this.#userHigh = hash.high;
      this.#userLow = hash.low;
    }
    requests.hash(ask, this.#userHigh, this.#userLow);
  }

  #foresee(entry: Entry, eventHint: number): void {
    entry.eventHint = eventHint;
    this.#options.foresight.know(eventHint, entry.window.index);
  }

  #repeat(ask: Ask, index: number, receiver: Receiver, number: number): boolean {
    const isSame = this.#isSameRequest(ask, index);
    // The id may be that of a claim of another period, which would then be the answer.
    if (!isSame && this.#options.requests.mayBeUsed(ask)) return false;
    this.#answer(ask, index, isSame ? 'REPLAYED' : 'ALREADY_CLAIMED', receiver, number);
    return true;
  }

  #isSameRequest(ask: Ask, index: number): boolean {
    const { ring } = this.#options.tail;
    let at = textEnd(ring, index + CLAIM_AT.userId);
    for (let i = ask.requestAt; i < ask.requestEnd; i++) if (ring[at++] !== ask.requestBytes[i]) return false;
    return true;
  }

  /** At once when the claim found last is durable, else with its block. */
  #answer(ask: Ask, index: number, code: Claimed['code'], receiver: Receiver, number: number): void {
    const { commit, tail } = this.#options;
    const offset = this.#offset;
    if (offset < commit.durableHead) receiver.claimed(number, code, tail.ring, index, tail.entryAt(index));
    else commit.waitFor(offset, code, index, receiver, number, ask.deadlineAt);
  }

  /** After `#hash`. */
  #isListed({ eventKey }: EventRecord, { bytes, userAt, userEnd, monotonicMs }: Ask): boolean | undefined {
    const asked = this.#askedUser;
    asked.bytes = bytes;
    asked.start = textStart(bytes, userAt);
    asked.end = userEnd;
    asked.high = this.#userHigh;
    asked.low = this.#userLow;
    asked.monotonicMs = monotonicMs;
    return this.#options.eligibility.has(eventKey, asked);
  }

  #refuse({ event, span, isQualified }: Refused, now: number, receiver: Receiver, number: number): boolean {
    const known = { byKey: null, byRequest: null, isQualified, isSoldOut: false };
    const decision = decide({ userId: '', requestId: '' }, event, known, now, span);
    if (decision.kind !== 'ANSWER' || 'claim' in decision.outcome) return false;
    receiver.refused(number, decision.outcome);
    return true;
  }

  #grant(ask: Ask, entry: Entry, now: number, receiver: Receiver, number: number): void {
    const { window, by } = entry;
    const stock = by?.event.stock ?? null;
    if (this.isFull()) return receiver.refused(number, FULL);
    const slot = stock === null ? 0 : (window.slotGiven ?? 0) + 1;
    if (stock !== null && slot > stock) return this.#soldOut(ask, entry, receiver, number);
    const { commit, tail, requests } = this.#options;
    const offset = commit.grant(entry, ask, slot, now, receiver, number);
    if (slot > 0) window.slotGiven = slot;
    window.head = offset + 1;
    window.index.add(this.#userHigh, this.#userLow, tail.positionOf(offset));
    requests.add(ask);
  }

  /** True only once the claim of the last unit is durable. */
  #soldOut(ask: Ask, { window, by }: Entry, receiver: Receiver, number: number): void {
    const { commit, tail, nowMs } = this.#options;
    const offset = window.head - 1;
    if (offset >= commit.durableHead) {
      return commit.waitFor(offset, 'SOLD_OUT', tail.indexOf(offset), receiver, number, ask.deadlineAt);
    }
    const { startsAt, endsAt } = (by as NonNullable<Entry['by']>).event;
    receiver.refused(number, { code: 'SOLD_OUT', window: { serverTime: nowMs(), startsAt, endsAt } });
  }

  /** The user's claim in any window whose request id is this one, as far as memory goes. */
  #requestOf(ask: Ask): number {
    for (const window of this.#options.windows.all()) {
      const index = this.#find(window, ask, Number.POSITIVE_INFINITY);
      if (index >= 0 && this.#isSameRequest(ask, index)) return index;
    }
    return NONE;
  }

  #offsetOf(index: number): number {
    const { tail } = this.#options;
    const lap = tail.ring.length;
    const offset = tail.head - (tail.head % lap) + index;
    return offset < tail.head ? offset : offset - lap;
  }
}

/** Whether the rules let everybody claim now who is eligible and has not claimed yet; anything else is for the rules to say. */
function grants({ state, startsAt, endsAt, graceMs, heldUntil, stock }: EventRecord, now: number): boolean {
  return (
    state === 'LIVE' &&
    now >= startsAt &&
    (endsAt === null || now < endsAt + graceMs) &&
    heldUntil === null &&
    stock !== 0
  );
}

/** Whether memory alone says who has claimed. */
function isReady(entry: Entry): boolean {
  return entry.window.isComplete && !isStockUnknown(entry);
}

function isStockUnknown({ window, by }: Entry): boolean {
  return window.slotGiven === null && by?.event.stock !== null;
}
