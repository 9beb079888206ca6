/**
 * One turn from the rules to a durable outcome: rules (-> look-up -> rules) -> draft -> commit -> what the store said.
 * A claim is GRANTED only after the store has said that it is durable, and a draft is only sent while its decision is
 * one by a young and unchanged configuration.
 */
import { MAIN_STORE } from '../../protocol/event.ts';
import { claimKeyOf } from '../../protocol/key.ts';
import type { Runtime } from '../../protocol/runtime.ts';
import type { Eligibility } from '../eligibility/eligibility.ts';
import type { EventConfig, EventConfigs } from '../events/configs.ts';
import type { Journaling } from '../journal/journaling.ts';
import type { Clock } from '../lib/clock.ts';
import type { Span } from '../rules/calendar.ts';
import { type ClaimOutcome, type Decision, decide, nextClaimAfter } from '../rules/decide.ts';
import { placeOf } from '../rules/place.ts';
import type { ClaimDraft, ClaimRecord, EventRecord, InsertOutcome, Store } from '../store/store.ts';
import { type Commit, type CommitHooks, GroupCommit } from './commit.ts';
import { claimOfPeriod, claimOfRequest, Known } from './known.ts';
import { Lookups } from './lookups.ts';
import type { ClaimRequest, Turn } from './turn.ts';

const BUSY_RETRY_MS = 200;
const STORE_RETRY_MS = 500;
const LATER_MS = 10;
/** Nobody is granted a claim because they were on a list longer ago: a removal holds everywhere within three seconds. */
const QUALIFIED_MS_MAX = 2_000;
const RESEND_MS_BASE = 20;
const RESEND_MS_MAX = 500;

const UNDELIVERED = Object.freeze({ state: 'PENDING', attempts: 0, fulfilledAt: null } as const);

export const BUSY: ClaimOutcome = { code: 'BUSY', retryAfterMs: BUSY_RETRY_MS };
export const UNKNOWN: ClaimOutcome = { code: 'OUTCOME_UNKNOWN' };
export const UNAVAILABLE: ClaimOutcome = { code: 'STORE_UNAVAILABLE', retryAfterMs: STORE_RETRY_MS };
const GUARD_MISSING: ClaimOutcome = { code: 'GUARD_MISSING', retryAfterMs: STORE_RETRY_MS };

export type DecisionsOptions = {
  store: Store;
  journaling: Pick<Journaling, 'away' | 'head' | 'propose' | 'requestsInUse'>;
  configs: EventConfigs;
  eligibility: Pick<Eligibility, 'isQualified'>;
  clock: Clock;
  runtime: Runtime;
  /** `node.boot`: the first two parts of every attempt. */
  attemptPrefix: string;
  /** Users whose claims are remembered; 0 asks the store every time. */
  knownUsersMax: number;
  /** False leaves every decision to the store's guard: no lock and no memory. */
  isLocking: boolean;
  onCommit: (commit: Commit) => void;
};

export class Decisions {
  readonly known: Known;
  readonly #options: DecisionsOptions;
  readonly #finish: (turn: Turn, outcome: ClaimOutcome) => void;
  /** By store, so that one that is away holds up the look-ups of no other. */
  readonly #lookups = new Map<string, Lookups>();
  readonly #commit: GroupCommit;
  #attempts = 0;

  constructor(options: DecisionsOptions, finish: (turn: Turn, outcome: ClaimOutcome) => void) {
    const { store, runtime, configs } = options;
    this.#options = options;
    this.#finish = finish;
    this.known = new Known(options.knownUsersMax);
    const hooks: CommitHooks = {
      admit: (turn) => (turn.sends === 0 ? this.#admit(turn) : this.#admitAgain(turn)),
      stillGrants: (turn) => configs.isFresh(turn.config as EventConfig) && this.#stillGrants(turn),
      settled: (turn, outcome) => this.#settled(turn, outcome),
      committed: options.onCommit,
    };
    this.#commit = new GroupCommit({ store: store.claims, runtime, hooks, areKeysLocked: options.isLocking });
  }

  /**
   * The outcome that memory alone decides, or null. It needs no turn at the lock key: a claim that is known to be
   * durable stays what it is, whatever is being decided meanwhile.
   */
  recall({ userId, requestId, isRequestIdFresh }: ClaimRequest, config: EventConfig): ClaimOutcome | null {
    const { configs, clock } = this.#options;
    const claims = this.known.ofUser(userId);
    const event = config.record;
    if (claims.length === 0 || event === null || !configs.isFresh(config)) return null;
    const now = clock.nowMs();
    const span = config.spanAt(event, now);
    const byKey = claimOfPeriod(claims, event.eventKey, span.id);
    const byRequest = isRequestIdFresh ? null : claimOfRequest(claims, requestId);
    const known = { byKey, byRequest, isQualified: undefined, isSoldOut: false };
    const decision = decide({ userId, requestId }, event, known, now, span);
    return decision.kind === 'ANSWER' ? decision.outcome : null;
  }

  /** Decides as far as can be without waiting; the rest follows by itself. Ends in `finish`. */
  decide(turn: Turn): void {
    const { configs, clock, journaling, store } = this.#options;
    const config = turn.config as EventConfig;
    if (turn.isAnswered) return this.#finish(turn, BUSY);
    if (!configs.isFresh(config)) {
      configs.whenFresh(config, (isFresh) => (isFresh ? this.decide(turn) : this.#finish(turn, UNAVAILABLE)));
      return;
    }
    const event = config.record;
    if (event === null) return this.#finish(turn, { code: 'EVENT_NOT_FOUND' });
    const away = event.mode === 'journal' ? journaling.away() : null;
    if (away !== null) return this.#finish(turn, away);
    const now = clock.nowMs();
    const decision = this.#ask(turn, config, event, now);
    if (decision.kind === 'ANSWER') return this.#finish(turn, decision.outcome);
    if (store.isUnguarded?.(event, (turn.span as Span).id)) return this.#finish(turn, GUARD_MISSING);
    if (decision.kind === 'LOOKUP') return this.#lookUp(turn);
    if (event.mode === 'journal') return this.#propose(turn, config, event);
    // The insert would not see this request id where another claim has it.
    const isSpread = event.splitBy === 'day' || store.claims.isSpread;
    if (isSpread && turn.byRequest === undefined) return this.#lookUp(turn);
    this.#draft(turn, event, now);
    turn.move('QUEUED');
    this.#commit.add(turn);
  }

  #ask(turn: Turn, config: EventConfig, event: EventRecord, now: number): Decision {
    const { userId, requestId } = turn.request;
    const span = config.spanAt(event, now);
    if (turn.span?.id !== span.id) {
      turn.claimKey = claimKeyOf(event.eventKey, span.id, userId);
      turn.byKey = undefined;
      turn.soldOutStock = 0;
    }
    turn.span = span;
    turn.isQualified = this.#isQualified(turn, event);
    const claims = this.known.ofUser(userId);
    const known = {
      byKey: turn.byKey ?? claimOfPeriod(claims, event.eventKey, span.id) ?? turn.byKey,
      byRequest: turn.byRequest ?? claimOfRequest(claims, requestId) ?? turn.byRequest,
      isQualified: turn.isQualified,
      isSoldOut: this.#isSoldOut(turn, event, span.id),
    };
    return decide(turn.request, event, known, now, span);
  }

  /** Whether the user is on the event's list, when that is known well enough to decide by it; undefined for other events. */
  #isQualified(turn: Turn, { eventKey, eligibility: { kind } }: EventRecord): boolean | undefined {
    if (kind !== 'listed') return undefined;
    const { eligibility, runtime } = this.#options;
    const isQualified = eligibility.isQualified(eventKey, turn.request.userId);
    if (isQualified !== undefined) return isQualified;
    return runtime.monotonicMs() - turn.qualifiedAt < QUALIFIED_MS_MAX ? turn.isQualified : undefined;
  }

  #isSoldOut(turn: Turn, { eventKey, stock }: EventRecord, period: string): boolean {
    return stock !== null && stock <= Math.max(turn.soldOutStock, this.known.soldOutStock(eventKey, period));
  }

  #lookUp(turn: Turn): void {
    if (turn.byKey === undefined) turn.lookedUpAt = this.#options.journaling.head;
    this.#lookupsOf(turn.config?.record?.store ?? MAIN_STORE).add(turn);
  }

  #lookupsOf(name: string): Lookups {
    let lookups = this.#lookups.get(name);
    if (lookups === undefined) {
      const { store, runtime } = this.#options;
      lookups = new Lookups(store, runtime, {
        found: (turn) => this.decide(turn),
        failed: (turn) => this.#finish(turn, UNAVAILABLE),
      });
      this.#lookups.set(name, lookups);
    }
    return lookups;
  }

  /** The journal knows more than the rules were told; what it does not know either is looked up, and the rules are asked again. */
  #propose(turn: Turn, config: EventConfig, event: EventRecord): void {
    turn.event = event;
    turn.move('QUEUED');
    turn.move('SENT');
    turn.sends++;
    const proposal = {
      claim: turn.request,
      granted: (claim: ClaimRecord) => this.#granted(turn, claim),
      taken: (claim: ClaimRecord) => {
        if (claim.claimKey === turn.claimKey) turn.byKey = claim;
        else turn.byRequest = claim;
        this.#decideKnowing(turn, claim);
      },
      refused: (outcome: ClaimOutcome) => this.#finish(turn, outcome),
    };
    const lookedUp = { keyAt: turn.byKey === null ? turn.lookedUpAt : null, isRequestUnused: turn.byRequest === null };
    const proposed = this.#options.journaling.propose(proposal, config, lookedUp);
    if (proposed === 'DONE') return;
    turn.sends--;
    turn.move('DECIDING');
    if (proposed === 'LATER') return void this.#options.runtime.after(LATER_MS, () => this.decide(turn));
    turn.byKey = undefined;
    turn.byRequest = turn.request.isRequestIdFresh ? null : undefined;
    this.#lookUp(turn);
  }

  #draft(turn: Turn, event: EventRecord, now: number): void {
    const { eventKey, userId, requestId, isRequestIdFresh } = turn.request;
    const span = turn.span as Span;
    const place = placeOf(event, { span, now, isRepeatable: !isRequestIdFresh });
    turn.event = event;
    const draft: ClaimDraft = {
      claimKey: turn.claimKey,
      eventKey,
      period: span.id,
      userId,
      requestId,
      grantedAt: now,
      configVersion: event.configVersion,
      rewards: event.rewards,
      delivery: UNDELIVERED,
      attempt: `${this.#options.attemptPrefix}.${++this.#attempts}`,
    };
    // Spread into the literal it would make each draft's object the slow way.
    if (place !== undefined) draft.place = place;
    turn.draft = draft;
  }

  /** The last look before a draft is sent for the first time. */
  #admit(turn: Turn): boolean {
    const { configs } = this.#options;
    const { draft, event } = turn as { draft: ClaimDraft; event: EventRecord };
    const config = turn.config as EventConfig;
    const isCurrent = configs.isFresh(config) && config.record === event && !turn.isAnswered;
    const isListed = event.eligibility.kind !== 'listed' || this.#isQualified(turn, event) === true;
    if (isCurrent && isListed && !this.#isSoldOut(turn, event, draft.period)) return true;
    turn.move('DECIDING');
    this.decide(turn);
    return false;
  }

  /**
   * A draft whose outcome is not known is settled by sending the same draft again: only an insert finds out what the
   * first one did. Not once the event would no longer grant it, because that insert might be the one that grants.
   */
  #admitAgain(turn: Turn): boolean {
    const { configs, runtime } = this.#options;
    const config = turn.config as EventConfig;
    if (runtime.monotonicMs() >= turn.request.deadlineAt) {
      this.#finish(turn, UNKNOWN);
      return false;
    }
    if (!configs.isFresh(config)) {
      configs.whenFresh(config, () => this.#sendLater(turn));
      return false;
    }
    const stillGrants = this.#stillGrants(turn);
    if (!stillGrants) this.#finish(turn, UNKNOWN);
    return stillGrants;
  }

  /**
   * Whether the event, as it is known now, grants a claim to whom nothing else stands in the way, and grants it as a direct
   * one of the same key in the same place: since it changed its mode an insert may meet what only the journal has.
   */
  #stillGrants(turn: Turn): boolean {
    const { request, config } = turn;
    const event = config?.record ?? null;
    if (config === null || event === null) return false;
    if (turn.event !== event && (turn.event === null || !isCutAlike(turn.event, event))) return false;
    const now = this.#options.clock.nowMs();
    const isQualified = this.#isQualified(turn, event);
    const allKnown = { byKey: null, byRequest: null, isQualified, isSoldOut: false };
    return decide(request, event, allKnown, now, config.spanAt(event, now)).kind === 'GRANT';
  }

  #settled(turn: Turn, outcome: InsertOutcome): void {
    const isRepeat = turn.sends > 1;
    switch (outcome.kind) {
      case 'inserted':
        return this.#granted(turn, outcome.claim);
      case 'taken':
        turn.byKey = outcome.claim;
        return this.#decideKnowing(turn, outcome.claim);
      case 'requestTaken':
        turn.byRequest = outcome.claim;
        return this.#decideKnowing(turn, outcome.claim);
      case 'soldOut':
        return this.#soldOut(turn);
      case 'unknown':
        return this.#unsettled(turn);
      case 'withheld':
        return this.#withheld(turn);
      case 'unavailable':
        return isRepeat ? this.#unsettled(turn) : this.#finish(turn, UNAVAILABLE);
      case 'guardMissing':
        return this.#finish(turn, isRepeat ? UNKNOWN : GUARD_MISSING);
    }
  }

  #granted(turn: Turn, claim: ClaimRecord): void {
    this.known.remember(claim);
    const { event, span } = turn;
    if (event === null || span === null) throw new Error('a draft without its event');
    this.#finish(turn, { code: 'GRANTED', claim, nextClaimAt: nextClaimAfter(claim, event, span) });
  }

  /** The store named the claim in the way: the rules say what that means for this request. */
  #decideKnowing(turn: Turn, claim: ClaimRecord): void {
    this.known.remember(claim);
    turn.move('DECIDING');
    this.decide(turn);
  }

  #soldOut(turn: Turn): void {
    const { draft, event } = turn as { draft: ClaimDraft; event: EventRecord };
    turn.soldOutStock = event.stock ?? 0;
    this.known.rememberSoldOut(draft.eventKey, draft.period, turn.soldOutStock);
    turn.move('DECIDING');
    this.decide(turn);
  }

  /** It was not sent after all: decided anew, unless an earlier sending is still to be settled. */
  #withheld(turn: Turn): void {
    turn.sends--;
    if (turn.sends > 0) return this.#unsettled(turn);
    turn.move('DECIDING');
    this.decide(turn);
  }

  #unsettled(turn: Turn): void {
    turn.move('UNSETTLED');
    this.#sendLater(turn);
  }

  #sendLater(turn: Turn): void {
    const { runtime } = this.#options;
    const backoffMs = Math.min(RESEND_MS_MAX, RESEND_MS_BASE * 2 ** Math.min(turn.sends, 10));
    runtime.after(backoffMs * (0.5 + runtime.random() / 2), () => this.#commit.add(turn));
  }
}

/** Whether claims by one configuration have the keys, the places and the mode of those by the other. */
function isCutAlike(one: EventRecord, other: EventRecord): boolean {
  return (
    one.mode === other.mode &&
    (one.modeRevision ?? 0) === (other.modeRevision ?? 0) &&
    one.period === other.period &&
    one.timeZone === other.timeZone &&
    one.resetHour === other.resetHour &&
    (one.splitBy ?? 'none') === (other.splitBy ?? 'none') &&
    (one.stock === null) === (other.stock === null)
  );
}
