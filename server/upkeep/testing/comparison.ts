/** A whole comparison through a server, as `claimd reconcile` asks for it. */
import type { Client } from '../../../clients/index.ts';
import { isSuccess } from '../../../protocol/reply.ts';
import type { Result } from '../../../protocol/results.ts';
import { decodeMismatch } from '../../../protocol/upkeep.ts';

/** `kind place`, sorted; the place is a slot or a claim key. */
export async function comparison(client: Client, asOf: number): Promise<string[]> {
  const found: string[] = [];
  let cursor: string | null = null;
  do {
    const reply = await client.request('RECONCILE', [null, asOf, cursor]);
    if (!isSuccess(reply)) throw new Error(`RECONCILE: ${reply.code} ${reply.detail}`);
    const [next, , , , mismatches]: Result<'RECONCILE'> = reply.result as Result<'RECONCILE'>;
    for (const { kind, slot, claimKey, eventKey, period } of mismatches.map(decodeMismatch)) {
      found.push(`${kind} ${claimKey ?? `${eventKey}/${period} ${slot}`}`);
    }
    cursor = next;
  } while (cursor !== null);
  return found.sort();
}

/** Users a to e claim in an event of each kind; resolves with the time of the last grant. */
export async function claimed(client: Client): Promise<number> {
  const events = [
    { eventKey: 'plain', mode: 'direct' },
    { eventKey: 'stocked', mode: 'direct', stock: 10 },
    { eventKey: 'busy', mode: 'journal' },
    { eventKey: 'scarce', mode: 'journal', stock: 10 },
  ] as const;
  let last = 0;
  for (const event of events) {
    const made = await client.events.create(event);
    if (made.code !== 'OK') throw new Error(`create: ${made.code}`);
    for (const userId of ['a', 'b', 'c', 'd', 'e']) {
      const { eventKey } = event;
      const reply = await client.claim({ eventKey, userId, requestId: `${eventKey}-${userId}` });
      if (reply.code !== 'GRANTED') throw new Error(`claim: ${reply.code}`);
      last = Math.max(last, reply.claim.grantedAt);
    }
  }
  return last;
}
