/**
 * What both sides of a connection sign to prove that they hold the service key. Who computes the HMAC is the caller's
 * matter, so that this runs wherever the protocol does. Both nonces are in both proofs: neither can be replayed. The
 * leading words differ: neither side's proof can be sent back as the other's.
 *
 *     proof = HMAC-SHA256(service key, word ‖ 0x00 ‖ server nonce (32) ‖ client nonce (32) ‖ service id (UTF-8))
 */
const WORD = { client: 'claimd-client-v1', server: 'claimd-server-v1' } as const;

export function proofBytes({
  side,
  serverNonce,
  clientNonce,
  serviceId,
}: {
  side: keyof typeof WORD;
  serverNonce: Uint8Array;
  clientNonce: Uint8Array;
  serviceId: string;
}): Uint8Array {
  const utf8 = new TextEncoder();
  const parts = [utf8.encode(WORD[side]), new Uint8Array(1), serverNonce, clientNonce, utf8.encode(serviceId)];
  const joined = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}
