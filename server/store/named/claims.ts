/**
 * The claims of several stores. What belongs to an event goes to the event's store and to no other, so that a store that is
 * away concerns its own events only. What belongs to a user goes to all: a list says which one did not answer.
 */
import { MAIN_STORE } from '../../../protocol/event.ts';
import { claimPartsOf } from '../../../protocol/key.ts';
import { RecentMap } from '../../lib/recent-map.ts';
import {
  type ClaimDraft,
  type ClaimFilter,
  type ClaimRecord,
  type ClaimStore,
  type EventStore,
  type InsertOutcome,
  type MayWrite,
  type OnMissed,
  type PageKey,
  StoreUnavailable,
} from '../store.ts';
import type { Branch } from './branch.ts';

type Request = { userId: string; requestId: string; eventKey?: string };
type Page = { limit: number; after?: PageKey; onMissed?: OnMissed };
type UserPage = { limit: number; after?: string };

const EVENTS_REMEMBERED_MAX = 50_000;
const LIST_MS_MAX = 2_000;
/** A decision that needs only its own store does not wait longer to learn of a request id that was used in another. */
const ELSEWHERE_MS_MAX = 200;

export type NamedClaimsOptions = { main: ClaimStore; events: EventStore; branches: readonly Branch[] };

export class NamedClaims implements ClaimStore {
  readonly insertMax: number;
  readonly isSpread = true;
  readonly #main: ClaimStore;
  readonly #events: EventStore;
  readonly #branches: readonly Branch[];
  /** It never changes, so what was read once holds. */
  readonly #storeOf = new RecentMap<string, string>(EVENTS_REMEMBERED_MAX);

  constructor({ main, events, branches }: NamedClaimsOptions) {
    this.insertMax = main.insertMax;
    this.#main = main;
    this.#events = events;
    this.#branches = branches;
  }

  insert(drafts: readonly ClaimDraft[], mayWrite?: MayWrite): Promise<InsertOutcome[]> {
    return this.#insert(drafts, (claims, some) => claims.insert(some, mayWrite));
  }

  insertStock(drafts: readonly ClaimDraft[], stock: number, mayWrite?: MayWrite): Promise<InsertOutcome[]> {
    return this.#insert(drafts, (claims, some) => claims.insertStock(some, stock, mayWrite));
  }

  async settled(store = MAIN_STORE): Promise<void> {
    await this.#of(store).settled();
  }

  async byKey(claimKeys: readonly string[]): Promise<(ClaimRecord | null)[]> {
    const stores = await this.#storesOf(claimKeys.map((claimKey) => claimPartsOf(claimKey)?.eventKey ?? ''));
    return inGroups(claimKeys, stores, (store, keys) => this.#of(store).byKey(keys));
  }

  /** The store of `eventKey` must answer, and all of them where none is named; of the others what they say in time. */
  async byRequest(requests: readonly Request[]): Promise<(ClaimRecord | null)[]> {
    const needed = new Set(await this.#storesOf(requests.map(({ eventKey = '' }) => eventKey)));
    const ask = (claims: ClaimStore) => claims.byRequest(requests);
    const others = this.#branches.filter(({ name }) => !needed.has(name));
    const [own, elsewhere] = await Promise.all([
      Promise.all([MAIN_STORE, ...needed].filter(isFirst).map((store) => ask(this.#of(store)))),
      Promise.all(others.map((branch) => branch.ask(ELSEWHERE_MS_MAX, ask))),
    ]);
    return requests.map(({ eventKey }, i) => {
      const answers = [...own, ...elsewhere.map((found) => found?.answer ?? [])];
      const claims = answers.flatMap((found) => found[i] ?? []);
      const isUnsure = claims.length === 0 && eventKey === undefined && elsewhere.includes(null);
      if (isUnsure) throw new StoreUnavailable('a store that may have the claim does not answer');
      return claims.find((claim) => claim.eventKey === eventKey) ?? claims.sort(newestFirst).at(-1) ?? null;
    });
  }

  ofUser(userId: string, { eventKey, ...page }: Page & { eventKey?: string }): Promise<ClaimRecord[]> {
    return this.list({ userId, ...(eventKey === undefined ? {} : { eventKey }) }, page);
  }

  async list(filter: ClaimFilter, page: Page): Promise<ClaimRecord[]> {
    const { onMissed = () => {}, ...asked } = page;
    const store = filter.eventKey === undefined ? null : (await this.#storesOf([filter.eventKey]))[0];
    const branches = this.#branches.filter(({ name }) => store === null || name === store);
    const answers = branches.map((branch) => branch.ask(LIST_MS_MAX, (claims) => claims.list(filter, asked)));
    const isMain = store === null || store === MAIN_STORE;
    const [own, found] = await Promise.all([isMain ? this.#main.list(filter, asked) : [], Promise.all(answers)]);
    const pages = found.map((answer, i) => {
      const name = branches[i]?.name;
      if (answer === null && name !== undefined) onMissed(name);
      return answer?.answer ?? [];
    });
    return pages.length === 0 ? own : [own, ...pages].flat().sort(newestFirst).slice(0, page.limit);
  }

  async hasAny(eventKey: string, period?: string): Promise<boolean> {
    return (await this.#ofEvent(eventKey)).hasAny(eventKey, period);
  }

  async highestSlot(eventKey: string, period?: string): Promise<number> {
    return (await this.#ofEvent(eventKey)).highestSlot(eventKey, period);
  }

  async usersOf(eventKey: string, period: string, page: UserPage): Promise<string[]> {
    return (await this.#ofEvent(eventKey)).usersOf(eventKey, period, page);
  }

  /** Of the main store: who asks for all of them decides events of that store only. */
  requests(page: UserPage): ReturnType<ClaimStore['requests']> {
    return this.#main.requests(page);
  }

  #insert(
    drafts: readonly ClaimDraft[],
    insert: (claims: ClaimStore, some: readonly ClaimDraft[]) => Promise<InsertOutcome[]>,
  ): Promise<InsertOutcome[]> {
    const stores = drafts.map(({ place }) => place?.store ?? MAIN_STORE);
    return inGroups(drafts, stores, async (store, some) => {
      try {
        return await insert(this.#of(store), some);
      } catch (error) {
        if (!(error instanceof StoreUnavailable)) throw error;
        return some.map(() => ({ kind: 'unavailable' }));
      }
    });
  }

  async #ofEvent(eventKey: string): Promise<ClaimStore> {
    const [store = MAIN_STORE] = await this.#storesOf([eventKey]);
    return this.#of(store);
  }

  /** Throws StoreUnavailable while it is away. */
  #of(store: string): ClaimStore {
    if (store === MAIN_STORE) return this.#main;
    const branch = this.#branches.find(({ name }) => name === store);
    if (branch === undefined) throw new StoreUnavailable(`this server was started without the store ${store}`);
    return branch.claims;
  }

  /** An event that is not there has its claims, if any, in the main store. */
  async #storesOf(eventKeys: readonly string[]): Promise<string[]> {
    const unknown = [...new Set(eventKeys)].filter((key) => key !== '' && this.#storeOf.get(key) === undefined);
    const events = unknown.length === 0 ? [] : await this.#events.get(unknown);
    for (const event of events) if (event !== null) this.#storeOf.set(event.eventKey, event.store ?? MAIN_STORE);
    return eventKeys.map((eventKey) => this.#storeOf.get(eventKey) ?? MAIN_STORE);
  }
}

/** Asks each store its part of the questions; the answers in the order of the questions. */
async function inGroups<Q, A>(
  questions: readonly Q[],
  stores: readonly string[],
  ask: (store: string, some: readonly Q[]) => Promise<A[]>,
): Promise<A[]> {
  const [first = MAIN_STORE] = stores;
  if (stores.every((store) => store === first)) return ask(first, questions);
  const answers: A[] = [];
  const parts = [...new Set(stores)].map(async (store) => {
    const indexes = stores.flatMap((each, i) => (each === store ? [i] : []));
    const found = await ask(
      store,
      indexes.map((i) => questions[i] as Q),
    );
    indexes.forEach((at, i) => {
      answers[at] = found[i] as A;
    });
  });
  await Promise.all(parts);
  return answers;
}

function isFirst<T>(value: T, index: number, all: readonly T[]): boolean {
  return all.indexOf(value) === index;
}

function newestFirst(left: ClaimRecord, right: ClaimRecord): number {
  if (left.grantedAt !== right.grantedAt) return right.grantedAt - left.grantedAt;
  return left.claimKey < right.claimKey ? 1 : -1;
}
