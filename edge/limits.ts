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
  /** The same for an event's switch to another mode, which settles for a second and may have much to catch up with. */
  modeMs: 9_000,
  /** The same while no server is connected. */
  reconnectMs: 1_000,
  /** The same for readiness and metrics, which are asked by probes that are impatient themselves. */
  probeMs: 1_000,
  /** Requests under way get this long to finish in a drain. */
  drainMs: 10_000,
  /** User ids of one upload; rows that are rejected are none. */
  uploadUsersMax: 1_000_000,
  /** Above a million rows of the longest ids. */
  uploadBytesMax: 268_435_456,
  /** What the edge waits for the answer to one batch of an upload, retries included. */
  uploadBatchMs: 9_000,
  /** Silence of an upload's sender while the edge reads. */
  uploadSilenceMs: 10_000,
  /** Beyond that silence, an upload must on the whole be sent at this rate. */
  uploadBytesPerSecondMin: 1_024,
  /** How long the rest of an upload that was refused in the middle is read, so that its answer arrives. */
  uploadLingerMs: 5_000,
  tokenBytesMax: 4_096,
  /** Verified tokens that are remembered. */
  tokensMax: 20_000,
  /** How far a token's nbf may lie ahead of the servers' clock. Nothing is added to exp. */
  clockSkewMs: 5_000,
  keysRefreshMs: 60_000,
  /** An unknown key id asks the server again, but not more often than this. */
  keysRefreshMsMin: 2_000,
  /** Users whose claim rate is remembered. */
  claimRateUsersMax: 100_000,

  /** Live sockets; fewer than connections, so that they leave some for requests. */
  liveSocketsMax: 8_000,
  liveSocketsOfUserMax: 10,
  liveMessageBytesMax: 65_536,
  /** A socket must have said hello this long after it opened. */
  liveHelloMs: 5_000,
  livePingMs: 30_000,
  /** Silence, pongs included, after which a socket is cut. */
  liveDeadMs: 60_000,
  /** What may wait in memory to be read by one socket's peer. */
  liveBufferedBytesMax: 262_144,
  /** Claims of one socket without an outcome; behind so many it is not heard. */
  liveInFlightMax: 32,
  /** How long a closed socket may take to say that it has heard so. */
  liveLingerMs: 5_000,
  /** How often sockets are looked at for what is due. */
  liveSweepMs: 500,
  /** A server that could not be subscribed to is asked again after this. */
  liveRetryMs: 1_000,
  /** Grants that are remembered, so that each is told once. */
  liveGrantsMax: 20_000,
  /** Keys of one kind in one SUBSCRIBE. */
  subscribedMax: LIMITS.subscribedMax,
} as const;

export type EdgeLimits = { readonly [K in keyof typeof EDGE_LIMITS]: number };

const holds =
  EDGE_LIMITS.deadlineMs < EDGE_LIMITS.drainMs &&
  EDGE_LIMITS.modeMs < EDGE_LIMITS.drainMs &&
  EDGE_LIMITS.uploadBatchMs < EDGE_LIMITS.drainMs &&
  EDGE_LIMITS.uploadSilenceMs < EDGE_LIMITS.silenceMs &&
  EDGE_LIMITS.deadlineMs < EDGE_LIMITS.silenceMs &&
  EDGE_LIMITS.tokenBytesMax < EDGE_LIMITS.headerBytesMax &&
  EDGE_LIMITS.liveSocketsMax < EDGE_LIMITS.connectionsMax &&
  EDGE_LIMITS.liveLingerMs < EDGE_LIMITS.drainMs &&
  EDGE_LIMITS.livePingMs * 2 <= EDGE_LIMITS.liveDeadMs;
if (!holds) throw new Error('edge limits contradict one another');
