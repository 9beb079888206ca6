/**
 * Every bound of the wire in one place. What a server agrees to is sent to the client in READY; the rest is fixed by
 * the protocol version. Units are in the names.
 */
export const LIMITS = {
  /** A whole frame after its length field: header and body. */
  frameBytesMax: 1_048_576,
  /** The same before READY, when nobody has proved who they are. */
  frameBytesMaxBeforeReady: 4_096,
  inFlightFramesMax: 1_024,
  inFlightClaimsMax: 20_000,
  batchClaimsMax: 10_000,
  /** Leaves room for the dot and the number behind it, which make it a request id. */
  batchIdLengthMax: 100,
  /** Arrays and maps inside one another; the body's own array is the first level. */
  bodyDepthMax: 8,
  /** MessagePack values in one body: bounds what decoding a small frame may allocate. */
  bodyValuesMax: 65_536,
  stringBytesMax: 4_096,
  handshakeMs: 3_000,
  frameMs: 5_000,
  pingAfterMs: 15_000,
  idleMs: 40_000,
  nonceBytes: 32,
  serviceKeyBytesMin: 32,
  eventKeyLengthMax: 64,
  userIdLengthMax: 128,
  requestIdLengthMax: 128,
  deadlineMsMax: 30_000,
  deadlineMsDefault: 5_000,
  rewardsMax: 32,
  pageLengthMax: 200,
  qualificationsMax: 10_000,
  usernameLengthMax: 64,
  passwordLengthMin: 8,
  passwordLengthMax: 256,
  deviceIdLengthMax: 128,
  rolesOfUserMax: 8,
  permissionsMax: 64,
  trustedIssuersMax: 16,
  /** Event keys, and user ids, in one SUBSCRIBE or UNSUBSCRIBE. */
  subscribedMax: 1_000,
} as const;

export type AgreedLimits = {
  frameBytesMax: number;
  inFlightFramesMax: number;
  inFlightClaimsMax: number;
  batchClaimsMax: number;
};

const holds =
  LIMITS.frameBytesMaxBeforeReady < LIMITS.frameBytesMax &&
  LIMITS.inFlightFramesMax <= LIMITS.inFlightClaimsMax &&
  LIMITS.batchClaimsMax <= LIMITS.inFlightClaimsMax &&
  LIMITS.batchClaimsMax <= LIMITS.bodyValuesMax &&
  LIMITS.batchIdLengthMax + `.${LIMITS.batchClaimsMax - 1}`.length <= LIMITS.requestIdLengthMax &&
  LIMITS.pingAfterMs * 2 < LIMITS.idleMs;
if (!holds) throw new Error('protocol limits contradict one another');
