/**
 * The life of a connection: CONNECTED until HELLO is proved, READY for requests, DRAINING after GOAWAY, CLOSED when
 * nothing more is read. A CLOSED socket may still be delivering its last bytes; it is gone when the kernel says so.
 */
import type { ErrorName } from '../../protocol/errors.ts';

const NEXT = {
  CONNECTED: ['READY', 'CLOSED'],
  READY: ['DRAINING', 'CLOSED'],
  DRAINING: ['CLOSED'],
  CLOSED: [],
} as const satisfies Record<string, readonly string[]>;

export type State = keyof typeof NEXT;
export const STATES = Object.keys(NEXT) as State[];

/** The state to be in next; throws for a step that no connection may take. */
export function stepped(from: State, to: State): State {
  if (!(NEXT[from] as readonly State[]).includes(to)) throw new Error(`a connection cannot go from ${from} to ${to}`);
  return to;
}

/** The rows of the error table that close a connection, each said in a CLOSE notice. */
export const PINNED_REASONS = [
  'FRAME_TOO_LARGE',
  'FRAME_MALFORMED',
  'VERSION_UNSUPPORTED',
  'HANDSHAKE_TIMEOUT',
  'HANDSHAKE_REFUSED',
  'HANDSHAKE_EXPECTED',
  'FRAME_TIMEOUT',
  'IDLE_TIMEOUT',
  'SLOW_READER',
  'TOO_MANY_IN_FLIGHT',
  'TOO_MANY_CONNECTIONS',
  'NUMBER_REUSED',
  'SHUTDOWN',
] as const satisfies readonly ErrorName[];
export type PinnedReason = (typeof PINNED_REASONS)[number];
/** PEER_CLOSED: the peer ended it in order. PEER_LOST: the socket failed. TLS_REFUSED: it never became a connection. */
export type CloseReason = PinnedReason | 'PEER_CLOSED' | 'PEER_LOST' | 'TLS_REFUSED';
