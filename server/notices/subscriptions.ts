/**
 * Who wants to be told of what. Bounded per listener and in all. A listener that has gone is found by asking it, when
 * something is to be told or when the sweep comes by, so that nothing has to announce its end.
 */
export type Listener = {
  readonly isOpen: boolean;
  notify(frame: Uint8Array): void;
};

export type SubscriptionLimits = { eventsMax: number; usersMax: number };
export const SUBSCRIPTION_LIMITS: SubscriptionLimits = { eventsMax: 2_000, usersMax: 100_000 };

type Wanted = { events: Set<string>; users: Set<string> };

export class Subscriptions {
  readonly #limits: SubscriptionLimits;
  readonly #wanted = new Map<Listener, Wanted>();
  readonly #byEvent = new Map<string, Set<Listener>>();
  readonly #byUser = new Map<string, Set<Listener>>();

  constructor(limits: SubscriptionLimits = SUBSCRIPTION_LIMITS) {
    this.#limits = limits;
  }

  get hasUsers(): boolean {
    return this.#byUser.size > 0;
  }

  /** False, and nothing is added, when the listener would have more than the limits allow. */
  add(listener: Listener, events: readonly string[], users: readonly string[]): boolean {
    const wanted = this.#wanted.get(listener) ?? { events: new Set(), users: new Set() };
    const { eventsMax, usersMax } = this.#limits;
    if (countWith(wanted.events, events) > eventsMax || countWith(wanted.users, users) > usersMax) return false;
    this.#wanted.set(listener, wanted);
    for (const key of events) join(this.#byEvent, wanted.events, key, listener);
    for (const key of users) join(this.#byUser, wanted.users, key, listener);
    return true;
  }

  remove(listener: Listener, events: readonly string[], users: readonly string[]): void {
    const wanted = this.#wanted.get(listener);
    if (wanted === undefined) return;
    for (const key of events) leave(this.#byEvent, wanted.events, key, listener);
    for (const key of users) leave(this.#byUser, wanted.users, key, listener);
  }

  has(listener: Listener): boolean {
    return this.#wanted.has(listener);
  }

  /** Every listener, whatever it named. */
  all(): Iterable<Listener> {
    return this.#wanted.keys();
  }

  ofEvent(eventKey: string): Iterable<Listener> {
    return this.#byEvent.get(eventKey) ?? [];
  }

  ofUser(userId: string): Iterable<Listener> {
    return this.#byUser.get(userId) ?? [];
  }

  events(): Iterable<string> {
    return this.#byEvent.keys();
  }

  users(): Iterable<string> {
    return this.#byUser.keys();
  }

  wantsEvent(eventKey: string): boolean {
    return this.#byEvent.has(eventKey);
  }

  wantsUser(userId: string): boolean {
    return this.#byUser.has(userId);
  }

  /** Forgets listeners that have gone. */
  sweep(): void {
    for (const [listener, { events, users }] of this.#wanted) {
      if (listener.isOpen) continue;
      this.remove(listener, [...events], [...users]);
      this.#wanted.delete(listener);
    }
  }
}

function countWith(have: ReadonlySet<string>, more: readonly string[]): number {
  let count = have.size;
  for (const key of new Set(more)) if (!have.has(key)) count++;
  return count;
}

function join(index: Map<string, Set<Listener>>, wanted: Set<string>, key: string, listener: Listener): void {
  wanted.add(key);
  const listeners = index.get(key) ?? new Set();
  listeners.add(listener);
  index.set(key, listeners);
}

function leave(index: Map<string, Set<Listener>>, wanted: Set<string>, key: string, listener: Listener): void {
  wanted.delete(key);
  const listeners = index.get(key);
  listeners?.delete(listener);
  if (listeners?.size === 0) index.delete(key);
}
