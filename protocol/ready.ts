/** READY, the result of HELLO: what the server has agreed to and its proof that it holds the service key. */
import { type Value, wide } from './codec.ts';
import { type AgreedLimits, LIMITS } from './limits.ts';
import { bytes, integer, list, positionalAtLeast, type TypeOf, text } from './shape.ts';

const agreed = integer({ min: 1, max: 0x7fffffff });

export const readyTuple = positionalAtLeast(
  // A client keeps this much of one frame: a server may agree to less than the protocol's maximum, never to more.
  ['frameBytesMax', integer({ min: 64, max: LIMITS.frameBytesMax })],
  ['inFlightFramesMax', agreed],
  ['inFlightClaimsMax', agreed],
  ['batchClaimsMax', agreed],
  ['shardMapVersion', integer({ min: 0, max: Number.MAX_SAFE_INTEGER })],
  ['serverProof', bytes({ lengthMin: 32, lengthMax: 32 })],
  ['serverTimeMs', integer({ min: 0, max: 8_640_000_000_000_000 })],
  ['roles', list(text({ lengthMin: 1, lengthMax: 64 }), { lengthMax: 16 })],
);

/** `serverTimeMs` is milliseconds since 1970-01-01 UTC; `roles` are those of the service. */
export type Ready = AgreedLimits & {
  shardMapVersion: number;
  serverProof: Uint8Array;
  serverTimeMs: number;
  roles: string[];
};

export function encodeReady(ready: Ready): Value[] {
  return [
    ready.frameBytesMax,
    ready.inFlightFramesMax,
    ready.inFlightClaimsMax,
    ready.batchClaimsMax,
    wide(ready.shardMapVersion),
    ready.serverProof,
    wide(ready.serverTimeMs),
    ready.roles,
  ];
}

/** Takes what `readyTuple` has accepted. */
export function decodeReady(tuple: TypeOf<typeof readyTuple>): Ready {
  const [frameBytesMax, inFlightFramesMax, inFlightClaimsMax, batchClaimsMax, ...rest] = tuple;
  const [shardMapVersion, serverProof, serverTimeMs, roles] = rest;
  return {
    frameBytesMax,
    inFlightFramesMax,
    inFlightClaimsMax,
    batchClaimsMax,
    shardMapVersion,
    serverProof,
    serverTimeMs,
    roles,
  };
}
