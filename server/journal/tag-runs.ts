/**
 * Runs of 16-bit tags, all of one length, side by side in pages: the storage of `RequestFilter`. No place is ever empty,
 * since the last run moves to where one was removed; so a page is needed only when all before it are full.
 * A run is its owner's number and then two tags a word, the first in the lower half; what is unused is zero.
 */
/** Lengths are multiples of this: short enough to waste 8 bytes a run on average. */
const STEP_WORDS = 4;
const PAGE_BITS = 10;
const PAGE_RUNS = 1 << PAGE_BITS;
const EACH_HALF = 0x00010001;

export class Runs {
  readonly #words: number;
  readonly #pages: Int32Array[] = [];
  #count = 0;

  constructor(steps: number) {
    this.#words = steps * STEP_WORDS;
  }

  get bytes(): number {
    return this.#pages.length * PAGE_RUNS * this.#words * 4;
  }

  /** Whether `tag` is one of the run's first `count`; two are compared at once. An unused half counts as tag 0. */
  holds(place: number, tag: number, count: number): boolean {
    const page = this.#pageOf(place);
    const sought = tag | (tag << 16);
    const start = this.#offsetOf(place) + 1;
    const end = start + ((count + 1) >> 1);
    for (let at = start; at < end; at++) {
      const differing = (page[at] as number) ^ sought;
      // The borrow of a half that is zero sets its upper bit; one that was set already is masked out.
      if (((differing - EACH_HALF) & ~differing & (EACH_HALF << 15)) !== 0) return true;
    }
    return false;
  }

  /** Reads the run's first word, which lies beside its tags. */
  touch(place: number): number {
    return this.#pageOf(place)[this.#offsetOf(place)] as number;
  }

  /** Writes the run's tag number `nth`, which was unused. */
  write(place: number, tag: number, nth: number): void {
    const at = this.#offsetOf(place) + 1 + (nth >> 1);
    const page = this.#pageOf(place);
    page[at] = (page[at] as number) | (tag << ((nth & 1) << 4));
  }

  /** Copies the run's first `count` tags. */
  copyTags(place: number, count: number, into: Uint16Array, at: number): void {
    const page = this.#pageOf(place);
    const start = this.#offsetOf(place) + 1;
    for (let nth = 0; nth < count; nth++) into[at + nth] = (page[start + (nth >> 1)] as number) >>> ((nth & 1) << 4);
  }

  /** Adds a run without tags and returns its place. */
  append(owner: number): number {
    const place = this.#count++;
    if (place >> PAGE_BITS === this.#pages.length) this.#pages.push(new Int32Array(PAGE_RUNS * this.#words));
    const page = this.#pageOf(place);
    const start = this.#offsetOf(place);
    page[start] = owner;
    for (let at = start + 1; at < start + this.#words; at++) page[at] = 0;
    return place;
  }

  /** Adds a copy of a shorter run and returns its place. */
  appendFrom(shorter: Runs, from: number): number {
    const place = this.append(0);
    this.#copy(shorter, from, place);
    return place;
  }

  /** Removes a run and returns the owner of the last one, which lies there now; the removed one's if it was the last. */
  remove(place: number): number {
    const last = --this.#count;
    if (last !== place) this.#copy(this, last, place);
    const owner = this.#pageOf(place)[this.#offsetOf(place)] as number;
    // Half a page stays in hand, so that runs that come and go do not allocate each time.
    if (this.#pages.length * PAGE_RUNS - last > 1.5 * PAGE_RUNS) this.#pages.pop();
    return owner;
  }

  /** Word by word, since runs are shorter than what a call of the built-in copy costs. */
  #copy(source: Runs, from: number, place: number): void {
    const read = source.#pageOf(from);
    const written = this.#pageOf(place);
    const start = this.#offsetOf(place) - source.#offsetOf(from);
    const end = source.#offsetOf(from) + source.#words;
    for (let at = source.#offsetOf(from); at < end; at++) written[start + at] = read[at] as number;
  }

  #pageOf(place: number): Int32Array {
    return this.#pages[place >> PAGE_BITS] as Int32Array;
  }

  #offsetOf(place: number): number {
    return (place & (PAGE_RUNS - 1)) * this.#words;
  }
}
