/**
 * The request numbers in flight on one connection: open addressing over one typed array, because a `Set` was a tenth of
 * the time of a small request. A number's home is its low bits, so the numbers of a client that counts up never
 * collide. Whatever numbers a peer chooses, a look-up passes at most `inFlightFramesMax` slots. Beside each number stands
 * how many claims its request holds.
 */
const EMPTY = -1;
const FIRST_SLOTS = 64;

export class InFlight {
  #slots = new Float64Array(0);
  #weights = new Uint16Array(0);
  #mask = -1;
  #size = 0;
  #claims = 0;

  get size(): number {
    return this.#size;
  }

  /** Claims in all requests in flight. */
  get claims(): number {
    return this.#claims;
  }

  has(number: number): boolean {
    return this.#size > 0 && this.#slots[this.#find(number)] === number;
  }

  /** False when the number is in flight already. */
  add(number: number, claims = 0): boolean {
    // At most half full, so that a run of taken slots ends soon.
    if (this.#size * 2 >= this.#slots.length) this.#grow();
    const at = this.#find(number);
    if (this.#slots[at] === number) return false;
    this.#slots[at] = number;
    this.#weights[at] = claims;
    this.#claims += claims;
    this.#size++;
    return true;
  }

  /** The request holds so many claims, at most 65,535; they leave with its number, which must be in flight. */
  weigh(number: number, claims: number): void {
    const at = this.#find(number);
    if (this.#slots[at] !== number) throw new Error(`request ${number} is not in flight`);
    this.#claims += claims - (this.#weights[at] as number);
    this.#weights[at] = claims;
  }

  /** False when the number is not in flight. */
  delete(number: number): boolean {
    if (this.#size === 0) return false;
    const at = this.#find(number);
    if (this.#slots[at] !== number) return false;
    this.#size--;
    this.#claims -= this.#weights[at] as number;
    this.#weights[at] = 0;
    this.#close(at);
    return true;
  }

  clear(): void {
    this.#slots = new Float64Array(0);
    this.#weights = new Uint16Array(0);
    this.#mask = -1;
    this.#size = 0;
    this.#claims = 0;
  }

  /** Where the number is, or the free slot where it would go. */
  #find(number: number): number {
    const slots = this.#slots;
    const mask = this.#mask;
    let at = number & mask;
    for (let there = slots[at]; there !== EMPTY && there !== number; there = slots[at]) at = (at + 1) & mask;
    return at;
  }

  /** Moves back what had to step over the slot that is now free, so that no search ends too early. */
  #close(free: number): void {
    const slots = this.#slots;
    const weights = this.#weights;
    const mask = this.#mask;
    let hole = free;
    for (let at = (hole + 1) & mask; slots[at] !== EMPTY; at = (at + 1) & mask) {
      const number = slots[at] as number;
      const stepsFromHome = (at - number) & mask;
      if (stepsFromHome < ((at - hole) & mask)) continue;
      slots[hole] = number;
      weights[hole] = weights[at] as number;
      weights[at] = 0;
      hole = at;
    }
    slots[hole] = EMPTY;
  }

  #grow(): void {
    const before = this.#slots;
    const weightsBefore = this.#weights;
    this.#slots = new Float64Array(Math.max(FIRST_SLOTS, before.length * 2)).fill(EMPTY);
    this.#weights = new Uint16Array(this.#slots.length);
    this.#mask = this.#slots.length - 1;
    for (const [i, number] of before.entries()) {
      if (number === EMPTY) continue;
      const at = this.#find(number);
      this.#slots[at] = number;
      this.#weights[at] = weightsBefore[i] as number;
    }
  }
}
