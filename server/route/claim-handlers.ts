/** Reading claims: by request id, of one user, of everybody. */
import { encodeClaim, wideOrNull } from '../../protocol/claim.ts';
import type { Value } from '../../protocol/codec.ts';
import type { Problem } from '../../protocol/reply.ts';
import type { Runtime } from '../../protocol/runtime.ts';
import { AtMost } from '../lib/at-most.ts';
import type { Clock } from '../lib/clock.ts';
import { spanAt } from '../rules/calendar.ts';
import { claimInstant, nextClaimAfter } from '../rules/decide.ts';
import type { ClaimFilter, ClaimRecord, EventRecord, OnMissed, PageKey, Store } from '../store/store.ts';
import { badField, type Handler, isProblem, subjectOf } from './call.ts';
import { decodeClaimCursor, encodeClaimCursor } from './cursor.ts';

const PAGE_LENGTH = 50;
/** A page costs as much as hundreds of claims, and one connection may ask for a thousand at once. */
const PAGES_AT_ONCE = 4;

export type ClaimHandlers = { [K in 'CLAIM_BY_REQUEST' | 'CLAIMS_OF_USER' | 'CLAIMS_LIST']: Handler<K> };

type Parts = {
  store: Store;
  clock: Clock;
  runtime: Runtime;
  /** Where claims are read: the journal's writer alone knows those that are not in the store yet, and whether there are any. */
  moved: () => Problem | null;
  /** What was acknowledged by then is among the store's claims; null when that is not known here. */
  asOf: () => number | null;
};

export function createClaimHandlers({ store, clock, runtime, moved, asOf }: Parts): ClaimHandlers {
  const pages = new AtMost(runtime, { atOnceMax: PAGES_AT_ONCE });

  async function encode(claims: readonly ClaimRecord[]): Promise<Value[]> {
    const keys = [...new Set(claims.map(({ eventKey }) => eventKey))];
    const records = keys.length === 0 ? [] : await store.events.get(keys);
    const events = new Map(keys.map((key, i) => [key, records[i] ?? null]));
    const now = clock.nowMs();
    return claims.map((claim) => encodeClaim(claim, nextClaimAt(claim, events.get(claim.eventKey) ?? null, now)));
  }

  type Read = (page: { limit: number; after?: PageKey; onMissed: OnMissed }) => Promise<ClaimRecord[]>;
  type Page = { claims: Value[]; nextCursor: string | null; incomplete: Value };
  function page(limit: number | null, cursor: string | null, read: Read): Promise<Page | Problem> {
    return pages.run(() => onePage(limit, cursor, read));
  }

  async function onePage(limit: number | null, cursor: string | null, read: Read): Promise<Page | Problem> {
    const after = cursor === null ? null : decodeClaimCursor(cursor);
    if (after === undefined) return badField('cursor', 'a nextCursor of this list');
    const length = limit ?? PAGE_LENGTH;
    const missed = new Set<string>();
    const onMissed = (name: string) => missed.add(name);
    const claims = await read({ limit: length + 1, onMissed, ...(after === null ? {} : { after }) });
    const shown = claims.slice(0, length);
    const last = shown.at(-1);
    const nextCursor = claims.length > length && last ? encodeClaimCursor(last) : null;
    const incomplete = missed.size === 0 ? null : [...missed].sort();
    return { claims: await encode(shown), nextCursor, incomplete };
  }

  return {
    async CLAIM_BY_REQUEST({ args: [, named, requestId], principal, reach }) {
      const subject = subjectOf(principal, reach, named);
      if (isProblem(subject)) return subject;
      const elsewhere = moved();
      if (elsewhere !== null) return elsewhere;
      const [claim] = await store.claims.byRequest([{ userId: subject.userId, requestId }]);
      if (!claim) return { code: 'CLAIM_NOT_FOUND' };
      const [encoded] = await encode([claim]);
      return { result: encoded ?? null };
    },

    async CLAIMS_OF_USER({ args: [, named, eventKey, limit, cursor], principal, reach }) {
      const subject = subjectOf(principal, reach, named);
      if (isProblem(subject)) return subject;
      const elsewhere = moved();
      if (elsewhere !== null) return elsewhere;
      const filter = eventKey === null ? {} : { eventKey };
      const own = await page(limit, cursor, (slice) => store.claims.ofUser(subject.userId, { ...slice, ...filter }));
      return isProblem(own) ? own : { result: [own.claims, own.nextCursor, own.incomplete, null] };
    },

    async CLAIMS_LIST({ args: [, eventKey, userId, from, to, limit, cursor] }) {
      const elsewhere = moved();
      if (elsewhere !== null) return elsewhere;
      const filter: ClaimFilter = {};
      if (eventKey !== null) filter.eventKey = eventKey;
      if (userId !== null) filter.userId = userId;
      if (from !== null) filter.from = from;
      if (to !== null) filter.to = to;
      let listedBy: number | null = null;
      const listed = await page(limit, cursor, (slice) => {
        // Before the store is asked: what becomes true later is not in its answer.
        listedBy = asOf();
        return store.claims.list(filter, slice);
      });
      return isProblem(listed)
        ? listed
        : { result: [listed.claims, listed.nextCursor, listed.incomplete, wideOrNull(listedBy)] };
    },
  };
}

function nextClaimAt(claim: ClaimRecord, event: EventRecord | null, now: number): number | null {
  return event === null ? null : nextClaimAfter(claim, event, spanAt(event, claimInstant(event, now)));
}
