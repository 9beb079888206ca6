/**
 * Claims by user, as bytes in a ring: the ones remembered last push out the oldest. As objects in a map they would be most of
 * what the garbage collector has to carry, and nearly every look-up is for a user of whom nothing is known, which a large map
 * answers with several misses of the CPU's cache and this one with one.
 *
 *     word 0    place of a claim of the same user that was remembered before; 0: none
 *     1 … 4     grantedAt, slot (0: none), attempts, fulfilledAt (-1: none)
 *     5         series × 4 + delivery state
 *     6 …       lengths of user id, request id and attempt, a byte each, then their characters
 *
 * A place is a number of words since the start, so that it tells whether the ring has passed it. The table beside it is in
 * buckets of a few users each; a user too many takes the place of the one remembered longest ago. Nobody can make it slow,
 * whatever user ids they choose. Invariant: what is returned was remembered, byte by byte; forgetting is always right.
 */
import { DELIVERY_STATES, type Reward } from '../../protocol/claim.ts';
import { claimKeyOf } from '../../protocol/key.ts';
import type { ClaimRecord } from '../store/store.ts';
import { hashOf } from './shard-of.ts';

const WORD_BYTES = 8;
const WORDS_PER_USER = 24;
const USERS_MIN = 16;
/** 2 GiB, below what one array may have. */
const RING_WORDS_MAX = 2 ** 28;
const BUCKET_USERS = 8;
/** Short claims leave room in the ring for more users than were asked for. */
const BUCKETS_PER_USER = 4 / BUCKET_USERS;
const AT = { before: 0, grantedAt: 1, slot: 2, attempts: 3, fulfilledAt: 4, series: 5, texts: 6 } as const;
const LENGTHS_BYTES = 3;
const TEXT_LENGTH_MAX = 0xff;
const SERIES_MAX = 10_000;
/** Of one user; the ones remembered last are kept. */
const CLAIMS_MAX = 16;
/** A claim may have been remembered more than once. */
const STEPS_MAX = 2 * CLAIMS_MAX;
const NONE: readonly ClaimRecord[] = [];

type Series = { eventKey: string; period: string; configVersion: number; rewards: Reward[] };

export class KnownClaims {
  readonly #ringWords: number;
  readonly #bytes: Buffer;
  readonly #words: Float64Array;
  readonly #tags: Uint16Array;
  readonly #places: Float64Array;
  /** Where the next claim goes; 0 would be no place. */
  #head = 1;
  #series: Series[] = [];
  readonly #seriesIds = new Map<string, number>();
  #seriesId = 0;

  /** Room for about so many users with a claim each, some 200 bytes for each; 0 remembers nothing. Untouched memory is not taken. */
  constructor(usersMax: number) {
    const users = usersMax === 0 ? 0 : Math.max(usersMax, USERS_MIN);
    const buckets = users === 0 ? 0 : 2 ** Math.ceil(Math.log2(users * BUCKETS_PER_USER));
    this.#ringWords = Math.min(users * WORDS_PER_USER, RING_WORDS_MAX);
    this.#words = new Float64Array(this.#ringWords);
    this.#bytes = Buffer.from(this.#words.buffer);
    this.#tags = new Uint16Array(buckets * BUCKET_USERS);
    this.#places = new Float64Array(buckets * BUCKET_USERS);
  }

  /** Looks at the whole table: for those who ask now and then. */
  get userCount(): number {
    return this.#places.reduce((count, place) => (this.#isKept(place) ? count + 1 : count), 0);
  }

  remember(claim: ClaimRecord): void {
    const { userId, requestId, attempt, delivery } = claim;
    const bytes = LENGTHS_BYTES + userId.length + requestId.length + attempt.length;
    const isShort = Math.max(userId.length, requestId.length, attempt.length) <= TEXT_LENGTH_MAX;
    if (this.#ringWords === 0 || !isShort) return;
    const series = this.#seriesOf(claim);
    const hash = hashOf(userId);
    const own = this.#find(userId, hash);
    const before = own < 0 ? 0 : (this.#places[own] as number);
    const index = own < 0 ? this.#oldest(hash) : own;
    const place = this.#take(AT.texts + Math.ceil(bytes / WORD_BYTES));
    const word = place % this.#ringWords;
    if (!this.#write(word, userId, requestId, attempt)) return;
    this.#words[word + AT.before] = before;
    this.#words[word + AT.grantedAt] = claim.grantedAt;
    this.#words[word + AT.slot] = claim.slot ?? 0;
    this.#words[word + AT.attempts] = delivery.attempts;
    this.#words[word + AT.fulfilledAt] = delivery.fulfilledAt ?? -1;
    this.#words[word + AT.series] = series * 4 + DELIVERY_STATES.indexOf(delivery.state);
    this.#tags[index] = tagOf(hash);
    this.#places[index] = place;
  }

  /** One claim per claim key, the one remembered last first. */
  ofUser(userId: string): readonly ClaimRecord[] {
    const index = this.#ringWords === 0 ? -1 : this.#find(userId, hashOf(userId));
    if (index < 0) return NONE;
    const newest = this.#places[index] as number;
    const claims: ClaimRecord[] = [];
    let place = newest;
    for (let step = 0; step < STEPS_MAX && claims.length < CLAIMS_MAX && this.#isKept(place); step++) {
      const claim = this.#read(place, userId);
      if (!claims.some(({ claimKey }) => claimKey === claim.claimKey)) claims.push(claim);
      place = this.#words[(place % this.#ringWords) + AT.before] as number;
    }
    // Who is asked for counts as remembered now, long before the ring comes round.
    if (newest < this.#head - this.#ringWords / 4) for (const claim of claims.toReversed()) this.remember(claim);
    return claims;
  }

  #isKept(place: number): boolean {
    return place > 0 && place >= this.#head - this.#ringWords;
  }

  /** Room without a break at the end of the ring. What lay there is forgotten. */
  #take(words: number): number {
    const left = this.#ringWords - (this.#head % this.#ringWords);
    if (left < words) this.#head += left;
    const place = this.#head;
    this.#head += words;
    return place;
  }

  /** Where the table has this user; -1 when it does not. */
  #find(userId: string, hash: number): number {
    const tag = tagOf(hash);
    const start = this.#bucketOf(hash);
    for (let i = start; i < start + BUCKET_USERS; i++) {
      if (this.#tags[i] === tag && this.#isOf(userId, this.#places[i] as number)) return i;
    }
    return -1;
  }

  #oldest(hash: number): number {
    const start = this.#bucketOf(hash);
    let oldest = start;
    for (let i = start + 1; i < start + BUCKET_USERS; i++) {
      if ((this.#places[i] as number) < (this.#places[oldest] as number)) oldest = i;
    }
    return oldest;
  }

  #bucketOf(hash: number): number {
    const buckets = this.#places.length / BUCKET_USERS;
    return (hash & (buckets - 1)) * BUCKET_USERS;
  }

  #isOf(userId: string, place: number): boolean {
    if (!this.#isKept(place)) return false;
    const at = this.#textsAt(place % this.#ringWords);
    if (this.#bytes[at] !== userId.length) return false;
    for (let i = 0; i < userId.length; i++) {
      if (this.#bytes[at + LENGTHS_BYTES + i] !== userId.charCodeAt(i)) return false;
    }
    return true;
  }

  #textsAt(word: number): number {
    return (word + AT.texts) * WORD_BYTES;
  }

  /** False when a character is no byte. */
  #write(word: number, ...texts: readonly [string, string, string]): boolean {
    const bytes = this.#bytes;
    let at = this.#textsAt(word);
    for (const text of texts) bytes[at++] = text.length;
    let all = 0;
    for (const text of texts) {
      for (let i = 0; i < text.length; i++) {
        const code = text.charCodeAt(i);
        all |= code;
        bytes[at++] = code;
      }
    }
    return all <= 0xff;
  }

  #read(place: number, userId: string): ClaimRecord {
    const word = place % this.#ringWords;
    const words = this.#words;
    const at = this.#textsAt(word);
    const requestAt = at + LENGTHS_BYTES + (this.#bytes[at] as number);
    const attemptAt = requestAt + (this.#bytes[at + 1] as number);
    const fulfilledAt = words[word + AT.fulfilledAt] as number;
    const code = words[word + AT.series] as number;
    const { eventKey, period, configVersion, rewards } = this.#series[Math.floor(code / 4)] as Series;
    return {
      claimKey: claimKeyOf(eventKey, period, userId),
      ...{ eventKey, period, userId, configVersion, rewards },
      requestId: this.#bytes.toString('latin1', requestAt, attemptAt),
      grantedAt: words[word + AT.grantedAt] as number,
      slot: (words[word + AT.slot] as number) || null,
      delivery: {
        state: DELIVERY_STATES[code % 4] as ClaimRecord['delivery']['state'],
        attempts: words[word + AT.attempts] as number,
        fulfilledAt: fulfilledAt < 0 ? null : fulfilledAt,
      },
      attempt: this.#bytes.toString('latin1', attemptAt, attemptAt + (this.#bytes[at + 2] as number)),
    };
  }

  /** The claims of one configuration share one; with too many of them all is forgotten. */
  #seriesOf({ eventKey, period, configVersion, rewards }: ClaimRecord): number {
    const last = this.#series[this.#seriesId];
    const isLast = last?.rewards === rewards && last.configVersion === configVersion;
    if (isLast && last.period === period && last.eventKey === eventKey) return this.#seriesId;
    const name = JSON.stringify([eventKey, period, configVersion, rewards]);
    let id = this.#seriesIds.get(name);
    if (id === undefined) {
      if (this.#series.length === SERIES_MAX) this.#forget();
      id = this.#series.push({ eventKey, period, configVersion, rewards }) - 1;
      this.#seriesIds.set(name, id);
    }
    this.#seriesId = id;
    return id;
  }

  #forget(): void {
    this.#head += this.#ringWords;
    this.#series = [];
    this.#seriesIds.clear();
  }
}

/** Other bits than those that choose the bucket. */
function tagOf(hash: number): number {
  return hash >>> 16;
}
