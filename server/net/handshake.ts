/**
 * WELCOME out, HELLO in, READY or a refusal out. Who signed wrongly, and who is not known at all, get the same answer.
 */
import { decodeBody, encodeFrame } from '../../protocol/codec.ts';
import { ERRORS, type ErrorName } from '../../protocol/errors.ts';
import { type Frame, KIND, PROTOCOL_VERSION } from '../../protocol/frame.ts';
import { OPS } from '../../protocol/ops.ts';
import { encodeReady } from '../../protocol/ready.ts';
import { encodeProblem } from '../../protocol/reply.ts';
import { BodyRefused } from '../../protocol/scan.ts';
import { faultsOf, type TypeOf } from '../../protocol/shape.ts';
import type { Service } from '../session/principal.ts';
import type { ServiceKeys } from '../session/service-keys.ts';
import type { NetLimits } from './limits.ts';

export type Identity = { readonly clusterId: string; readonly nodeId: string };

/** One server, any number of its connections may share it. */
export type HandshakeParts = {
  identity: Identity;
  serviceKeys: ServiceKeys;
  limits: NetLimits;
  /** Milliseconds since 1970-01-01 UTC. */
  timeMs: () => number;
};

export type Refusal = 'VERSION_UNSUPPORTED' | 'HANDSHAKE_REFUSED' | 'HANDSHAKE_EXPECTED';
export type HelloOutcome =
  | { service: Service; reply: Uint8Array }
  | { refusal: Refusal; detail: string; reply: Uint8Array };

const SHARD_MAP_VERSION = 1;

export function welcomeFrame({ identity, limits }: HandshakeParts, nonce: Uint8Array): Uint8Array {
  const { clusterId, nodeId } = identity;
  const body = [PROTOCOL_VERSION, PROTOCOL_VERSION, clusterId, nodeId, nonce, limits.frameBytesMaxBeforeReady];
  return encodeFrame(KIND.notice, OPS.WELCOME.op, 0, body);
}

/** What a HELLO comes to. `serverNonce` is the one that this connection's WELCOME said. */
export function judgeHello(parts: HandshakeParts, frame: Frame, serverNonce: Uint8Array): HelloOutcome {
  const hello = readHello(frame.body);
  if (typeof hello === 'string') return refused(frame, hello);
  const [, , serviceId, clientNonce, proof] = hello;
  const proved = parts.serviceKeys.verify({ serviceId, serverNonce, clientNonce, proof });
  if (proved === null) return refused(frame, 'HANDSHAKE_REFUSED');
  const ready = encodeReady({
    frameBytesMax: parts.limits.frameBytesMax,
    inFlightFramesMax: parts.limits.inFlightFramesMax,
    inFlightClaimsMax: parts.limits.inFlightClaimsMax,
    batchClaimsMax: parts.limits.batchClaimsMax,
    shardMapVersion: SHARD_MAP_VERSION,
    serverProof: proved.serverProof,
    serverTimeMs: parts.timeMs(),
    roles: [...proved.service.roles],
  });
  const reply = encodeFrame(KIND.reply, frame.op, frame.number, [ERRORS.OK.code, ready, null]);
  return { service: proved.service, reply };
}

/** The version is asked before the rest, because a later version's HELLO may have another shape. */
function readHello(body: Uint8Array): TypeOf<typeof OPS.HELLO.args> | Refusal {
  const value = decoded(body);
  if (!Array.isArray(value) || !Number.isSafeInteger(value[0])) return 'HANDSHAKE_EXPECTED';
  if (value[0] !== PROTOCOL_VERSION) return 'VERSION_UNSUPPORTED';
  if (faultsOf(OPS.HELLO.args, value).length > 0) return 'HANDSHAKE_EXPECTED';
  return value as TypeOf<typeof OPS.HELLO.args>;
}

function decoded(body: Uint8Array): unknown {
  try {
    return decodeBody(body);
  } catch (error) {
    if (error instanceof BodyRefused) return null;
    throw error;
  }
}

function refused(frame: Frame, refusal: Refusal): HelloOutcome {
  const detail =
    refusal === 'HANDSHAKE_EXPECTED' ? 'HELLO is not well formed.' : ERRORS[refusal satisfies ErrorName].sentence;
  const reply = encodeFrame(KIND.reply, frame.op, frame.number, encodeProblem({ code: refusal, detail }));
  return { refusal, detail, reply };
}
