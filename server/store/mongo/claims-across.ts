/**
 * Reads of claims wherever they lie: each question goes to the collections that may hold an answer. Those that are known are
 * asked at once, while it is looked up whether another server has made one meanwhile; so nothing acknowledged is missed.
 */
import { type ClaimParts, claimPartsOf, requestKeyOf } from '../../../protocol/key.ts';
import { inLanes } from '../../lib/in-lanes.ts';
import type { ClaimFilter, ClaimRecord, PageKey, RequestPage } from '../store.ts';
import type { ClaimPlaces, Place } from './claim-places.ts';
import { newestFirst } from './claim-reads.ts';
import { mayHold } from './places.ts';
import { claimsOfRequests, type Request } from './request-reads.ts';

type Page = { limit: number; after?: PageKey };
type UserPage = { limit: number; after?: string };

/** There may be many collections and there are few connections, for which claims wait as well. */
const ASKED_AT_ONCE_MAX = 4;
/** Between a collection and what `ClaimReads.requests` goes on behind; neither holds it. */
const JOINT = ' ';

export class ClaimsAcross {
  readonly #places: ClaimPlaces;

  constructor(places: ClaimPlaces) {
    this.#places = places;
  }

  async byKey(claimKeys: readonly string[]): Promise<(ClaimRecord | null)[]> {
    const keys = claimKeys.map((claimKey) => ({ claimKey, parts: claimPartsOf(claimKey) }));
    const found = await this.#ask(async ({ collection, reads }) => {
      const here = keys.filter(({ parts }) => parts !== null && mayHoldKey(collection, parts));
      return reads.byKey(here.map(({ claimKey }) => claimKey));
    });
    const claims = new Map(present(found).map((claim) => [claim.claimKey, claim]));
    return claimKeys.map((claimKey) => claims.get(claimKey) ?? null);
  }

  async byRequest(requests: readonly Request[]): Promise<(ClaimRecord | null)[]> {
    if (requests.length === 0) return [];
    const found = await this.#ask((place) => claimsOfRequests(this.#places, place, requests));
    const claims = new Map<string, ClaimRecord[]>();
    for (const claim of present(found)) {
      const key = requestKeyOf(claim.userId, claim.requestId);
      const own = claims.get(key);
      if (own === undefined) claims.set(key, [claim]);
      else own.push(claim);
    }
    return requests.map(({ userId, requestId, eventKey }) => {
      const own = claims.get(requestKeyOf(userId, requestId)) ?? [];
      return own.find((claim) => claim.eventKey === eventKey) ?? own.toSorted(newestFirst).at(-1) ?? null;
    });
  }

  ofUser(userId: string, page: Page & { eventKey?: string }): Promise<ClaimRecord[]> {
    const { eventKey, ...rest } = page;
    return this.list({ userId, ...(eventKey === undefined ? {} : { eventKey }) }, rest);
  }

  async list(filter: ClaimFilter, page: Page): Promise<ClaimRecord[]> {
    const pages = await this.#ask(({ reads }) => reads.list(filter, page), filter.eventKey);
    if (pages.length === 1) return pages[0] ?? [];
    return pages.flat().sort(newestFirst).slice(0, page.limit);
  }

  async hasAny(eventKey: string, period?: string): Promise<boolean> {
    const found = await this.#ask(({ reads }) => reads.hasAny(eventKey, period), eventKey, period);
    return found.includes(true);
  }

  async highestSlot(eventKey: string, period?: string): Promise<number> {
    const highest = ({ reads }: Place) =>
      period === undefined ? reads.highestSlot(eventKey) : reads.highestSlotOf(eventKey, period);
    return Math.max(...(await this.#ask(highest, eventKey, period)));
  }

  async usersOf(eventKey: string, period: string, page: UserPage): Promise<string[]> {
    const pages = await this.#ask(({ reads }) => reads.usersOf(eventKey, period, page), eventKey, period);
    if (pages.length === 1) return pages[0] ?? [];
    return pages.flat().sort().slice(0, page.limit);
  }

  /** One collection after the other, in the order of their names. */
  async requests({ limit, after }: UserPage): Promise<RequestPage> {
    const places = (await this.#places.all()).sort((one, other) => (one.collection < other.collection ? -1 : 1));
    const [current, behind] = after === undefined ? [] : split(after);
    const index = current === undefined ? 0 : places.findIndex(({ collection }) => collection >= current);
    const place = places[index];
    if (place === undefined) return { items: [], next: null };
    const isInside = place.collection === current && behind !== '' && behind !== undefined;
    const { items, next } = await place.reads.requests({ limit, ...(isInside ? { after: behind } : {}) });
    if (next !== null) return { items, next: place.collection + JOINT + next };
    const following = places[index + 1];
    return { items, next: following === undefined ? null : following.collection + JOINT };
  }

  /** What each place answers that may hold claims of the event and period; of all of them without an event. */
  async #ask<T>(question: (place: Place) => Promise<T>, eventKey?: string, period?: string): Promise<T[]> {
    const asked = ({ collection }: Place) => eventKey === undefined || mayHold(collection, eventKey, period);
    const known = this.#places.known.filter(asked);
    const [answers, all] = await Promise.all([inLanes(known, ASKED_AT_ONCE_MAX, question), this.#places.all()]);
    const others = all.filter((place) => asked(place) && !known.includes(place));
    return others.length === 0 ? answers : [...answers, ...(await inLanes(others, ASKED_AT_ONCE_MAX, question))];
  }
}

function mayHoldKey(collection: string, { eventKey, period }: ClaimParts): boolean {
  return mayHold(collection, eventKey, period);
}

function present(found: readonly (readonly (ClaimRecord | null)[])[]): ClaimRecord[] {
  return found.flat().filter((claim) => claim !== null);
}

function split(text: string): [string, string] {
  const at = text.indexOf(JOINT);
  return [text.slice(0, at), text.slice(at + 1)];
}
