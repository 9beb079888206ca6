/**
 * Once a turn of the event loop, after the input that is waiting has been read, writes the outbox of every connection
 * that has one. Afterwards, because replies make room, connections that were not read while everything was full are
 * read again.
 */
import type { Runtime } from '../../protocol/runtime.ts';

type Flushed = { flush(): void };
type Held = { release(): void };

export class Flusher {
  readonly #runtime: Runtime;
  readonly #isFull: () => boolean;
  readonly #flush = () => this.flush();
  #dirty: Flushed[] = [];
  #held = new Set<Held>();

  constructor(runtime: Runtime, isFull: () => boolean) {
    this.#runtime = runtime;
    this.#isFull = isFull;
  }

  /** Call it for the first frame in an outbox; more frames need no call. */
  mark(connection: Flushed): void {
    if (this.#dirty.push(connection) === 1) this.#runtime.soon(this.#flush);
  }

  flush(): void {
    const dirty = this.#dirty;
    this.#dirty = [];
    for (const connection of dirty) connection.flush();
    if (this.#held.size > 0) this.releaseHeld();
  }

  /** True when everything is full: the connection is held and must not be read until its `release`. */
  hold(connection: Held): boolean {
    if (!this.#isFull()) return false;
    this.#held.add(connection);
    return true;
  }

  forget(connection: Held): void {
    this.#held.delete(connection);
  }

  releaseHeld(): void {
    if (this.#held.size === 0 || this.#isFull()) return;
    const held = this.#held;
    this.#held = new Set();
    for (const connection of held) connection.release();
  }
}
