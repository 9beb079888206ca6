/**
 * One claim of a user, from whichever door it came: the same limit, the same op, the same body. It decides nothing: the
 * token's subject, the event and the request id go to the server as one op, and the outcome comes back as it is.
 */
import { type ClaimJson, claimJson, type ProblemJson, problemJson } from '../clients/json.ts';
import { decodeClaim } from '../protocol/claim.ts';
import { type ClaimTuple, isSuccess, type Reply } from '../protocol/reply.ts';
import { type Context, patienceMs } from './context.ts';
import type { ActorTuple } from './tokens.ts';

export type ClaimAsked = { eventKey: string; requestId: string };

/** Resolves within the deadline whatever happens to the servers. */
export async function claimReply(context: Context, actor: ActorTuple, asked: ClaimAsked): Promise<Reply> {
  const retryAfterMs = context.claimRate.waitMs(actor[0]);
  if (retryAfterMs > 0) return { code: 'RATE_LIMITED', retryAfterMs };
  const args: [ActorTuple, string, null, string, null] = [actor, asked.eventKey, null, asked.requestId, null];
  return context.client.request('CLAIM', args, { deadlineMs: patienceMs(context), retry: 'unlessBusy' });
}

export type ClaimBody = { outcome: 'GRANTED' | 'REPLAYED'; claim: ClaimJson };

/** A reply to CLAIM as HTTP tells it. */
export function claimOutcome(reply: Reply): { status: number; body: ClaimBody | ProblemJson } {
  if (!isSuccess(reply)) {
    const body = problemJson(reply);
    return { status: body.status, body };
  }
  const claim = claimJson(decodeClaim(reply.result as ClaimTuple));
  return reply.code === 'REPLAYED'
    ? { status: 200, body: { outcome: 'REPLAYED', claim } }
    : { status: 201, body: { outcome: 'GRANTED', claim } };
}
