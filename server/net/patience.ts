/**
 * How long a peer is waited for: what a sweep does about a connection, decided from how long things have lasted. Pure.
 * While we do not read a connection its silence is ours, so only the slow-reader deadline runs then.
 */
import type { PinnedReason, State } from './life.ts';
import type { NetLimits } from './limits.ts';

export type Waited = {
  state: State;
  /** Since the state's own deadline began: accepted for CONNECTED, left for CLOSED. */
  inStateMs: number;
  /** Since the last byte was heard. */
  silentMs: number;
  /** Since the last ping was sent. */
  pingedMs: number;
  /** Since the first byte of the frame that is not complete, or null between frames. */
  midFrameMs: number | null;
  /** Since too many replies are unsent, or null when they are not. */
  slowMs: number | null;
  isRead: boolean;
};

export type Verdict = 'WAIT' | 'PING' | 'DESTROY' | PinnedReason;

export function verdictOf(waited: Waited, limits: NetLimits): Verdict {
  if (waited.state === 'CLOSED') return waited.inStateMs >= limits.lingerMs ? 'DESTROY' : 'WAIT';
  if (waited.state === 'CONNECTED') return waited.inStateMs >= limits.handshakeMs ? 'HANDSHAKE_TIMEOUT' : 'WAIT';
  if (waited.slowMs !== null && waited.slowMs >= limits.slowReaderMs) return 'SLOW_READER';
  if (!waited.isRead) return 'WAIT';
  if (waited.midFrameMs !== null && waited.midFrameMs >= limits.frameMs) return 'FRAME_TIMEOUT';
  if (waited.silentMs >= limits.idleMs) return 'IDLE_TIMEOUT';
  return Math.min(waited.silentMs, waited.pingedMs) >= limits.pingAfterMs ? 'PING' : 'WAIT';
}
