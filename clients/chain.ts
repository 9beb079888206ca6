/**
 * A queue from whose middle an entry leaves at the cost of two pointers: requests that wait and deadlines that run both
 * end mostly out of order. An array would be searched, and a Set that loses its front is slow to find its first.
 */
export class Entry<T> {
  readonly value: T;
  readonly weight: number;
  chain: Chain<T> | null = null;
  before: Entry<T> | null = null;
  after: Entry<T> | null = null;

  constructor(value: T, weight: number) {
    this.value = value;
    this.weight = weight;
  }

  /** Leaves its chain; does nothing when it has left before. */
  remove(): void {
    this.chain?.cut(this);
  }
}

export class Chain<T> {
  #first: Entry<T> | null = null;
  #last: Entry<T> | null = null;
  #length = 0;
  #weight = 0;

  get length(): number {
    return this.#length;
  }

  /** The sum of what its entries weigh. */
  get weight(): number {
    return this.#weight;
  }

  get first(): T | undefined {
    return this.#first?.value;
  }

  append(value: T, weight = 1): Entry<T> {
    const entry = new Entry(value, weight);
    entry.chain = this;
    entry.before = this.#last;
    if (this.#last === null) this.#first = entry;
    else this.#last.after = entry;
    this.#last = entry;
    this.#length++;
    this.#weight += weight;
    return entry;
  }

  /** Takes the first value out; undefined when there is none. */
  shift(): T | undefined {
    const entry = this.#first;
    if (entry === null) return undefined;
    this.cut(entry);
    return entry.value;
  }

  /** Called by the entry, which knows that it is in this chain. */
  cut(entry: Entry<T>): void {
    if (entry.before === null) this.#first = entry.after;
    else entry.before.after = entry.after;
    if (entry.after === null) this.#last = entry.before;
    else entry.after.before = entry.before;
    entry.chain = entry.before = entry.after = null;
    this.#length--;
    this.#weight -= entry.weight;
  }
}
