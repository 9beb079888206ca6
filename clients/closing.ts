/** Why a connection ended, as data: pinned words for programs, a sentence for people. */
import { ERRORS, type ErrorName } from '../protocol/errors.ts';

/** Reasons that arise on this side. Those a server sends are rows of the error table. */
const OWN_REASONS = {
  /** The server could not be reached, or TLS failed. */
  CONNECT_FAILED: { isLasting: false },
  /** The socket ended or broke without a word. */
  CONNECTION_LOST: { isLasting: false },
  /** No READY within the time a handshake may take. */
  HANDSHAKE_TIMEOUT: { isLasting: false },
  /** Nothing was heard for 40 s, a PING included. */
  IDLE_TIMEOUT: { isLasting: false },
  /** A request stayed without any answer for twice the longest deadline. */
  REPLY_MISSING: { isLasting: false },
  /** The server sent what the protocol does not allow. */
  SERVER_MALFORMED: { isLasting: false },
  /** The server did not prove that it holds the service key. */
  SERVER_UNPROVEN: { isLasting: true },
  VERSION_UNSUPPORTED: { isLasting: true },
  HANDSHAKE_REFUSED: { isLasting: true },
  /** The server said GOAWAY, and all that was in flight is answered. */
  DRAINED: { isLasting: false },
  /** `close` or `drain` of this client. */
  CLOSED_HERE: { isLasting: false },
} as const;

export type ClosingReason = keyof typeof OWN_REASONS | ErrorName;
export type Closing = { reason: ClosingReason; detail: string };

/** True when connecting again cannot help until somebody changes a setting. */
export function isLasting({ reason }: Closing): boolean {
  if (reason in OWN_REASONS) return OWN_REASONS[reason as keyof typeof OWN_REASONS].isLasting;
  return ERRORS[reason as ErrorName].retry === 'never';
}

/** What `onState` is told. */
export type ConnectionChange =
  | {
      server: string;
      state: 'ready';
      nodeId: string;
      roles: readonly string[];
      /** Add `Runtime.monotonicMs` to have the server's time, as it was told at READY, in milliseconds since 1970 UTC. */
      timeOriginMs: number;
    }
  /** The server drains: nothing new goes there. */
  | { server: string; state: 'leaving' }
  /** The connection ended, or was never made; it is tried again unless the client is closing. */
  | { server: string; state: 'closed'; reason: ClosingReason; detail: string };
