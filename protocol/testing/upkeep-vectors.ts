/** The frames of the ops about stores. */
import type { ErrorName } from '../errors.ts';
import type { OpName } from '../ops.ts';
import type { Problem } from '../reply.ts';
import { encodeMismatch, encodeStore, type StoreView } from '../upkeep.ts';
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
  return [
    request('STORES', 30, 'STORES', operator),
    reply('STORES', 30, 'one store', 'OK', [STORES.map(encodeStore)]),
    request('RECONCILE', 31, 'RECONCILE from the beginning', null, null, null),
    request('RECONCILE', 31, 'RECONCILE, the next part', null, now, 'claims'),
    reply('RECONCILE', 31, 'a part with mismatches', 'OK', ['slots', now, 20_000, 60_000, [slot, key]]),
    request('BACKUP', 52, 'BACKUP', null, '/backups/1', 'b-1'),
    reply('BACKUP', 52, 'under way', 'OK', ['RUNNING', 'tables', 4_096, 5_000_000_000, null, null]),
    reply('BACKUP', 52, 'done', 'OK', ['DONE', 'verify', 5_000_000_000, 5_000_000_000, 20_000_000, null]),
    refusal('BACKUP', 52, { code: 'NOT_FOUND', detail: 'this store has tools of its own' }),
  ];
}

const CLAIM = { kind: 'claimWithoutEntry', claimKey: 'welcome/-/u1' } as const;
const SUMMER = { name: 'user_events_event_summer', claims: 0, bytes: 0, indexBytes: 4_096, guard: 'missing' } as const;
const ALL = { claims: 20_000_000, bytes: 5_000_000_000, indexBytes: 1_500_000_000, guard: 'ok' } as const;
const STORES: readonly StoreView[] = [
  {
    ...{ store: 'main', reachable: true, journal: { backlogClaims: 12, oldestMs: 300 } },
    collections: [{ name: 'user_events', ...ALL }, SUMMER],
  },
];
