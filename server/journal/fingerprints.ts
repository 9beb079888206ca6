/**
 * Where the claims of one window are, by the hash of their user: 8-byte slots of a 32-bit tag and a 32-bit position. It
 * keeps no keys: a miss is certain, a hit is only likely to be the one sought, and whoever asks verifies it against the
 * record. Open addressing in 256 tables, chosen by eight bits of the hash that the tag does not hold. Each table grows
 * by itself and at its own time, so that no `add` waits for millions of entries to move and memory has no steps.
 * Invariant: an entry's tag alone gives its home slot, and no slot from its home to itself is empty.
 */
/** What `find` and `next` return when there is no (further) entry. */
export const ABSENT = -1;

export const TABLES = 256;
/** Above this share of used slots a table grows: 13 bytes an entry on average, 9 slots read for a miss at the worst. */
const FILL_MAX = 0.75;
/** The largest array that V8 keeps inside its object: small windows need no allocation outside the heap. */
const SLOTS_FIRST = 8;
/** What V8 adds to each table by its objects, as measured; small windows are mostly that. */
const TABLE_BYTES = 192;
/** An empty slot's tag; an entry whose hash says so takes another, which is one more collision in 2^32. */
const EMPTY = 0;

/** Shared by all who hold nothing: its one empty slot ends every walk, and the first `add` replaces it. */
const NO_TABLE: Int32Array = new Int32Array(2);
const NO_TABLES: readonly Int32Array[] = new Array<Int32Array>(TABLES).fill(NO_TABLE);

/** One for each event and period. Halves of hashes are 32 bits, signed or not. */
export class Fingerprints {
  /** Entries held. */
  count = 0;
  /** Of memory, V8's share included. */
  bytes = 0;
  #tables = NO_TABLES as Int32Array[];
  #counts = NO_TABLE;
  /** Where the last walk stands; its tag is EMPTY when it has ended. */
  #slots = NO_TABLE;
  #tag = EMPTY;
  #at = 0;

  /**
   * The position of the first entry with this hash, or ABSENT. Begins a walk that `next` goes on with and that any
   * other call ends: gather the positions before waiting for anything.
   */
  find(high: number, low: number): number {
    const slots = this.#tables[high >>> 24] as Int32Array;
    const tag = tagOf(low);
    return this.#walk(slots, tag, homeOf(tag, slots.length));
  }

  /** Reads where a walk for this hash would begin, so that it is near when the walk comes. What it returns means nothing. */
  touch(high: number, low: number): number {
    const slots = this.#tables[high >>> 24] as Int32Array;
    return slots[homeOf(tagOf(low), slots.length)] as number;
  }

  /** The position of a further entry with the hash last sought, or ABSENT. */
  next(): number {
    return this.#tag === EMPTY ? ABSENT : this.#walk(this.#slots, this.#tag, after(this.#at, this.#slots.length));
  }

  /** Adds an entry, beside any that have the same hash; `position` is any unsigned 32-bit number. */
  add(high: number, low: number, position: number): void {
    if (this.#tables === NO_TABLES) this.#begin();
    const index = high >>> 24;
    const count = (this.#counts[index] as number) + 1;
    let slots = this.#tables[index] as Int32Array;
    if (count * 2 > slots.length * FILL_MAX) slots = this.#grow(index, count);
    put(slots, tagOf(low), position);
    this.#counts[index] = count;
    this.count++;
    this.#tag = EMPTY;
  }

  /** Removes one entry with this hash and position; false when there is none. */
  remove(high: number, low: number, position: number): boolean {
    let found = this.find(high, low);
    while (found !== ABSENT && found !== position >>> 0) found = this.next();
    if (found === ABSENT) return false;
    closeGap(this.#slots, this.#at);
    const index = high >>> 24;
    this.#counts[index] = (this.#counts[index] as number) - 1;
    this.count--;
    this.#tag = EMPTY;
    return true;
  }

  /** The slots of one of the tables as they lie, a tag and a position in turn, for who copies them at once: EMPTY is tag 0. */
  slotsOf(table: number): Int32Array {
    return this.#tables[table] as Int32Array;
  }

  /** Makes room in a table for so many entries more: those that come in the order of their tags would else lie in heaps. */
  reserve(table: number, entries: number): void {
    if (this.#tables === NO_TABLES) this.#begin();
    const count = (this.#counts[table] as number) + entries;
    if (count * 2 > (this.#tables[table] as Int32Array).length * FILL_MAX) this.#grow(table, count);
  }

  /** Forgets the entries of a table whose positions are old, and gives back the memory that they took. */
  prune(table: number, isOld: (position: number) => boolean): void {
    const old = this.#tables[table] as Int32Array;
    let kept = 0;
    for (let at = 0; at < old.length; at += 2) {
      if (old[at] !== EMPTY && !isOld((old[at + 1] as number) >>> 0)) kept++;
    }
    const forgotten = (this.#counts[table] ?? 0) - kept;
    if (forgotten === 0) return;
    let length = 0;
    while (kept > length * FILL_MAX) length = slotsAfter(length, table);
    const slots = kept === 0 ? NO_TABLE : new Int32Array(2 * length);
    for (let at = 0; at < old.length; at += 2) {
      const position = (old[at + 1] as number) >>> 0;
      if (old[at] !== EMPTY && !isOld(position)) put(slots, old[at] as number, position);
    }
    this.#tables[table] = slots;
    this.#counts[table] = kept;
    this.count -= forgotten;
    this.bytes += bytesOf(slots) - bytesOf(old);
    this.#tag = EMPTY;
  }

  /** Forgets everything and gives the memory back. */
  clear(): void {
    this.#tables = NO_TABLES as Int32Array[];
    this.#counts = NO_TABLE;
    this.#slots = NO_TABLE;
    this.#tag = EMPTY;
    this.count = 0;
    this.bytes = 0;
  }

  #walk(slots: Int32Array, tag: number, from: number): number {
    for (let at = from; slots[at] !== EMPTY; at = after(at, slots.length)) {
      if (slots[at] !== tag) continue;
      this.#slots = slots;
      this.#tag = tag;
      this.#at = at;
      return (slots[at + 1] as number) >>> 0;
    }
    this.#tag = EMPTY;
    return ABSENT;
  }

  #begin(): void {
    this.#tables = NO_TABLES.slice();
    this.#counts = new Int32Array(TABLES);
    this.bytes = TABLES * (8 + this.#counts.BYTES_PER_ELEMENT);
  }

  /** Homes rise with tags, so that the old table is read and the new one written from one end to the other. */
  #grow(index: number, count: number): Int32Array {
    const old = this.#tables[index] as Int32Array;
    let length = old.length / 2;
    do length = slotsAfter(length, index);
    while (count > length * FILL_MAX);
    const slots = new Int32Array(2 * length);
    for (let at = 0; at < old.length; at += 2) {
      const tag = old[at] as number;
      if (tag !== EMPTY) put(slots, tag, old[at + 1] as number);
    }
    this.#tables[index] = slots;
    this.bytes += bytesOf(slots) - bytesOf(old);
    return slots;
  }
}

/** V8's share included. */
function bytesOf(slots: Int32Array): number {
  return slots === NO_TABLE ? 0 : slots.byteLength + TABLE_BYTES;
}

/** By half each time, from one of eight sizes: were all alike, all would grow within the same moment. */
function slotsAfter(slots: number, index: number): number {
  if (slots < SLOTS_FIRST) return SLOTS_FIRST;
  return slots === SLOTS_FIRST ? 2 * SLOTS_FIRST + (index & 7) : slots + (slots >> 1);
}

function tagOf(low: number): number {
  return low | 0 || 1;
}

/** Where in an array of `length` words the entry belongs: the tag as a fraction of 2^32, scaled to slots. */
function homeOf(tag: number, length: number): number {
  return (((tag >>> 0) * (length * 2 ** -33)) | 0) << 1;
}

function after(at: number, length: number): number {
  return at + 2 === length ? 0 : at + 2;
}

function put(slots: Int32Array, tag: number, position: number): void {
  let at = homeOf(tag, slots.length);
  while (slots[at] !== EMPTY) at = after(at, slots.length);
  slots[at] = tag;
  slots[at + 1] = position;
}

/** Moves up the entries that the removed one had pushed on, since an empty slot would hide them. */
function closeGap(slots: Int32Array, removed: number): void {
  const { length } = slots;
  let gap = removed;
  for (let at = after(gap, length); slots[at] !== EMPTY; at = after(at, length)) {
    const pushed = at - homeOf(slots[at] as number, length);
    const distance = at - gap;
    if ((pushed < 0 ? pushed + length : pushed) < (distance < 0 ? distance + length : distance)) continue;
    slots[gap] = slots[at] as number;
    slots[gap + 1] = slots[at + 1] as number;
    gap = at;
  }
  slots[gap] = EMPTY;
}
