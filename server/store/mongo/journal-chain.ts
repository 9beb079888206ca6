/**
 * The boots that the journal consists of, as the owner keeps them in memory: what of each is valid and still needed. The
 * owner record holds the same at most one renewal later, and always before anything is deleted. Pure.
 */

import type { BlockRange } from './journal-reads.ts';
import type { BlockDocument, BootRecord } from './journal-schema.ts';
import { sequenceOf } from './journal-schema.ts';

/** What of each boot lies before `until`. A boot that is not sealed has no end of its own. */
export function rangesOf(boots: readonly BootRecord[], until = Number.POSITIVE_INFINITY): BlockRange[] {
  return boots.map(({ origin, from, seal, endsAt }) => {
    const isWhole = seal !== null && endsAt !== null && endsAt <= until;
    const end = isWhole ? { below: seal, endsAt } : { below: Number.POSITIVE_INFINITY, endsAt: until };
    return { origin, from: from.sequence, startsAt: from.offset, ...end };
  });
}

export class Chain {
  readonly #sealed: BootRecord[];
  #own: BootRecord;
  #endsAt: number;

  /** `sealed` are the boots before, oldest first. */
  constructor(sealed: readonly BootRecord[], own: BootRecord) {
    this.#sealed = [...sealed];
    this.#own = own;
    this.#endsAt = own.startsAt;
  }

  /** For the owner record. */
  get boots(): BootRecord[] {
    return [...this.#sealed, this.#own];
  }

  /** The first byte that is needed. */
  get oldest(): number {
    const first = this.#sealed.find(({ from, endsAt }) => from.offset < (endsAt ?? 0)) ?? this.#own;
    return first.from.offset;
  }

  /** The byte behind the newest durable block. */
  get endsAt(): number {
    return this.#endsAt;
  }

  /** Those that are durable. */
  get ranges(): BlockRange[] {
    const { durable, from } = this.#own;
    const own = { below: Math.max(durable + 1, from.sequence), endsAt: this.#endsAt };
    return rangesOf(this.boots).map((range) => (range.origin === this.#own.origin ? { ...range, ...own } : range));
  }

  /** Blocks come in the order of their sequences. */
  extend({ _id, offset, bytes }: BlockDocument): void {
    this.#own = { ...this.#own, durable: sequenceOf(_id) };
    this.#endsAt = offset + bytes;
  }

  /** Blocks of `origin` before `from` are needed no more. */
  shorten(origin: string, from: BootRecord['from']): void {
    const index = this.#sealed.findIndex((boot) => boot.origin === origin);
    const boot = this.#sealed[index];
    if (boot !== undefined) this.#sealed[index] = { ...boot, from };
    else if (origin === this.#own.origin) this.#own = { ...this.#own, from };
  }

  /** All of its blocks are deleted. */
  drop(origin: string): void {
    const index = this.#sealed.findIndex((boot) => boot.origin === origin);
    if (index >= 0) this.#sealed.splice(index, 1);
  }
}
