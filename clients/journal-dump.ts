/** What the journal holds, as lines of JSON: each block, then its claims, oldest first. It prints nothing. */
import { type BlockView, claimsInBlock } from '../protocol/journal.ts';
import type { Problem } from '../protocol/reply.ts';
import type { Client } from './client.ts';
import { type ClaimJson, claimJson } from './json.ts';

/** Checksums are 8 hexadecimal digits, times ISO 8601 UTC. */
type BlockJson = Pick<BlockView, 'offset' | 'bytes' | 'kind' | 'origin' | 'sequence'> & {
  type: 'block';
  closedAt: string;
  crc: string;
  previous: string;
  claims: number;
};
/** `offset` is that of its block. What only a later look tells, the delivery and the next claim, is left out. */
type JournaledClaimJson = { type: 'claim'; offset: number; attempt: string } & Omit<
  ClaimJson,
  'delivery' | 'nextClaimAt'
>;
export type JournalLine = BlockJson | JournaledClaimJson;

/** The lines of one block after the other, from behind the offset `after`; ends with the problem that stood in the way. */
export async function* journalLines(
  client: Pick<Client, 'journalBlocks'>,
  after: number | null,
): AsyncGenerator<JournalLine[], Problem | null> {
  let behind = after;
  do {
    const page: Awaited<ReturnType<Client['journalBlocks']>> = await client.journalBlocks({ after: behind });
    if (page.code !== 'OK') return page;
    for (const block of page.blocks) yield linesOf(block);
    behind = page.next;
  } while (behind !== null);
  return null;
}

function linesOf(block: BlockView): JournalLine[] {
  const { offset, bytes, kind, origin, sequence, closedAt, crc, previous, claims } = block;
  const head: BlockJson = {
    ...{ type: 'block', offset, bytes, kind, origin, sequence, closedAt: new Date(closedAt).toISOString() },
    ...{ crc: hexOf(crc), previous: hexOf(previous), claims: claims.length },
  };
  const lines = claimsInBlock(block).map(({ attempt, ...claim }): JournaledClaimJson => {
    const { delivery: _delivery, nextClaimAt: _nextClaimAt, ...shown } = claimJson({ ...claim, nextClaimAt: null });
    return { type: 'claim', offset, attempt, ...shown };
  });
  return [head, ...lines];
}

function hexOf(crc: number): string {
  return crc.toString(16).padStart(8, '0');
}
