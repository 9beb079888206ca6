/** Access tokens as `claimd token` makes them (ES256, `sid` cli), signed by node alone: tens of thousands a second. */
import { createHash, createPrivateKey, createPublicKey, type KeyObject, sign } from 'node:crypto';
import { NO_SESSION } from '../../protocol/accounts.ts';
import type { TokenSigner } from './data-folder.ts';

const LIFE_S = 3_600;

export type SigningKey = { privateKey: KeyObject; header: string; issuer: string; audience: string };

export function signingKeyOf({ privateJwk, issuer, audience }: TokenSigner): SigningKey {
  const privateKey = createPrivateKey({ key: JSON.parse(privateJwk), format: 'jwk' });
  const { x, y } = privateKey.export({ format: 'jwk' });
  // RFC 7638: servers name their keys by this thumbprint.
  const kid = createHash('sha256')
    .update(JSON.stringify({ crv: 'P-256', kty: 'EC', x, y }))
    .digest('base64url');
  return { privateKey, header: encoded({ alg: 'ES256', typ: 'at+jwt', kid }), issuer, audience };
}

export function publicKeyOf({ privateJwk }: TokenSigner): KeyObject {
  return createPublicKey({ key: JSON.parse(privateJwk), format: 'jwk' });
}

export function accessTokenOf(userId: string, { privateKey, header, issuer, audience }: SigningKey): string {
  const issuedAt = Math.floor(Date.now() / 1000);
  const times = { iat: issuedAt, exp: issuedAt + LIFE_S };
  const claims = { iss: issuer, aud: audience, sub: userId, sid: NO_SESSION, jti: userId, roles: ['USER'], ...times };
  const signed = `${header}.${encoded(claims)}`;
  const signature = sign('sha256', Buffer.from(signed), { key: privateKey, dsaEncoding: 'ieee-p1363' });
  return `${signed}.${signature.toString('base64url')}`;
}

function encoded(part: object): string {
  return Buffer.from(JSON.stringify(part)).toString('base64url');
}
