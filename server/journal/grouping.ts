/**
 * Holds hashes back and hands them out grouped by their uppermost eight bits. Tables that are chosen by these bits are then
 * filled one after the other, each of them small enough for the processor's cache: many times as quick as by turns.
 */
const GROUPS = 256;
const GROUP_SHIFT = 24;
const LENGTH = 1 << 18;

export class Grouping<T> {
  readonly #take: (of: T, high: number, low: number, position: number) => void;
  readonly #of: T[] = [];
  readonly #highs = new Int32Array(LENGTH);
  readonly #lows = new Int32Array(LENGTH);
  readonly #positions = new Uint32Array(LENGTH);
  readonly #order = new Uint32Array(LENGTH);
  #count = 0;

  /** `take` is told of each in the end; those of one group in the order in which they came. */
  constructor(take: (of: T, high: number, low: number, position: number) => void) {
    this.#take = take;
  }

  add(of: T, high: number, low: number, position: number): void {
    const at = this.#count++;
    this.#of[at] = of;
    this.#highs[at] = high;
    this.#lows[at] = low;
    this.#positions[at] = position;
    if (this.#count === LENGTH) this.flush();
  }

  /** Hands out what is held back. */
  flush(): void {
    const order = this.#ordered();
    for (let nth = 0; nth < this.#count; nth++) {
      const at = order[nth] as number;
      this.#take(this.#of[at] as T, this.#highs[at] as number, this.#lows[at] as number, this.#positions[at] as number);
    }
    this.#count = 0;
    this.#of.length = 0;
  }

  #ordered(): Uint32Array {
    const ends = new Uint32Array(GROUPS + 1);
    for (let at = 0; at < this.#count; at++) {
      const group = ((this.#highs[at] as number) >>> GROUP_SHIFT) + 1;
      ends[group] = (ends[group] as number) + 1;
    }
    for (let group = 0; group < GROUPS; group++)
      ends[group + 1] = (ends[group + 1] as number) + (ends[group] as number);
    for (let at = 0; at < this.#count; at++) {
      const group = (this.#highs[at] as number) >>> GROUP_SHIFT;
      const place = ends[group] as number;
      this.#order[place] = at;
      ends[group] = place + 1;
    }
    return this.#order;
  }
}
