/** Questions about claims that were granted. Each method is one request. Lists are newest first. */
import type { ClaimView } from '../protocol/claim.ts';
import { type Answer, type ClaimPage, claimAnswer, claimPageAnswer } from './answers.ts';
import type { CallOptions } from './call.ts';
import type { Pool } from './pool.ts';

/** `limit` is 1…200; `cursor` is the `nextCursor` of the page before. */
type PageRequest = { limit?: number | null; cursor?: string | null };
type ClaimPageAnswer = Promise<Answer<ClaimPage>>;

export class ClaimQueries {
  readonly #pool: Pool;

  constructor(pool: Pool) {
    this.#pool = pool;
  }

  /** The claim that was granted to this request id, or CLAIM_NOT_FOUND. */
  byRequest(
    { userId, requestId }: { userId: string; requestId: string },
    options: CallOptions = {},
  ): Promise<Answer<{ claim: ClaimView }>> {
    return this.#pool.call({ name: 'CLAIM_BY_REQUEST', args: [null, userId, requestId] }, options, claimAnswer);
  }

  ofUser(
    {
      userId,
      eventKey = null,
      limit = null,
      cursor = null,
    }: PageRequest & { userId: string; eventKey?: string | null },
    options: CallOptions = {},
  ): ClaimPageAnswer {
    const args = [null, userId, eventKey, limit, cursor];
    return this.#pool.call({ name: 'CLAIMS_OF_USER', args }, options, claimPageAnswer);
  }

  /** All claims; `from` (inclusive) and `to` (exclusive) are milliseconds since 1970-01-01 UTC. */
  list(
    filter: PageRequest & {
      eventKey?: string | null;
      userId?: string | null;
      from?: number | null;
      to?: number | null;
    } = {},
    options: CallOptions = {},
  ): ClaimPageAnswer {
    const { eventKey = null, userId = null, from = null, to = null, limit = null, cursor = null } = filter;
    const args = [null, eventKey, userId, from, to, limit, cursor];
    return this.#pool.call({ name: 'CLAIMS_LIST', args }, options, claimPageAnswer);
  }
}
