/**
 * The client's half of the mutual proof: both sides show that they hold the service key and neither sends it. A server
 * that cannot prove itself gets no request, whatever its certificate says.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { PROTOCOL_VERSION } from '../protocol/frame.ts';
import { proofBytes } from '../protocol/handshake.ts';
import type { Args } from '../protocol/ops.ts';
import type { Ready } from '../protocol/ready.ts';
import type { Credential } from './options.ts';

export type Nonces = { serverNonce: Uint8Array; clientNonce: Uint8Array };

/** True when client and server have a version in common; this client speaks exactly one. */
export function isVersionShared([versionMin, versionMax]: Args<'WELCOME'>): boolean {
  return versionMin <= PROTOCOL_VERSION && PROTOCOL_VERSION <= versionMax;
}

export function helloArgs(credential: Credential, nonces: Nonces): Args<'HELLO'> {
  const { clientName, serviceId } = credential;
  return [PROTOCOL_VERSION, clientName, serviceId, nonces.clientNonce, proofOf('client', credential, nonces)];
}

export function isServerProven(credential: Credential, nonces: Nonces, ready: Ready): boolean {
  return timingSafeEqual(ready.serverProof, proofOf('server', credential, nonces));
}

function proofOf(side: 'client' | 'server', { serviceId, serviceKey }: Credential, nonces: Nonces): Uint8Array {
  return createHmac('sha256', serviceKey)
    .update(proofBytes({ side, serviceId, ...nonces }))
    .digest();
}
