/** Every bound of the HTTP side in one place; units are in the names. What the wire bounds stands in protocol/limits.ts. */
import { LIMITS } from '../protocol/limits.ts';

export const EDGE_LIMITS = {
  bodyBytesMax: 65_536,
  /** Request line and headers together. Above the longest token, so that an overlong one is still answered with 401. */
  headerBytesMax: 16_384,
  /** Characters of one path parameter: a request id of 128 characters, each percent-encoded. */
  paramLengthMax: 384,
  connectionsMax: 10_000,
  /** A request must have arrived whole this long after its first byte. */
  requestMs: 10_000,
  /** How often node looks for requests that are late. */
  requestCheckMs: 2_000,
  /** Silence in the middle of a request or an answer. Longer than any deadline below. */
  silenceMs: 30_000,
  keepAliveMs: 72_000,
  /** What the edge waits for an answer, retries included. */
  deadlineMs: LIMITS.deadlineMsDefault,
  /** The same while no server is connected. */
  reconnectMs: 1_000,
  /** The same for readiness and metrics, which are asked by probes that are impatient themselves. */
  probeMs: 1_000,
  /** Requests under way get this long to finish in a drain. */
  drainMs: 10_000,
  tokenBytesMax: 4_096,
  /** Verified tokens that are remembered. */
  tokensMax: 20_000,
  /** How far a token's nbf may lie ahead of this machine's clock. Nothing is added to exp. */
  clockSkewMs: 5_000,
  keysRefreshMs: 60_000,
  /** An unknown key id asks the server again, but not more often than this. */
  keysRefreshMsMin: 2_000,
  /** Users whose claim rate is remembered. */
  claimRateUsersMax: 100_000,
} as const;

export type EdgeLimits = { readonly [K in keyof typeof EDGE_LIMITS]: number };

const holds =
  EDGE_LIMITS.deadlineMs < EDGE_LIMITS.drainMs &&
  EDGE_LIMITS.deadlineMs < EDGE_LIMITS.silenceMs &&
  EDGE_LIMITS.tokenBytesMax < EDGE_LIMITS.headerBytesMax;
if (!holds) throw new Error('edge limits contradict one another');
