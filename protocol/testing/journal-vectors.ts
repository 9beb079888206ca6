/** A page of the journal as a server shows it: a mark, and a block with claims of two events. */
import type { BlockView } from '../journal.ts';

export function blocksAt(now: number): BlockView[] {
  const mark: BlockView = {
    ...{ offset: 67_112_960, bytes: 120, kind: 'mark', origin: 'node-1.0a1b2c3d', sequence: 1, closedAt: now },
    ...{ crc: 0x01020304, previous: 0, firstAttempt: 7, series: [], claims: [] },
  };
  const sword = { kind: 'item', id: 'sword-of-dawn', amount: 1 };
  const gold = { kind: 'currency', id: 'gold', amount: 5_000_000_000 };
  const claims: BlockView = {
    ...{ ...mark, offset: 67_113_080, bytes: 176, kind: 'claims', sequence: 2, crc: 0xdeadbeef, previous: mark.crc },
    series: [
      { eventKey: 'summer', period: '20261122', configVersion: 3, rewards: [sword, gold] },
      { eventKey: 'welcome', period: '-', configVersion: 1, rewards: [{ ...gold, amount: 100 }] },
    ],
    claims: [
      { series: 0, slot: 41, grantedAt: now - 1, userId: 'u1', requestId: 'r-2' },
      { series: 1, slot: null, grantedAt: now, userId: 'u1', requestId: 'r-1' },
    ],
  };
  return [mark, claims];
}
