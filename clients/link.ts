/**
 * A place for one connection to one server, filled again when it is lost: exponential backoff with full jitter, so that
 * a thousand clients of a server that restarts do not come back in one moment.
 */
import type { Closing } from './closing.ts';
import { Connection, type ConnectionNeeds, type ConnectionOwner } from './connection.ts';
import type { Notice } from './notices.ts';
import { jitterMs, RECONNECT } from './retry.ts';

/** `learned`: not among the configured servers; it is dropped with its connection. */
export type Origin = 'configured' | 'learned';
export type LinkOwner = Omit<ConnectionOwner, 'onClosed'> & {
  onClosed(link: Link, connection: Connection, closing: Closing): void;
};

export class Link implements ConnectionOwner {
  readonly origin: Origin;
  readonly address: string;
  readonly #needs: Omit<ConnectionNeeds, 'owner'>;
  readonly #owner: LinkOwner;
  #connection: Connection | null = null;
  #closing: Closing | null = null;
  #failures = 0;
  #livedMs = 0;
  #readyAt: number | null = null;
  #cancelWait: (() => void) | null = null;
  #isClosed = false;

  constructor(origin: Origin, needs: Omit<ConnectionNeeds, 'owner'>, owner: LinkOwner) {
    this.origin = origin;
    this.address = needs.server.address;
    this.#needs = needs;
    this.#owner = owner;
  }

  /** Why its last connection ended; null before the first has. */
  get closing(): Closing | null {
    return this.#closing;
  }

  /** How long its last connection was ready. */
  get livedMs(): number {
    return this.#livedMs;
  }

  /** True while its connection is ready or may become so. */
  get isOnItsWay(): boolean {
    const state = this.#connection?.state ?? 'closed';
    return state !== 'leaving' && state !== 'closed';
  }

  /** Requests handed to its connection, and those of them that have no reply yet. */
  get sent(): number {
    return this.#connection?.sent ?? 0;
  }
  get inFlight(): number {
    return this.#connection?.inFlight ?? 0;
  }

  open(): void {
    this.#readyAt = null;
    this.#connection = new Connection({ ...this.#needs, owner: this });
  }

  /** Ends the connection and makes no other. */
  close(): void {
    this.#isClosed = true;
    this.#cancelWait?.();
    this.#connection?.close();
  }

  onReady(connection: Connection): void {
    this.#readyAt = this.#needs.runtime.monotonicMs();
    this.#owner.onReady(connection);
  }

  onRoom(connection: Connection): void {
    this.#owner.onRoom(connection);
  }

  onLeaving(connection: Connection): void {
    this.#owner.onLeaving(connection);
  }

  onNotice(notice: Notice): void {
    this.#owner.onNotice(notice);
  }

  onClosed(connection: Connection, closing: Closing): void {
    const { runtime } = this.#needs;
    this.#connection = null;
    this.#closing = closing;
    // A server that accepts and drops at once must not reset the backoff.
    this.#livedMs = this.#readyAt === null ? 0 : runtime.monotonicMs() - this.#readyAt;
    this.#failures = this.#livedMs >= RECONNECT.maxMs ? 0 : this.#failures + 1;
    if (!this.#isClosed && this.origin === 'configured') {
      this.#cancelWait = runtime.after(jitterMs(RECONNECT, this.#failures, runtime), () => this.open());
    }
    this.#owner.onClosed(this, connection, closing);
  }
}
