/**
 * Why a live socket is closed, as data: pinned codes for programs (RFC 6455 §7.4; 4000 and up are ours), a sentence for
 * people. Codes are never reused.
 */
export const CLOSES = {
  DRAINING: { code: 1001, reason: 'the edge is stopping' },
  BINARY: { code: 1003, reason: 'messages are text' },
  POLICY: { code: 1008, reason: 'not a message of this channel' },
  /** ws closes with this one by itself. */
  TOO_LARGE: { code: 1009, reason: 'a message is larger than 64 KiB' },
  FAULT: { code: 1011, reason: 'the edge met a fault of its own' },
  LATER: { code: 1013, reason: 'no server can sign you in now' },
  UNAUTHENTICATED: { code: 4401, reason: 'not signed in' },
  EXPIRED: { code: 4401, reason: 'the access token has ended' },
  SESSION_ENDED: { code: 4403, reason: 'the session has ended' },
  NO_HELLO: { code: 4408, reason: 'no hello in time' },
  TOO_SLOW: { code: 4409, reason: 'messages are not read' },
  TOO_MANY: { code: 4429, reason: 'too many sockets' },
} as const;

export type CloseName = keyof typeof CLOSES;
