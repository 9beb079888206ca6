/** The stores as operators see them: figures, comparison, backup, archive. */
import { isAbsolute } from 'node:path';
import { wideOrNull } from '../../protocol/claim.ts';
import { wide } from '../../protocol/codec.ts';
import type { Problem } from '../../protocol/reply.ts';
import { encodeArchiveItem, encodeMismatch, encodeStore } from '../../protocol/upkeep.ts';
import type { Archived, Archives } from '../archive/archives.ts';
import { ArchiveRefused } from '../archive/refused.ts';
import type { Backups } from '../upkeep/backups.ts';
import { isPlace } from '../upkeep/reconciliation.ts';
import { type Reconciling, SETTLED_MS } from '../upkeep/reconciling.ts';
import type { Statuses } from '../upkeep/statuses.ts';
import { type Answer, badField, doerOf, type Handler, isProblem } from './call.ts';
import { decodeTextCursor, encodeTextCursor } from './cursor.ts';
import type { ReadableJournal } from './journal-handlers.ts';

const BUSY_RETRY_MS = 1_000;

/** Of one answer. */
const ITEMS_MAX = 256;

type Names = 'STORES' | 'RECONCILE' | 'BACKUP' | 'ARCHIVE';
export type UpkeepHandlers = { [K in Names]: Handler<K> };

export type UpkeepOptions = {
  statuses: Pick<Statuses, 'now' | 'recent'>;
  reconciling: Pick<Reconciling, 'next'>;
  backups: Pick<Backups, 'ask'>;
  archives: Pick<Archives, 'go' | 'stop'>;
  journal: Pick<ReadableJournal, 'away'> | undefined;
  nowMs: () => number;
};

export function createUpkeepHandlers({
  statuses,
  reconciling,
  backups,
  archives,
  journal,
  nowMs,
}: UpkeepOptions): UpkeepHandlers {
  return {
    STORES: async () => ({ result: [(await statuses.now()).map(encodeStore)] }),

    async RECONCILE({ args: [, asked, cursor] }) {
      const away = journal?.away() ?? null;
      if (away !== null) return away;
      const place = cursor === null ? null : decodeTextCursor(cursor);
      if (place === undefined || (place !== null && !isPlace(place)))
        return badField('cursor', 'a nextCursor of a comparison');
      const asOf = asked ?? Math.floor(nowMs()) - SETTLED_MS;
      if (asOf > nowMs()) return badField('asOf', 'a time that has passed');
      const { place: next, checked, mismatches } = await reconciling.next(asOf, place);
      const nextCursor = next === null ? null : encodeTextCursor(next);
      return {
        result: [nextCursor, wide(asOf), wide(checked), wide(await claimsIn(statuses)), mismatches.map(encodeMismatch)],
      };
    },

    BACKUP({ args: [, directory, backupId] }) {
      if (!isAbsolute(directory)) return badField('directory', 'an absolute path');
      const view = backups.ask(backupId, directory);
      if (view === 'absent') return { code: 'NOT_FOUND', detail: 'this store has tools of its own' };
      if (view === 'busy') return { code: 'BUSY', retryAfterMs: BUSY_RETRY_MS };
      const { state, phase, bytes, bytesTotal, claims, detail } = view;
      return { result: [state, phase, wide(bytes), wide(bytesTotal), wideOrNull(claims), detail] };
    },

    async ARCHIVE({ args: [, directory, before, archiveId, intent, after], principal }) {
      const away = journal?.away() ?? null;
      if (away !== null) return away;
      if (!isAbsolute(directory)) return badField('directory', 'an absolute path');
      if (before > nowMs()) return badField('before', 'a time that has passed');
      const asked = { archiveId, directory, before, doer: doerOf(principal) };
      const archived = await (intent === 'STOP' ? archives.stop(archiveId) : archives.go(asked)).catch(asProblem);
      if (archived === null) return { code: 'NOT_FOUND', detail: 'no archive of this id runs here' };
      if (archived === 'busy') return { code: 'BUSY', retryAfterMs: BUSY_RETRY_MS };
      return isProblem(archived) ? archived : archiveAnswer(archived, after);
    },
  };
}

function asProblem(error: unknown): Problem {
  if (error instanceof ArchiveRefused) return badField('directory', error.message);
  throw error;
}

function archiveAnswer({ view, items }: Archived, after: number): Answer {
  const { state, phase, done, total, claims, itemCount, detail } = view;
  const shown = items.slice(after, after + ITEMS_MAX).map(encodeArchiveItem);
  return { result: [state, phase, wide(done), wide(total), wide(claims), wide(itemCount), shown, detail] };
}

async function claimsIn(statuses: Pick<Statuses, 'recent'>): Promise<number> {
  const collections = (await statuses.recent()).flatMap((store) => store.collections);
  return collections.reduce((sum, { claims }) => sum + claims, 0);
}
