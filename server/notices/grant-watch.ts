/**
 * Finds claims that other nodes granted to users whom somebody here wants to hear of. A claim key is known before the
 * claim is, so the question is a look-up by primary key for each such user and each event that runs, a bounded number a
 * second: with more pairs than that everybody is told later than within two seconds, and nobody's claims wait for it.
 * A change stream would do the same by reading every claim of every node.
 */
import { claimKeyOf } from '../../protocol/key.ts';
import type { Runtime } from '../../protocol/runtime.ts';
import { RecentMap } from '../lib/recent-map.ts';
import { spanAt } from '../rules/calendar.ts';
import { claimInstant } from '../rules/decide.ts';
import type { ClaimRecord, EventRecord, Store } from '../store/store.ts';
import { stateAt } from './standing.ts';

const LOOK_MS = 1_000;
const KEYS_MAX = 20_000;
const KEYS_AT_ONCE = 1_000;
const EVENTS_READ_MS = 3_000;
const EVENTS_MAX = 200;
/** Pairs that need no more looks in their period. */
const SETTLED_MAX = 1_000_000;
/** What was granted while its user was being asked for is new to them. */
const OVERLAP_MS = 500;

export type GrantWatchOptions = {
  store: Pick<Store, 'claims' | 'events'>;
  runtime: Runtime;
  nowMs: () => number;
  /** The users to look at. */
  wanted: () => Iterable<string>;
  found: (claim: ClaimRecord, event: EventRecord) => void;
};

export class GrantWatch {
  readonly #options: GrantWatchOptions;
  readonly #settled = new RecentMap<string, true>(SETTLED_MAX);
  readonly #since = new Map<string, number>();
  #events: EventRecord[] = [];
  #eventsReadAt = Number.NEGATIVE_INFINITY;
  #nextUser = 0;
  #cancel: () => void = () => {};
  #isStopped = false;

  constructor(options: GrantWatchOptions) {
    this.#options = options;
  }

  start(): void {
    if (this.#isStopped) return;
    this.#cancel = this.#options.runtime.after(LOOK_MS, () => {
      void this.#look()
        .catch(() => {})
        .finally(() => this.start());
    });
  }

  stop(): void {
    this.#isStopped = true;
    this.#cancel();
  }

  /** From now on this user's claims are news. */
  begin(userId: string): void {
    if (!this.#since.has(userId)) this.#since.set(userId, this.#options.nowMs() - OVERLAP_MS);
  }

  /** It was told already: this node granted it. */
  settle(claimKey: string): void {
    this.#settled.set(claimKey, true);
  }

  async #look(): Promise<void> {
    const users = [...this.#options.wanted()];
    this.#forget(new Set(users));
    if (users.length === 0) return;
    const events = await this.#running();
    const spans = events.map((event) => spanAt(event, claimInstant(event, this.#options.nowMs())).id);
    const asked: { key: string; event: EventRecord }[] = [];
    const from = this.#nextUser % users.length;
    for (let i = 0; i < users.length && asked.length < KEYS_MAX; i++) {
      const at = (from + i) % users.length;
      this.#nextUser = at + 1;
      for (const [e, event] of events.entries()) {
        const key = claimKeyOf(event.eventKey, spans[e] as string, users[at] as string);
        if (this.#settled.get(key) === undefined) asked.push({ key, event });
      }
    }
    for (let i = 0; i < asked.length; i += KEYS_AT_ONCE) await this.#ask(asked.slice(i, i + KEYS_AT_ONCE));
  }

  async #ask(asked: readonly { key: string; event: EventRecord }[]): Promise<void> {
    const claims = await this.#options.store.claims.byKey(asked.map(({ key }) => key));
    for (const [i, { event }] of asked.entries()) {
      const claim = claims[i];
      // It may have been told while the store was being read.
      if (claim == null || this.#settled.get(claim.claimKey) !== undefined) continue;
      this.#settled.set(claim.claimKey, true);
      const since = this.#since.get(claim.userId);
      if (since !== undefined && claim.grantedAt >= since) this.#options.found(claim, event);
    }
  }

  /** Events that may be claimed now, read again every few seconds. */
  async #running(): Promise<EventRecord[]> {
    const { store, runtime, nowMs } = this.#options;
    const sentAt = runtime.monotonicMs();
    if (sentAt - this.#eventsReadAt < EVENTS_READ_MS) return this.#events;
    const records = await store.events.list({ limit: EVENTS_MAX });
    const now = nowMs();
    this.#events = records.filter((event) => stateAt(event, now) !== 'DRAFT' && !isLongOver(event, now));
    this.#eventsReadAt = sentAt;
    return this.#events;
  }

  #forget(wanted: ReadonlySet<string>): void {
    for (const userId of this.#since.keys()) if (!wanted.has(userId)) this.#since.delete(userId);
  }
}

function isLongOver({ state, endsAt, graceMs }: EventRecord, now: number): boolean {
  return state === 'ENDED' || (endsAt !== null && now > endsAt + graceMs + LOOK_MS * 2);
}
