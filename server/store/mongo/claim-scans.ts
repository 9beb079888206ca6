/**
 * Long reads that fill a node's memory, in pages. Each is a range of one index whose keys hold all that is asked for, so
 * that no document is read. They reject with StoreUnavailable.
 */
import type { Collection } from 'mongodb';
import { requestKeyOf } from '../../../protocol/key.ts';
import type { RequestPage } from '../store.ts';
import { answerOf } from './connection.ts';
import { isOfDay } from './places.ts';
import { type ClaimDocument, REQUEST_INDEX, VOID_USER } from './schema.ts';

type Claims = Collection<ClaimDocument>;
type Page = { limit: number; after?: string };
type Series = { eventKey: string; period: string };
type Request = { userId: string; requestId: string };

const READ_MS_MAX = 10_000;
const BY_KEY = { _id: 1 } as const;
const BY_REQUEST = { userId: 1, requestId: 1 } as const;
/** What comes right behind every claim key that begins with `eventKey/period/`. */
const BEHIND_SLASH = '0';
const NONE: ReadonlySet<string> = new Set();

/** In the order of user ids. */
export async function usersOf(
  claims: Claims,
  { eventKey, period }: Series,
  { limit, after = '' }: Page,
): Promise<string[]> {
  const of = `${eventKey}/${period}/`;
  const users: string[] = [];
  for (let last = after; ; ) {
    const wanted = limit - users.length;
    const keys = await keysBehind(claims, { of, last, limit: wanted });
    const voided = isOfDay(claims.collectionName) ? await voidedOf(claims, keys) : NONE;
    for (const key of keys) if (!voided.has(key)) users.push(key.slice(of.length));
    if (keys.length < wanted || users.length === limit) return users;
    last = keys.at(-1)?.slice(of.length) ?? last;
  }
}

async function keysBehind(
  claims: Claims,
  { of, last, limit }: { of: string; last: string; limit: number },
): Promise<string[]> {
  const cursor = claims
    .find({ _id: { $gt: of + last, $lt: of.slice(0, -1) + BEHIND_SLASH } })
    .project<Pick<ClaimDocument, '_id'>>(BY_KEY)
    .sort(BY_KEY)
    .hint(BY_KEY)
    .limit(limit)
    .batchSize(limit + 1)
    .maxTimeMS(READ_MS_MAX);
  return (await answerOf(cursor.toArray())).map(({ _id }) => _id);
}

/** Of these claim keys those that have been made void. */
export async function voidedOf(claims: Claims, claimKeys: readonly string[]): Promise<ReadonlySet<string>> {
  if (claimKeys.length === 0) return NONE;
  const cursor = claims
    .find({ userId: VOID_USER, requestId: { $in: [...claimKeys] } })
    .project<Request>({ _id: 0, ...BY_REQUEST })
    .hint(REQUEST_INDEX.key)
    .batchSize(claimKeys.length + 1)
    .maxTimeMS(READ_MS_MAX);
  return new Set((await answerOf(cursor.toArray())).map(({ requestId }) => requestId));
}

/** In the order of the request index. `next` is the last one of the page, as its request key. */
export async function requestsOf(claims: Claims, { limit, after }: Page): Promise<RequestPage> {
  const cursor = claims
    .find({ userId: { $gt: VOID_USER } })
    .project<Request>({ _id: 0, ...BY_REQUEST })
    .sort(BY_REQUEST)
    .hint(REQUEST_INDEX.key)
    .limit(limit + 1)
    .batchSize(limit + 2)
    .maxTimeMS(READ_MS_MAX);
  // A condition on the pair would read the documents; a bound of the index does not, but lets `after` itself in.
  const found = await answerOf((after === undefined ? cursor : cursor.min(requestOf(after))).toArray());
  const behind = after === undefined ? found : found.filter((request) => keyOf(request) !== after);
  const items = behind.slice(0, limit);
  const last = items.at(-1);
  return { items, next: last === undefined || found.length <= limit ? null : keyOf(last) };
}

function keyOf({ userId, requestId }: Request): string {
  return requestKeyOf(userId, requestId);
}

/** A request id may hold a slash, a user id may not. */
function requestOf(key: string): Request {
  const slash = key.indexOf('/');
  return { userId: key.slice(0, slash), requestId: key.slice(slash + 1) };
}
