/**
 * All that was asked and all that was answered, in one order. It is written down before a request leaves and right after
 * an answer arrives, so "sent after X was heard" is a fact about the real world and not about the server's clock.
 */
import type { Claim } from '../../../protocol/claim.ts';
import type { ErrorName } from '../../../protocol/errors.ts';
import { batchRequestId, requestKeyOf } from '../../../protocol/key.ts';

export type Ask = { eventKey: string; userId: string; requestId: string };
/** Many claims of one event in one frame; entry i has the request id `batchId.i`. */
export type BatchAsk = { eventKey: string; batchId: string; userIds: readonly string[] };
export type Heard = { code: ErrorName; claim: Claim | null };
/** One sending of a request. `heard` is null while nobody has answered. */
export type Sending = { ask: Ask; sentAt: number; heardAt: number; heard: Heard | null };

/** What the auditor knows of an event without asking the server. */
export type EventFacts = {
  eventKey: string;
  /** Units in one period; null for an event without stock. */
  stock: number | null;
  /** Who may claim; null for everyone. */
  isListed: ((userId: string) => boolean) | null;
};

export class History {
  readonly events = new Map<string, EventFacts>();
  readonly sendings: Sending[] = [];
  /** The same by `userId/requestId`. */
  readonly byRequest = new Map<string, Sending[]>();
  /** What reads of single requests showed. */
  readonly looks: { ask: Ask; at: number; claim: Claim | null }[] = [];
  /** What lists of a user's claims showed. */
  readonly lists: { userId: string; sentAt: number; claims: readonly Claim[] }[] = [];
  #order = 0;
  #unanswered = 0;

  addEvent(facts: EventFacts): void {
    this.events.set(facts.eventKey, facts);
  }

  /** To be called right before the request is handed to a client. */
  sent(ask: Ask): Sending {
    const sending = { ask, sentAt: ++this.#order, heardAt: Number.POSITIVE_INFINITY, heard: null };
    this.sendings.push(sending);
    const key = requestKeyOf(ask.userId, ask.requestId);
    const others = this.byRequest.get(key);
    if (others === undefined) this.byRequest.set(key, [sending]);
    else others.push(sending);
    this.#unanswered++;
    return sending;
  }

  /** To be called right after its answer. */
  heard(sending: Sending, heard: Heard): void {
    sending.heard = heard;
    sending.heardAt = ++this.#order;
    this.#unanswered--;
  }

  /** A read by request id found this claim, or none. */
  looked(ask: Ask, claim: Claim | null): void {
    this.looks.push({ ask, at: ++this.#order, claim });
  }

  /** A moment of its own in the order of all that happens. */
  get now(): number {
    return ++this.#order;
  }

  /** A list of all claims of a user, asked for at `sentAt`: what was heard before must be in it. */
  listed(userId: string, sentAt: number, claims: readonly Claim[]): void {
    this.lists.push({ userId, sentAt, claims });
  }

  get unanswered(): number {
    return this.#unanswered;
  }

  sendingsOf({ userId, requestId }: Pick<Ask, 'userId' | 'requestId'>): readonly Sending[] {
    return this.byRequest.get(requestKeyOf(userId, requestId)) ?? [];
  }

  /** Each request once, in the order of its first sending, from the sending at `from` on. */
  asksFrom(from: number): Ask[] {
    const asks = new Map<string, Ask>();
    for (const { ask } of this.sendings.slice(from)) {
      asks.set(`${ask.eventKey}/${ask.userId}/${ask.requestId}`, ask);
    }
    return [...asks.values()];
  }
}

/** The claims of a batch, as they could be asked for one by one. */
export function asksOf({ eventKey, batchId, userIds }: BatchAsk): Ask[] {
  return userIds.map((userId, i) => ({ eventKey, userId, requestId: batchRequestId(batchId, i) }));
}
