/**
 * A map that remembers the entries used last and forgets the rest: two plain maps, young and old. What is set or found
 * lives in the young one; when that holds half of the bound it becomes the old one, and the old one is dropped whole.
 * Against a linked list of uses it costs no pointer a hit and frees its entries at once. Invariant: never more than
 * `entriesMax` entries.
 */
export class RecentMap<K, V> {
  readonly #halfMax: number;
  #young = new Map<K, V>();
  #old = new Map<K, V>();

  /** At least the `entriesMax / 2` entries used last are kept; 0 or 1 keeps none. */
  constructor(entriesMax: number) {
    this.#halfMax = Math.floor(entriesMax / 2);
  }

  /** Finding an entry counts as using it. */
  get(key: K): V | undefined {
    const value = this.#young.get(key);
    if (value !== undefined) return value;
    const aged = this.#old.get(key);
    if (aged === undefined) return undefined;
    this.set(key, aged);
    return aged;
  }

  set(key: K, value: V): void {
    if (this.#halfMax === 0) return;
    if (this.#young.size >= this.#halfMax && !this.#young.has(key)) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    // What the old one may hold under this key is hidden by the young one, and dropped before it.
    this.#young.set(key, value);
  }

  delete(key: K): void {
    this.#young.delete(key);
    this.#old.delete(key);
  }

  clear(): void {
    this.#young = new Map();
    this.#old = new Map();
  }

  /** An upper bound: an entry that was used again may be counted twice. */
  get size(): number {
    return this.#young.size + this.#old.size;
  }
}
