/** What the listener counts about itself: plain numbers, added to on the hot path and read by whoever shows them. */
import type { CloseReason } from './life.ts';

export type NetCounters = {
  accepted: number;
  bytesIn: number;
  bytesOut: number;
  /** Connections ended, by reason; a reason that never happened is absent. */
  readonly closes: Map<CloseReason, number>;
};

export type NetStats = Readonly<NetCounters> & {
  /** Sockets that are open, those that are closing included. */
  readonly connectionsOpen: number;
  /** Those of them that have not proved themselves. */
  readonly connectionsUnready: number;
};

export function countersOf(): NetCounters {
  return { accepted: 0, bytesIn: 0, bytesOut: 0, closes: new Map() };
}
