/**
 * The result of CLAIM_BATCH, read: `[series, problems, packed]`. What the claims of a batch have in common stands once
 * in a table, and `packed` says the rest of each: one entry for each claim that was asked for, in their order, without
 * gaps and without a length of its own.
 *
 *      GRANTED, REPLAYED, ALREADY_CLAIMED                              any other outcome
 *     +----------+-------------+----------------+-----------+         +----------+--------------+
 *     | code: u8 | series: u16 | grantedAt: u48 | flags: u8 |         |    0: u8 | problem: u16 |
 *     +----------+-------------+----------------+-----------+         +----------+--------------+
 *      flags & 1: slot: u32
 *      flags & 2: delivery state: u8 (0 PENDING, 1 FULFILLED, 2 DEAD), attempts: u32, fulfilledAt: u48 (0: nil)
 *      ALREADY_CLAIMED: length: u8, then the request id that won, so many ASCII characters
 *
 * Invariant: an entry says exactly what the reply to a CLAIM would have said, and what a server sends is believed only
 * after every byte of it was looked at.
 */
import {
  type Claim,
  type ClaimView,
  DELIVERY_STATES,
  type Delivery,
  decodeRewards,
  periodShape,
  rewardsTuple,
} from './claim.ts';
import { ERRORS } from './errors.ts';
import { batchRequestId, claimKeyOf } from './key.ts';
import { LIMITS } from './limits.ts';
import { decodeReply, isSuccess, type Problem, ReplyRefused } from './reply.ts';
import { anything, bytes, integer, list, nullable, positionalAtLeast, type TypeOf } from './shape.ts';

/** What the claims of one configuration and period share. */
export const seriesTuple = positionalAtLeast(
  ['period', periodShape],
  ['configVersion', integer({ min: 0, max: Number.MAX_SAFE_INTEGER })],
  ['rewards', rewardsTuple],
  ['nextClaimAt', nullable(integer({ min: 0, max: 8_640_000_000_000_000 }))],
);

/** Each of `problems` is the body of a reply. */
export const batchTuple = positionalAtLeast(
  ['series', list(seriesTuple, { lengthMax: LIMITS.batchClaimsMax })],
  ['problems', list(anything, { lengthMax: LIMITS.batchClaimsMax })],
  ['packed', bytes({ lengthMax: LIMITS.frameBytesMax })],
);
export type BatchTuple = TypeOf<typeof batchTuple>;

/** The outcome of one claim as a server has it. */
export type SettledClaim = {
  code: 'GRANTED' | 'REPLAYED' | 'ALREADY_CLAIMED';
  claim: Claim;
  nextClaimAt: number | null;
};
export type Settled = SettledClaim | Exclude<Problem, { code: 'ALREADY_CLAIMED' }>;

/** The same as a client reads it. Claims of one series share their frozen `rewards`, claims refused alike one object. */
export type BatchEntry = { code: 'GRANTED' | 'REPLAYED'; claim: ClaimView } | Problem;

export type BatchAsked = { eventKey: string; batchId: string; userIds: readonly (string | null)[] };

export const FLAG = { slot: 1, delivery: 2 } as const;
export const ENTRY_BYTES = { problem: 3, claim: 10, slot: 4, delivery: 11 } as const;

const CODES = { GRANTED: ERRORS.GRANTED.code, REPLAYED: ERRORS.REPLAYED.code, ALREADY: ERRORS.ALREADY_CLAIMED.code };
const NAMES = new Map([
  [CODES.GRANTED, 'GRANTED' as const],
  [CODES.REPLAYED, 'REPLAYED' as const],
  [CODES.ALREADY, 'ALREADY_CLAIMED' as const],
]);

/**
 * The entry of each claim of a batch, at its place in `userIds`; undefined where no claim was asked for. Takes what
 * `batchTuple` has accepted. Throws ReplyRefused.
 */
export function decodeBatch(tuple: BatchTuple, asked: BatchAsked): (BatchEntry | undefined)[] {
  const reader = new EntryReader(tuple);
  const series = tuple[0].map(([period, configVersion, rewards, nextClaimAt]) => {
    const frozen = decodeRewards(rewards).map((reward) => Object.freeze(reward));
    return { period, configVersion, rewards: Object.freeze(frozen) as typeof frozen, nextClaimAt };
  });
  const entries = asked.userIds.map((userId, i) => {
    if (userId === null) return undefined;
    reader.next();
    if (reader.problem !== null) return reader.problem;
    const { eventKey, batchId } = asked;
    const shared = series[reader.series] as (typeof series)[number];
    const claim: ClaimView = {
      claimKey: claimKeyOf(eventKey, shared.period, userId),
      eventKey,
      period: shared.period,
      userId,
      requestId: reader.name === 'ALREADY_CLAIMED' ? reader.requestId : batchRequestId(batchId, i),
      grantedAt: reader.grantedAt,
      configVersion: shared.configVersion,
      slot: reader.slot,
      rewards: shared.rewards,
      delivery: reader.delivery,
      nextClaimAt: shared.nextClaimAt,
    };
    return { code: reader.name, claim };
  });
  reader.end();
  return entries;
}

/** Throws ReplyRefused unless the result holds exactly `claims` entries. Cheaper than decoding it. */
export function checkBatch(tuple: BatchTuple, claims: number): void {
  const reader = new EntryReader(tuple);
  for (let i = 0; i < claims; i++) reader.next();
  reader.end();
}

/** Walks the packed bytes; after `next` its fields are those of the entry that was passed. */
class EntryReader {
  name: 'GRANTED' | 'REPLAYED' | 'ALREADY_CLAIMED' = 'GRANTED';
  problem: Problem | null = null;
  series = 0;
  grantedAt = 0;
  slot: number | null = null;
  readonly #packed: Uint8Array;
  readonly #view: DataView;
  readonly #seriesCount: number;
  readonly #problems: readonly Problem[];
  #at = 0;
  #deliveryAt = 0;
  #requestIdAt = 0;

  constructor([series, problems, packed]: BatchTuple) {
    this.#packed = packed;
    this.#view = new DataView(packed.buffer, packed.byteOffset, packed.length);
    this.#seriesCount = series.length;
    this.#problems = problems.map(problemOf);
  }

  next(): void {
    const code = this.#view.getUint8(this.#skip(1));
    const place = this.#view.getUint16(this.#skip(2));
    this.problem = null;
    if (code === 0) this.#takeProblem(place);
    else this.#takeClaim(code, place);
  }

  /** To be called after the last entry. */
  end(): void {
    if (this.#at !== this.#packed.length) throw new ReplyRefused('packed: as many entries as claims');
  }

  get delivery(): Delivery {
    if (this.#deliveryAt === 0) return { state: 'PENDING', attempts: 0, fulfilledAt: null };
    const state = DELIVERY_STATES[this.#view.getUint8(this.#deliveryAt)] as Delivery['state'];
    const fulfilledAt = this.#time(this.#deliveryAt + 5);
    return { state, attempts: this.#view.getUint32(this.#deliveryAt + 1), fulfilledAt: fulfilledAt || null };
  }

  /** Of the claim that won; only for ALREADY_CLAIMED. */
  get requestId(): string {
    const codes: unknown = this.#packed.subarray(this.#requestIdAt, this.#at);
    // A spread would take the bytes out one by one, which is what a duplicate costs most.
    return String.fromCharCode.apply(String, codes as number[]);
  }

  #takeProblem(place: number): void {
    const problem = this.#problems[place];
    if (problem === undefined) throw new ReplyRefused('packed: a problem of the table');
    this.problem = problem;
  }

  #takeClaim(code: number, place: number): void {
    const name = NAMES.get(code as typeof CODES.ALREADY);
    if (name === undefined) throw new ReplyRefused('packed: a known code');
    if (place >= this.#seriesCount) throw new ReplyRefused('packed: a series of the table');
    this.name = name;
    this.series = place;
    this.grantedAt = this.#time(this.#skip(6));
    const flags = this.#view.getUint8(this.#skip(1));
    if (flags > (FLAG.slot | FLAG.delivery)) throw new ReplyRefused('packed: known flags');
    this.slot = (flags & FLAG.slot) === 0 ? null : this.#view.getUint32(this.#skip(ENTRY_BYTES.slot));
    this.#deliveryAt = (flags & FLAG.delivery) === 0 ? 0 : this.#skip(ENTRY_BYTES.delivery);
    if (this.#deliveryAt > 0 && this.#view.getUint8(this.#deliveryAt) >= DELIVERY_STATES.length) {
      throw new ReplyRefused('packed: a known delivery state');
    }
    if (name === 'ALREADY_CLAIMED') this.#passRequestId();
  }

  #passRequestId(): void {
    const length = this.#view.getUint8(this.#skip(1));
    if (length === 0 || length > LIMITS.requestIdLengthMax) throw new ReplyRefused('packed: a request id');
    this.#requestIdAt = this.#skip(length);
    for (let i = this.#requestIdAt; i < this.#at; i++) {
      const character = this.#packed[i] as number;
      if (character < 0x21 || character > 0x7e) throw new ReplyRefused('packed: visible ASCII characters');
    }
  }

  #time(at: number): number {
    return this.#view.getUint16(at) * 0x1_0000_0000 + this.#view.getUint32(at + 2);
  }

  /** Where the next `count` bytes begin. */
  #skip(count: number): number {
    const at = this.#at;
    if (count > this.#packed.length - at) throw new ReplyRefused('packed: whole entries');
    this.#at = at + count;
    return at;
  }
}

function problemOf(body: unknown): Problem {
  const reply = decodeReply(body);
  if (isSuccess(reply)) throw new ReplyRefused('problems: no successes');
  return reply;
}
