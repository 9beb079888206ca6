/**
 * Reads of the claims of one collection, each of durable data and each over an index that is named, so that a plan never turns into a scan. Reads
 * that fail reject with StoreUnavailable.
 */
import type { Collection, Db, Filter } from 'mongodb';
import { requestKeyOf } from '../../../protocol/key.ts';
import type { ClaimFilter, ClaimRecord, PageKey, RequestPage } from '../store.ts';
import { requestsOf, usersOf, voidedOf } from './claim-scans.ts';
import { answerOf } from './connection.ts';
import {
  type ClaimDocument,
  COLLECTION,
  claimOfDocument,
  HAS_SLOT,
  LIST_INDEX,
  REQUEST_INDEX,
  SLOT_INDEX,
  VOID_USER,
} from './schema.ts';

type Request = { userId: string; requestId: string };
type Page = { limit: number; after?: PageKey };

const READ_MS_MAX = 5_000;
const NEWEST_FIRST = { grantedAt: -1, _id: -1 } as const;
/** Up to 200 keys in `$in` the server merges one index range per key and so needs no sort. */
const EVENTS_PER_LIST_MAX = 100;

export class ClaimReads {
  readonly #claims: Collection<ClaimDocument>;

  constructor(db: Db, collection: string = COLLECTION.claims) {
    this.#claims = db.collection<ClaimDocument>(collection);
  }

  async byKey(claimKeys: readonly string[]): Promise<(ClaimRecord | null)[]> {
    if (claimKeys.length === 0) return [];
    const found = await this.#find({ _id: { $in: [...claimKeys] } }, claimKeys.length, { _id: 1 });
    const byKey = new Map(found.map((claim) => [claim.claimKey, claim]));
    return claimKeys.map((claimKey) => byKey.get(claimKey) ?? null);
  }

  /**
   * Two `$in` rather than an `$or` of pairs, which is planned pair by pair. They also find the crossings, of which there are
   * few, because a user has few claims.
   */
  async byRequest(requests: readonly Request[]): Promise<(ClaimRecord | null)[]> {
    if (requests.length === 0) return [];
    const filter = {
      userId: { $in: requests.map(({ userId }) => userId) },
      requestId: { $in: requests.map(({ requestId }) => requestId) },
    };
    const found = await this.#find(filter, requests.length, REQUEST_INDEX.key);
    const byRequest = new Map(found.map((claim) => [requestKey(claim), claim]));
    return requests.map((request) => byRequest.get(requestKey(request)) ?? null);
  }

  ofUser(userId: string, { eventKey, ...page }: Page & { eventKey?: string }): Promise<ClaimRecord[]> {
    return this.list({ userId, ...(eventKey === undefined ? {} : { eventKey }) }, page);
  }

  async list({ userId, eventKey, ...range }: ClaimFilter, page: Page): Promise<ClaimRecord[]> {
    const where = rangeFilter(range, page.after);
    if (userId !== undefined) {
      const filter = { userId, ...where, ...(eventKey === undefined ? {} : { eventKey }) };
      return this.#page(filter, REQUEST_INDEX.key, page.limit);
    }
    const eventKeys = eventKey === undefined ? await this.#eventKeys() : [eventKey];
    const parts: ClaimRecord[][] = [];
    for (let from = 0; from < eventKeys.length; from += EVENTS_PER_LIST_MAX) {
      const part = eventKeys.slice(from, from + EVENTS_PER_LIST_MAX);
      parts.push(await this.#page({ eventKey: { $in: part }, ...where }, LIST_INDEX.key, page.limit));
    }
    return parts.length === 1 ? (parts[0] ?? []) : parts.flat().sort(newestFirst).slice(0, page.limit);
  }

  /** Of these claim keys the ones that can never be a claim's any more. */
  voidedOf(claimKeys: readonly string[]): Promise<ReadonlySet<string>> {
    return voidedOf(this.#claims, claimKeys);
  }

  async hasAny(eventKey: string, period?: string): Promise<boolean> {
    if (period !== undefined) return (await this.usersOf(eventKey, period, { limit: 1 })).length > 0;
    return (await this.#find({ eventKey }, 1, LIST_INDEX.key, { limit: 1 })).length > 0;
  }

  /** One step per period of the event, from the last to the first. */
  async highestSlot(eventKey: string): Promise<number> {
    let highest = 0;
    let claim = await this.#lastSlot({ eventKey });
    while (claim !== undefined) {
      highest = Math.max(highest, claim.slot ?? 0);
      claim = await this.#lastSlot({ eventKey, period: { $lt: claim.period } });
    }
    return highest;
  }

  /** 0 when the period has no slot taken. */
  async highestSlotOf(eventKey: string, period: string): Promise<number> {
    return (await this.#lastSlot({ eventKey, period }))?.slot ?? 0;
  }

  /** Whose slot it is; null for a claim without one, and where nobody has it. */
  async bySlot({
    eventKey,
    period,
    slot,
  }: Pick<ClaimRecord, 'eventKey' | 'period' | 'slot'>): Promise<ClaimRecord | null> {
    if (slot === null) return null;
    const filter = { eventKey, period, $and: [{ slot }, { slot: HAS_SLOT }] };
    return (await this.#find(filter, 1, SLOT_INDEX.key))[0] ?? null;
  }

  usersOf(eventKey: string, period: string, page: { limit: number; after?: string }): Promise<string[]> {
    return usersOf(this.#claims, { eventKey, period }, page);
  }

  requests(page: { limit: number; after?: string }): Promise<RequestPage> {
    return requestsOf(this.#claims, page);
  }

  async #lastSlot(filter: Filter<ClaimDocument>): Promise<ClaimRecord | undefined> {
    const sort = { eventKey: -1, period: -1, slot: -1 } as const;
    const found = await this.#find({ ...filter, slot: HAS_SLOT }, 1, SLOT_INDEX.key, { sort, limit: 1 });
    return found[0];
  }

  async #eventKeys(): Promise<string[]> {
    return answerOf(this.#claims.distinct('eventKey', {}, { maxTimeMS: READ_MS_MAX }));
  }

  #page(filter: Filter<ClaimDocument>, hint: Record<string, 1 | -1>, limit: number): Promise<ClaimRecord[]> {
    return this.#find(filter, limit, hint, { sort: NEWEST_FIRST, limit });
  }

  /** `expected` documents fit into the first batch, which saves a round trip. */
  async #find(
    filter: Filter<ClaimDocument>,
    expected: number,
    hint: Record<string, 1 | -1>,
    options: { sort?: Record<string, 1 | -1>; limit?: number } = {},
  ): Promise<ClaimRecord[]> {
    const cursor = this.#claims.find(filter, { hint, batchSize: expected + 1, maxTimeMS: READ_MS_MAX, ...options });
    return (await answerOf(cursor.toArray())).filter(isClaim).map(claimOfDocument);
  }
}

/** Only a read by claim key meets one that is void. */
function isClaim(document: ClaimDocument): boolean {
  return document.userId !== VOID_USER;
}

/** Ties of `after` are found through `grantedAt` as well, so that the index range stays a single one. */
function rangeFilter({ from, to }: { from?: number; to?: number }, after: PageKey | undefined): Filter<ClaimDocument> {
  const grantedAt = {
    ...(from === undefined ? {} : { $gte: new Date(from) }),
    ...(to === undefined ? {} : { $lt: new Date(to) }),
    ...(after === undefined ? {} : { $lte: new Date(after.grantedAt) }),
  };
  const isBounded = Object.keys(grantedAt).length > 0;
  if (after === undefined) return isBounded ? { grantedAt } : {};
  const at = new Date(after.grantedAt);
  return { grantedAt, $or: [{ grantedAt: { $lt: at } }, { grantedAt: at, _id: { $lt: after.claimKey } }] };
}

export function newestFirst(left: ClaimRecord, right: ClaimRecord): number {
  if (left.grantedAt !== right.grantedAt) return right.grantedAt - left.grantedAt;
  return left.claimKey < right.claimKey ? 1 : -1;
}

function requestKey({ userId, requestId }: Request): string {
  return requestKeyOf(userId, requestId);
}
