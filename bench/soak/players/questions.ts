/**
 * What the players ask next, by a seed: mostly new claims, often a second one for the same key, the same request again while
 * the first is under way, or a used request id for another event. All names carry the round, so that no round's users meet
 * another's.
 */
import type { Chance } from '../../../protocol/testing/random.ts';
import type { Ask, BatchAsk, Heard } from '../audit/history.ts';

/** Questions that are remembered for being asked again. */
const RECENT_MAX = 256;
const SHARE = { sameRequest: 0.1, otherEvent: 0.03, sameBatch: 0.1 } as const;
const BATCH_CLAIMS = { min: 10, spread: 190 } as const;

export type QuestionsOptions = {
  round: string;
  /** One that stands there twice is asked for twice as often. */
  eventKeys: readonly string[];
  users: number;
  /** Which request ids are used for another event as well. */
  reuse?: 'any' | 'granted';
};

export class Questions {
  readonly #chance: Chance;
  readonly #eventKeys: readonly string[];
  readonly #round: string;
  readonly #users: number;
  readonly #recent: Ask[] = [];
  readonly #reusable: Ask[];
  /** Of this round. */
  readonly batches: BatchAsk[] = [];
  #count = 0;
  #heard = 0;

  constructor(chance: Chance, { round, eventKeys, users, reuse = 'any' }: QuestionsOptions) {
    this.#chance = chance;
    this.#eventKeys = eventKeys;
    this.#round = round;
    this.#users = users;
    this.#reusable = reuse === 'any' ? this.#recent : [];
  }

  next(): Ask {
    const kind = this.#chance.fraction();
    if (this.#recent.length > 0 && kind < SHARE.sameRequest) return this.#chance.pick(this.#recent);
    if (this.#reusable.length > 0 && kind < SHARE.sameRequest + SHARE.otherEvent) {
      return { ...this.#chance.pick(this.#reusable), eventKey: this.#chance.pick(this.#eventKeys) };
    }
    return this.#fresh();
  }

  /** To be told of every answer where only granted request ids are used for other events. */
  heard(ask: Ask, { code }: Heard): void {
    if (code === 'GRANTED' && this.#reusable !== this.#recent) this.#reusable[this.#heard++ % RECENT_MAX] = ask;
  }

  /** Users of one batch are strangers to each other, but for chance. */
  nextBatch(): BatchAsk {
    const chance = this.#chance;
    if (this.batches.length > 0 && chance.fraction() < SHARE.sameBatch)
      return chance.pick(this.batches.slice(-RECENT_MAX));
    const length = BATCH_CLAIMS.min + chance.integer(BATCH_CLAIMS.spread);
    const batch = {
      eventKey: chance.pick(this.#eventKeys),
      batchId: `${this.#round}-b${this.batches.length}`,
      userIds: Array.from({ length }, () => userIdOf(this.#round, chance.integer(this.#users))),
    };
    this.batches.push(batch);
    return batch;
  }

  #fresh(): Ask {
    const n = this.#count++;
    const userId = userIdOf(this.#round, this.#chance.integer(this.#users));
    const ask = { eventKey: this.#chance.pick(this.#eventKeys), userId, requestId: `${this.#round}-${n}` };
    this.#recent[n % RECENT_MAX] = ask;
    return ask;
  }
}

export function userIdOf(round: string, n: number): string {
  return `u${n}.${round}`;
}

/** Every second user is on the list of a listed event. */
export function isListed(userId: string): boolean {
  return Number(/^u(\d+)\./.exec(userId)?.[1]) % 2 === 0;
}
