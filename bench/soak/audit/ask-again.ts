/**
 * The auditor's own questions: every request again under its id, reads by request id, and whole lists. It only asks and
 * writes down; the rules judge.
 */
import type { ClaimReply, Client } from '../../../clients/index.ts';
import type { Claim } from '../../../protocol/claim.ts';
import { type Ask, asksOf, type BatchAsk, type Heard, type History, type Sending } from './history.ts';

const LANES = 128;
const DEADLINE_MS = 30_000;
const PAGE_LENGTH = 200;

/** Asks each again until the answer is not lost; the client's own retries are welcome here. */
export async function askAgain(client: Client, history: History, asks: readonly Ask[]): Promise<void> {
  await forEach(asks, async (ask) => {
    const sending = history.sent(ask);
    const reply = await client.claim({ ...ask, deadlineMs: DEADLINE_MS });
    history.heard(sending, heardOf(reply));
  });
}

/** The same for whole batches. */
export async function askBatchesAgain(client: Client, history: History, batches: readonly BatchAsk[]): Promise<void> {
  for (const batch of batches) {
    const sendings = asksOf(batch).map((ask) => history.sent(ask));
    const replies = await client.claimBatch({ ...batch, deadlineMs: DEADLINE_MS });
    for (const [i, reply] of replies.entries()) history.heard(sendings[i] as Sending, heardOf(reply));
  }
}

/** Lists the claims of each user in both ways there are. Throws when the server does not answer. */
export async function listUsers(client: Client, history: History, userIds: readonly string[]): Promise<void> {
  await forEach(userIds, async (userId) => {
    for (const kind of ['ofUser', 'list'] as const) {
      const sentAt = history.now;
      const page = await client.claims[kind]({ userId, limit: PAGE_LENGTH }, { deadlineMs: DEADLINE_MS });
      if (page.code !== 'OK') throw new Error(`claims of ${userId}: ${page.code}`);
      history.listed(userId, sentAt, page.items);
    }
  });
}

/** Looks each up by its request id, which decides nothing. Throws when the server does not answer. */
export async function lookUp(client: Client, history: History, asks: readonly Ask[]): Promise<void> {
  await forEach(asks, async (ask) => {
    const answer = await client.claims.byRequest(ask, { deadlineMs: DEADLINE_MS });
    if (answer.code === 'OK') history.looked(ask, answer.claim);
    else if (answer.code === 'CLAIM_NOT_FOUND') history.looked(ask, null);
    else throw new Error(`claim by request ${ask.requestId}: ${answer.code}`);
  });
}

/** Every claim of these events, page by page. Throws when the server does not answer. */
export async function listClaims(client: Client, eventKeys: readonly string[]): Promise<Claim[]> {
  const claims: Claim[] = [];
  for (const eventKey of eventKeys) {
    let cursor: string | null = null;
    do {
      const page: Awaited<ReturnType<Client['claims']['list']>> = await client.claims.list(
        { eventKey, limit: PAGE_LENGTH, cursor },
        { deadlineMs: DEADLINE_MS },
      );
      if (page.code !== 'OK') throw new Error(`claims of ${eventKey}: ${page.code}`);
      claims.push(...page.items);
      cursor = page.nextCursor;
    } while (cursor !== null);
  }
  return claims;
}

export function heardOf(reply: ClaimReply): Heard {
  return { code: reply.code, claim: 'claim' in reply ? reply.claim : null };
}

async function forEach<T>(asks: readonly T[], work: (ask: T) => Promise<void>): Promise<void> {
  let next = 0;
  const lane = async () => {
    for (let ask = asks[next++]; ask !== undefined; ask = asks[next++]) await work(ask);
  };
  await Promise.all(Array.from({ length: LANES }, lane));
}
