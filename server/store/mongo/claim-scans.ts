/**
 * Long reads that fill a node's memory, in pages. Each is a range of one index whose keys hold all that is asked for, so
 * that no document is read. They reject with StoreUnavailable.
 */
import type { Collection, Filter } from 'mongodb';
import { requestKeyOf } from '../../../protocol/key.ts';
import type { RequestPage } from '../store.ts';
import { answerOf } from './connection.ts';
import { type ClaimDocument, REQUEST_INDEX } from './schema.ts';

type Claims = Collection<ClaimDocument>;
type Page = { limit: number; after?: string };

const READ_MS_MAX = 10_000;
const BY_KEY = { _id: 1 } as const;
const BY_REQUEST = { userId: 1, requestId: 1 } as const;
/** What comes right behind every claim key that begins with `eventKey/period/`. */
const BEHIND_SLASH = '0';

/** In the order of user ids. */
export async function usersOf(
  claims: Claims,
  { eventKey, period }: { eventKey: string; period: string },
  { limit, after = '' }: Page,
): Promise<string[]> {
  const of = `${eventKey}/${period}`;
  const cursor = claims
    .find({ _id: { $gt: `${of}/${after}`, $lt: of + BEHIND_SLASH } })
    .project<Pick<ClaimDocument, '_id'>>(BY_KEY)
    .sort(BY_KEY)
    .hint(BY_KEY)
    .limit(limit)
    .batchSize(limit + 1)
    .maxTimeMS(READ_MS_MAX);
  const found = await answerOf(cursor.toArray());
  return found.map(({ _id }) => _id.slice(of.length + 1));
}

/** In the order of the request index. `next` is the user and the request id of the last one, which no slash parts twice. */
export async function requestsOf(claims: Claims, { limit, after }: Page): Promise<RequestPage> {
  const cursor = claims
    .find(after === undefined ? {} : behind(after))
    .project<{ userId: string; requestId: string }>({ _id: 0, ...BY_REQUEST })
    .sort(BY_REQUEST)
    .hint(REQUEST_INDEX.key)
    .limit(limit)
    .batchSize(limit + 1)
    .maxTimeMS(READ_MS_MAX);
  const items = await answerOf(cursor.toArray());
  const last = items.at(-1);
  const next = last === undefined || items.length < limit ? null : requestKeyOf(last.userId, last.requestId);
  return { items, next };
}

/** One range of the index from this user on; the few of the same user that are behind us are left out by the second part. */
function behind(after: string): Filter<ClaimDocument> {
  const slash = after.indexOf('/');
  const userId = after.slice(0, slash);
  const requestId = after.slice(slash + 1);
  return { userId: { $gte: userId }, $or: [{ userId: { $gt: userId } }, { requestId: { $gt: requestId } }] };
}
