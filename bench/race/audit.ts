/** What the store lists after a race, against what the players were told: a second witness beside the answers. */
import type { ClaimView, Client } from '../../clients/index.ts';
import { backlogAfter } from '../processes/backlog.ts';
import { type Attempt, hasWon } from './attempt.ts';

const PAGE_LENGTH = 200;

/** With a client for each server. */
export async function faultsOfStore(
  clients: readonly Client[],
  eventKey: string,
  attempts: readonly Attempt[],
): Promise<{ stored: number; faults: string[] }> {
  const backlog = await backlogAfter(clients);
  if (backlog > 0) return { stored: 0, faults: [`${backlog} granted claims do not come to the store`] };
  const claims = await claimsOf(clients[0] as Client, eventKey);
  if (typeof claims === 'string') return { stored: 0, faults: [`the claims could not be listed: ${claims}`] };
  const players = new Set(attempts.map(({ userId }) => userId));
  const ofRace = claims.filter(({ userId }) => players.has(userId));
  const stored = new Set(ofRace.map(({ requestId }) => requestId));
  const told = new Set(attempts.filter(hasWon).map(({ requestId }) => requestId));
  const lost = [...told].filter((requestId) => !stored.has(requestId)).length;
  const untold = [...stored].filter((requestId) => !told.has(requestId)).length;
  const twice = ofRace.length - new Set(ofRace.map(({ claimKey }) => claimKey)).size;
  const sentences = {
    'LOST: acknowledged claims are not listed': lost,
    'claims are listed that nobody was told of': untold,
  };
  const faults = Object.entries({ ...sentences, 'DOUBLE GRANT: claim keys are listed twice': twice });
  return {
    stored: ofRace.length,
    faults: faults.flatMap(([sentence, count]) => (count === 0 ? [] : [`${sentence} (${count})`])),
  };
}

/** All of them, or the code of the answer that stood in the way. */
async function claimsOf(client: Client, eventKey: string): Promise<ClaimView[] | string> {
  const claims: ClaimView[] = [];
  let cursor: string | null = null;
  do {
    const page = await client.claims.list({ eventKey, limit: PAGE_LENGTH, cursor });
    if (page.code !== 'OK') return page.code;
    claims.push(...page.items);
    cursor = page.nextCursor;
  } while (cursor !== null);
  return claims;
}
