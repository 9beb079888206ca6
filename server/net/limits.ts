/** The bounds of the listener: those of the wire, and those that no peer needs to know. */
import { type AgreedLimits, LIMITS } from '../../protocol/limits.ts';

export type NetLimits = AgreedLimits & {
  frameBytesMaxBeforeReady: number;
  handshakeMs: number;
  frameMs: number;
  pingAfterMs: number;
  idleMs: number;
  /** How often every connection is looked at; the grain of every deadline here. */
  sweepMs: number;
  /** Unsent replies above which a connection is not read, and how long it may stay so. */
  unsentPauseBytes: number;
  slowReaderMs: number;
  /** Unsent replies left over from an earlier turn above which a connection is closed at once. */
  unsentBytesMax: number;
  /** How long a closed socket may take to deliver its last bytes before it is destroyed. */
  lingerMs: number;
  /** How long a drained connection stays after GOAWAY, so that requests on their way are answered DRAINING. */
  drainQuietMs: number;
  /** The hint of DRAINING: by then another node should be found. */
  drainRetryAfterMs: number;
  /** Connections that have not proved themselves; the oldest makes room for a new one. */
  unreadyMax: number;
  /** Connections above the cap that are told so; beyond these the kernel's queue and then silence. */
  refusalsMax: number;
};

export const NET_LIMITS: NetLimits = {
  frameBytesMax: LIMITS.frameBytesMax,
  inFlightFramesMax: LIMITS.inFlightFramesMax,
  inFlightClaimsMax: LIMITS.inFlightClaimsMax,
  batchClaimsMax: LIMITS.batchClaimsMax,
  frameBytesMaxBeforeReady: LIMITS.frameBytesMaxBeforeReady,
  handshakeMs: LIMITS.handshakeMs,
  frameMs: LIMITS.frameMs,
  pingAfterMs: LIMITS.pingAfterMs,
  idleMs: LIMITS.idleMs,
  sweepMs: 250,
  unsentPauseBytes: 1_048_576,
  slowReaderMs: 10_000,
  unsentBytesMax: 8 * 1_048_576,
  lingerMs: 1_000,
  drainQuietMs: 250,
  drainRetryAfterMs: 500,
  unreadyMax: 1_024,
  refusalsMax: 256,
};

export const CONNECTIONS_MAX = 10_000;
