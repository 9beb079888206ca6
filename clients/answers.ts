/** What the methods of a client resolve with: outcomes as typed unions, read from replies that are already validated. */
import { type ClaimView, decodeClaim } from '../protocol/claim.ts';
import type { EventView } from '../protocol/event.ts';
import { decodeBlock } from '../protocol/journal.ts';
import type { RequestName } from '../protocol/ops.ts';
import { type ClaimTuple, isSuccess, type Problem, type Reply } from '../protocol/reply.ts';
import type { Result } from '../protocol/results.ts';

/** `requestId` is the one that was sent, whoever chose it: asking again with it is always safe. */
export type ClaimReply = ({ code: 'GRANTED'; claim: ClaimView } | { code: 'REPLAYED'; claim: ClaimView } | Problem) & {
  requestId: string;
};

/** A success with what it brought, or the outcome that stood in the way. */
export type Answer<T> = ({ code: 'OK' } & T) | Problem;
export type Page<T> = {
  items: T[] /** Asks for what comes after; null on the last page. */;
  nextCursor: string | null;
};
/**
 * `incomplete`: the stores that did not answer, and whose claims are not in the page; null when all of them did. `asOf`, of
 * everybody's claims: what was acknowledged by then is listed, in milliseconds since 1970; null where that is not known.
 */
export type ClaimPage = Page<ClaimView> & { incomplete: string[] | null; asOf: number | null };

const REQUEST_ID_AT = 3;

/** The reply to CLAIM; `args` are the arguments it was sent with. */
export function claimReplyOf(reply: Reply, args: readonly unknown[]): ClaimReply {
  const requestId = args[REQUEST_ID_AT] as string;
  if (!isSuccess(reply)) return Object.assign(reply, { requestId });
  return { code: reply.code as 'GRANTED' | 'REPLAYED', claim: claimOf(reply.result as ClaimTuple), requestId };
}

/** A reader of replies to one op: `taken` turns its result into the fields of the answer. */
export function answerOf<K extends RequestName, T extends object>(_name: K, taken: (result: Result<K>) => T) {
  return (reply: Reply): Answer<T> => (isSuccess(reply) ? { code: 'OK', ...taken(reply.result as Result<K>) } : reply);
}

export const claimAnswer = answerOf('CLAIM_BY_REQUEST', (tuple) => ({ claim: claimOf(tuple) }));
export const claimPageAnswer = answerOf(
  'CLAIMS_LIST',
  ([tuples, nextCursor, incomplete, asOf]): ClaimPage => ({
    items: tuples.map(claimOf),
    nextCursor,
    incomplete,
    asOf,
  }),
);
export const eventAnswer = answerOf('EVENT_GET', (event) => ({ event }));
export const eventPageAnswer = answerOf(
  'EVENT_LIST',
  ([items, nextCursor]): Page<EventView> => ({ items, nextCursor }),
);

/** `next` asks for what comes after; null when there is nothing more now. */
export const blocksAnswer = answerOf('JOURNAL_BLOCKS', ([blocks, next]) => ({ blocks: blocks.map(decodeBlock), next }));

function claimOf(tuple: ClaimTuple): ClaimView {
  return decodeClaim(tuple);
}
