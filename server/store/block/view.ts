/** Blocks as people read them: what `claimd journal dump` shows. */
import type { BlockView } from '../../../protocol/journal.ts';
import { KIND } from './layout.ts';
import { type Block, claimsOf, readBlock, seriesIn } from './reader.ts';

/** Of blocks in order, up to `limit` that begin behind the offset `after`; none of null. Throws on bytes that are no block. */
export async function viewsBehind(
  blocks: AsyncIterable<Buffer> | null,
  { after, limit }: { after: number | null; limit: number },
): Promise<BlockView[]> {
  const views: BlockView[] = [];
  for await (const bytes of blocks ?? []) {
    const block = readBlock(bytes, 0);
    if (typeof block === 'string') throw new Error(`the journal gave a block with ${block}`);
    if (after === null || block.offset > after) views.push(viewOf(block));
    if (views.length >= limit) break;
  }
  return views;
}

/** Takes what `readBlock` has accepted. */
export function viewOf(block: Block): BlockView {
  const { offset, bytes, kind, origin, sequence, closedAt, crc, previous, firstAttempt } = block;
  const places = new Map<number, number>();
  const series = [...seriesIn(block)].map(([id, { eventKey, period, configVersion, rewards }], place) => {
    places.set(id, place);
    return { eventKey, period, configVersion, rewards: [...rewards] };
  });
  const claims = [...claimsOf(block)].map(({ series: id, record }) => {
    const { slot, grantedAt, userId, requestId } = record;
    return { series: places.get(id) ?? 0, slot, grantedAt, userId, requestId };
  });
  return {
    ...{ offset, bytes: bytes.length, kind: kind === KIND.mark ? 'mark' : 'claims', origin, sequence, closedAt },
    ...{ crc, previous, firstAttempt, series, claims },
  };
}
