/** The journal as operators and auditors read it. */
import { wideOrNull } from '../../protocol/claim.ts';
import { type BlockView, encodeBlock } from '../../protocol/journal.ts';
import { LIMITS } from '../../protocol/limits.ts';
import type { JournalDoor } from '../events/journal-door.ts';
import type { Handler } from './call.ts';

const PAGE_LENGTH = 20;
/** What a reply may hold, with room for what stands around the blocks. */
const VALUES_MAX = LIMITS.bodyValuesMax - 1_024;
const BYTES_MAX = LIMITS.frameBytesMax - 65_536;
const VALUES_OF_BLOCK = 12;
const VALUES_OF_CLAIM = 6;
const VALUES_OF_SERIES = 5;
const VALUES_OF_REWARD = 4;
/** What a claim is longer on the wire than in its block, at most. */
const BYTES_ADDED_TO_CLAIM = 16;

export type JournalHandlers = { [K in 'JOURNAL_BLOCKS']: Handler<K> };

/** `blocks`: those that begin behind `after`, oldest first, at most `limit`; all of them when `after` is null. */
export type ReadableJournal = Pick<JournalDoor, 'away'> & {
  blocks(page: { after: number | null; limit: number }): Promise<readonly BlockView[]>;
};

export function createJournalHandlers({ journal }: { journal: ReadableJournal | undefined }): JournalHandlers {
  return {
    async JOURNAL_BLOCKS({ args: [, after, limit] }) {
      if (journal === undefined) return { code: 'NOT_FOUND', detail: 'this store has no journal' };
      const away = journal.away();
      if (away !== null) return away;
      const length = limit ?? PAGE_LENGTH;
      // One more than is shown tells whether there is a next page.
      const found = await journal.blocks({ after, limit: length + 1 });
      const shown = fitting(found.slice(0, length));
      const last = shown.at(-1);
      if (last === undefined && found.length > 0) {
        return { code: 'PAYLOAD_TOO_LARGE', detail: `the block at ${found[0]?.offset} fits into no reply` };
      }
      const next = found.length > shown.length && last !== undefined ? last.offset : null;
      return { result: [shown.map(encodeBlock), wideOrNull(next)] };
    },
  };
}

/** The first of the blocks, as many as one reply holds. */
function fitting(blocks: readonly BlockView[]): readonly BlockView[] {
  let [values, bytes] = [0, 0];
  const end = blocks.findIndex((block) => {
    values += valuesOf(block);
    bytes += block.bytes + block.claims.length * BYTES_ADDED_TO_CLAIM;
    return values > VALUES_MAX || bytes > BYTES_MAX;
  });
  return end < 0 ? blocks : blocks.slice(0, end);
}

function valuesOf({ claims, series }: BlockView): number {
  const rewards = series.reduce((sum, one) => sum + one.rewards.length, 0);
  const ofSeries = series.length * VALUES_OF_SERIES + rewards * VALUES_OF_REWARD;
  return VALUES_OF_BLOCK + ofSeries + claims.length * VALUES_OF_CLAIM;
}
