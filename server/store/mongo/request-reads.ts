/**
 * A request id looked up in one collection of claims, also while the index of request ids is gone there: a decision about
 * another event must not wait for it. Of an event that has its claims there nothing is granted meanwhile, and of a day its
 * claims are found by their keys; so what is left out is only that the id was used for another event.
 */
import { claimKeyOf } from '../../../protocol/key.ts';
import { type ClaimRecord, StoreUnavailable } from '../store.ts';
import type { ClaimPlaces, Place } from './claim-places.ts';
import { dayOf } from './places.ts';

/** Without `eventKey` the answer must be complete. */
export type Request = { userId: string; requestId: string; eventKey?: string };

/** The claims under these request ids, in no order. Rejects with StoreUnavailable. */
export async function claimsOfRequests(
  places: Pick<ClaimPlaces, 'isUnguarded' | 'lookAgain'>,
  place: Pick<Place, 'collection' | 'reads'>,
  requests: readonly Request[],
): Promise<(ClaimRecord | null)[]> {
  const { collection, reads } = place;
  try {
    return await reads.byRequest(requests);
  } catch (error) {
    if (!isForWantOfIndex(error) || requests.some(({ eventKey }) => eventKey === undefined)) throw error;
    // Whoever is to decide by this must find the guard missing then, if it is that of its own event.
    if (!places.isUnguarded(collection)) await places.lookAgain(collection);
    return places.isUnguarded(collection) ? byKeyOfDay(place, requests) : reads.byRequest(requests);
  }
}

async function byKeyOfDay(
  { collection, reads }: Pick<Place, 'collection' | 'reads'>,
  requests: readonly Request[],
): Promise<(ClaimRecord | null)[]> {
  const day = dayOf(collection);
  if (day === null) return [];
  const claims = await reads.byKey(requests.map(({ eventKey = '', userId }) => claimKeyOf(eventKey, day, userId)));
  return claims.filter((claim, i) => claim?.requestId === requests[i]?.requestId);
}

/** What a query is refused with that names an index which is not there. */
const BAD_VALUE = 2;

function isForWantOfIndex(error: unknown): boolean {
  const cause = error instanceof StoreUnavailable ? error.cause : null;
  return cause instanceof Error && 'code' in cause && cause.code === BAD_VALUE;
}
