/**
 * What the attempt in a claim says about where it came from. `node.boot.number` names one decision of one boot: no two
 * claims share it, and one of a boot whose blocks are kept must be what its block says.
 *
 * Of blocks that are gone nothing is left to compare with, and a claim of a direct event never had one: then the attempt must
 * have the form, name a boot that has written here, and be no other claim's.
 */
import type { Block, BlockClaim } from '../store/block/reader.ts';
import { NumberSet } from './number-set.ts';

export type AttemptFault = 'claimWithoutEntry' | 'attemptInvalid' | 'attemptTwice';

/** The claims of kept blocks that are remembered, 8 bytes each. */
const KEPT_MAX = 8_388_608;
/** For the numbers that have been seen; more than that is forgotten, and doubles across it go unseen. */
const SEEN_BYTES_MAX = 134_217_728;

/** Of one boot, as far as it is kept: `keys[i]` is the digest of the claim key of attempt `first + i`. */
type Kept = { first: number; keys: number[] };
type Named = { claimKey: string; attempt: string; grantedAt: number };
/** Who has ever written claims into the store, and since when that is noted. */
type Known = { since: number; origins: ReadonlySet<string> };

export class Attempts {
  readonly #kept = new Map<string, Kept>();
  readonly #known: Known;
  #keptCount = 0;
  #seen = new Map<string, NumberSet>();

  constructor(known: Known) {
    this.#known = known;
  }

  /** Blocks come oldest first and whole. */
  addBlock({ origin, firstAttempt }: Block, claims: readonly BlockClaim[]): void {
    if (this.#keptCount + claims.length > KEPT_MAX) this.#forgetKept();
    const kept = this.#kept.get(origin) ?? { first: firstAttempt, keys: [] };
    this.#kept.set(origin, kept);
    for (const { record } of claims) kept.keys.push(digestOf(record.claimKey));
    this.#keptCount += claims.length;
  }

  /** Each claim comes once. */
  faultOf(claim: Named): AttemptFault | null {
    const parsed = parse(claim.attempt);
    if (parsed === null) return 'attemptInvalid';
    const { origin, number } = parsed;
    const { since, origins } = this.#known;
    if (!origins.has(origin) && claim.grantedAt >= since) return 'claimWithoutEntry';
    const kept = this.#kept.get(origin);
    if (kept !== undefined && number >= kept.first && kept.keys[number - kept.first] !== digestOf(claim.claimKey)) {
      return 'claimWithoutEntry';
    }
    return this.#seenOf(origin).add(number) ? null : 'attemptTwice';
  }

  #seenOf(origin: string): NumberSet {
    let bytes = 0;
    for (const seen of this.#seen.values()) bytes += seen.bytes;
    if (bytes > SEEN_BYTES_MAX) this.#seen = new Map();
    const seen = this.#seen.get(origin) ?? new NumberSet();
    this.#seen.set(origin, seen);
    return seen;
  }

  /** What is forgotten counts as gone: the next block begins anew. */
  #forgetKept(): void {
    this.#kept.clear();
    this.#keptCount = 0;
  }
}

function parse(attempt: string): { origin: string; number: number } | null {
  const [, origin, digits] = /^([^.]+(?:\.[^.]+)+)\.([1-9]\d{0,15}|0)$/.exec(attempt) ?? [];
  const number = Number(digits);
  return origin === undefined || !Number.isSafeInteger(number) ? null : { origin, number };
}

/** FNV-1a over 32 bits. Two keys that meet would have to be given one attempt as well. */
function digestOf(key: string): number {
  let digest = 0x811c9dc5;
  for (let i = 0; i < key.length; i++) digest = Math.imul(digest ^ key.charCodeAt(i), 0x01000193);
  return digest | 0;
}
