/** The frames of the ops about stores. */
import type { ErrorName } from '../errors.ts';
import type { OpName } from '../ops.ts';
import type { Problem } from '../reply.ts';
import { type ArchiveItem, encodeArchiveItem, encodeMismatch, encodeStore, type StoreView } from '../upkeep.ts';
import type { Vector } from './vectors.ts';

type Makers = {
  request(op: OpName, number: number, name: string, ...body: unknown[]): Vector;
  reply(op: OpName, number: number, name: string, outcome: ErrorName, result: unknown): Vector;
  refusal(op: OpName, number: number, problem: Problem): Vector;
  operator: unknown;
  now: number;
};

export function upkeepFrames({ request, reply, refusal, operator, now }: Makers): Vector[] {
  const slot = encodeMismatch({ kind: 'slotGap', eventKey: 'summer', period: '20261122', slot: 41, claimKey: null });
  const key = encodeMismatch({ ...CLAIM, eventKey: 'welcome', period: '-', slot: null });
  const rival = { ...CLAIM, requestId: 'r-1', grantedAt: now, configVersion: 3, slot: null, attempt: 'a.0badb007.41' };
  const rivals = { journaled: rival, stored: { ...rival, requestId: 'r-2', attempt: 'b.0badcafe.7' } };
  const both = { ...CLAIM, ...rivals, kind: 'conflict', eventKey: 'welcome', period: '-', slot: null };
  return [
    request('STORES', 30, 'STORES', operator),
    reply('STORES', 30, 'one store', 'OK', [STORES.map(encodeStore)]),
    request('RECONCILE', 31, 'RECONCILE from the beginning', null, null, null),
    request('RECONCILE', 31, 'RECONCILE, the next part', null, now, 'claims'),
    reply('RECONCILE', 31, 'a part with mismatches', 'OK', ['slots', now, 20_000, 60_000, [slot, key]]),
    reply('RECONCILE', 32, 'a part with both claims of a conflict', 'OK', [
      null,
      now,
      0,
      60_000,
      [encodeMismatch(both)],
    ]),
    request('BACKUP', 52, 'BACKUP', null, '/backups/1', 'b-1'),
    reply('BACKUP', 52, 'under way', 'OK', ['RUNNING', 'tables', 4_096, 5_000_000_000, null, null]),
    reply('BACKUP', 52, 'done', 'OK', ['DONE', 'verify', 5_000_000_000, 5_000_000_000, 20_000_000, null]),
    refusal('BACKUP', 52, { code: 'NOT_FOUND', detail: 'this store has tools of its own' }),
    request('ARCHIVE', 53, 'ARCHIVE', null, '/archive', now, 'a-1', 'GO', 0),
    reply('ARCHIVE', 53, 'under way', 'OK', ['RUNNING', 'verify', 30_000, 60_000, 0, 0, [], null]),
    reply('ARCHIVE', 53, 'done', 'OK', [
      'DONE',
      'remove',
      60_000,
      60_000,
      20_000,
      3,
      ITEMS.map(encodeArchiveItem),
      null,
    ]),
    refusal('ARCHIVE', 53, { code: 'BAD_REQUEST', faults: [{ field: 'before', rule: 'a time that has passed' }] }),
  ];
}

const NONE = { eventKey: '', period: '', claims: 0, file: null, sha256: null, detail: null } as const;
const ITEMS: readonly ArchiveItem[] = [
  {
    ...NONE,
    ...{ kind: 'archived', eventKey: 'summer', period: '20260518', claims: 20_000 },
    ...{ file: 'claims_summer_20260518_0badcafe.1.ndjson.gz', sha256: 'ab'.repeat(32) },
  },
  { ...NONE, kind: 'left', eventKey: 'gifts', period: '-', claims: 12, detail: '3 deliveries are pending' },
  { ...NONE, kind: 'emptied', detail: 'user_events_day_20260518' },
];
const CLAIM = { kind: 'claimWithoutEntry', claimKey: 'welcome/-/u1' } as const;
const SUMMER = { name: 'user_events_event_summer', claims: 0, bytes: 0, indexBytes: 4_096, guard: 'missing' } as const;
const ALL = { claims: 20_000_000, bytes: 5_000_000_000, indexBytes: 1_500_000_000, guard: 'ok' } as const;
const STORES: readonly StoreView[] = [
  {
    ...{ store: 'main', reachable: true, journal: { backlogClaims: 12, oldestMs: 300 } },
    collections: [{ name: 'user_events', ...ALL }, SUMMER],
  },
];
