/**
 * Which request ids may have been seen: a yes may be wrong, a no never is, so that a fresh request needs no look-up in
 * the store. Each of 2^19 buckets is a run of 16-bit tags without gaps; runs of one length lie side by side in
 * `Runs`.
 * A run that outgrows its length moves to the next: nothing is rehashed, and no `add` moves more than two short runs.
 * A wrong yes is as likely as its bucket has tags in 65,536: 0.09 % at 30 M requests, 0.5 % at 170 M. Doubling
 * layers of blocked Bloom filters were about as fast, but err four times as often in as much memory, and take twice as
 * much whenever a layer has just begun.
 * Invariant: a bucket's entry in the directory holds the count of its tags, which gives the length of its run, and the
 * place of the run among those of its length.
 */
import { Runs } from './tag-runs.ts';

export const BUCKETS = 1 << 19;
export const BUCKET_SHIFT = 13;
const COUNT_BITS = 13;
/** A bucket with so many tags takes no more and says yes to all: 4,000 M requests. */
export const COUNT_MAX = (1 << COUNT_BITS) - 1;

/** Halves of hashes are 32 bits, signed or not; 19 bits of `high` and 16 of `low` count. */
export class RequestFilter {
  /** Requests added. */
  count = 0;
  #directory = new Int32Array(0);
  /** By length in steps; the first has no length and holds nothing. */
  #lengths = [new Runs(0)];
  #isGivenUp = false;

  /** Of directory and runs, without V8's headers. */
  get bytes(): number {
    return this.#lengths.reduce((sum, { bytes }) => sum + bytes, this.#directory.byteLength);
  }

  /** Whether this request may have been added; false is certain. */
  has(high: number, low: number): boolean {
    if (this.count === 0 || this.#isGivenUp) return this.#isGivenUp;
    const entry = this.#directory[high >>> BUCKET_SHIFT] as number;
    const count = entry & COUNT_MAX;
    if (count === 0 || count === COUNT_MAX) return count === COUNT_MAX;
    const runs = this.#lengths[stepsOf(count)] as Runs;
    return runs.holds(entry >>> COUNT_BITS, low & 0xffff, count);
  }

  /** Reads where `has` would look for this request, so that it is near when it does. What it returns means nothing. */
  touch(high: number): number {
    const entry = this.#directory[high >>> BUCKET_SHIFT] ?? 0;
    const count = entry & COUNT_MAX;
    if (count === 0 || count === COUNT_MAX) return 0;
    return (this.#lengths[stepsOf(count)] as Runs).touch(entry >>> COUNT_BITS);
  }

  /** Adds a request; ask `has` first, since one that is added twice takes room twice. */
  add(high: number, low: number): void {
    if (this.#isGivenUp) return;
    if (this.count === 0) this.#directory = new Int32Array(BUCKETS);
    this.count++;
    const bucket = high >>> BUCKET_SHIFT;
    const entry = this.#directory[bucket] as number;
    const count = entry & COUNT_MAX;
    if (count === COUNT_MAX) return;
    const steps = stepsOf(count + 1);
    const place = steps === stepsOf(count) ? entry >>> COUNT_BITS : this.#lengthen(bucket, entry, steps);
    (this.#lengths[steps] as Runs).write(place, low & 0xffff, count);
    this.#directory[bucket] = (place << COUNT_BITS) | (count + 1);
  }

  /** It says yes to all from now on. */
  get isGivenUp(): boolean {
    return this.#isGivenUp;
  }

  /** Forgets everything for good and gives the memory back. */
  giveUp(): void {
    this.#isGivenUp = true;
    this.#directory = new Int32Array(0);
    this.#lengths = [new Runs(0)];
  }

  /** Copies the tags of a bucket to `at`, where there must be room for COUNT_MAX, and returns how many they are. */
  copyTags(bucket: number, into: Uint16Array, at: number): number {
    const entry = this.#directory[bucket] ?? 0;
    const count = entry & COUNT_MAX;
    if (count > 0) (this.#lengths[stepsOf(count)] as Runs).copyTags(entry >>> COUNT_BITS, count, into, at);
    return count;
  }

  /** Moves a run to the next length; the last of its old neighbours takes its place. Returns the new place. */
  #lengthen(bucket: number, entry: number, steps: number): number {
    if (this.#lengths.length === steps) this.#lengths.push(new Runs(steps));
    const longer = this.#lengths[steps] as Runs;
    if (steps === 1) return longer.append(bucket);
    const shorter = this.#lengths[steps - 1] as Runs;
    const place = longer.appendFrom(shorter, entry >>> COUNT_BITS);
    const moved = shorter.remove(entry >>> COUNT_BITS);
    const count = (this.#directory[moved] as number) & COUNT_MAX;
    this.#directory[moved] = ((entry >>> COUNT_BITS) << COUNT_BITS) | count;
    return place;
  }
}

/** The steps of a run that holds `count` tags, whose first word is its owner's. */
function stepsOf(count: number): number {
  return count === 0 ? 0 : (count + 9) >> 3;
}
