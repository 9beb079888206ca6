/** An access token for the command line: signed by the configured key, for a user who needs no account. */
import { randomUUID } from 'node:crypto';
import jsonwebtoken from 'jsonwebtoken';
import type { TokenKey } from './keys.ts';

/** What a verifier asks for beside the signature (RFC 9068 §2.1), so that no other token passes for an access token. */
const TOKEN_TYPE = 'at+jwt';
const SESSION_ID = 'cli';

export function accessToken({
  tokenKey,
  issuer,
  audience,
  user,
  roles,
  ttlMs,
  wallMs,
}: {
  tokenKey: TokenKey;
  issuer: string;
  audience: string;
  user: string;
  roles: readonly string[];
  ttlMs: number;
  wallMs: number;
}): string {
  const issuedAt = Math.floor(wallMs / 1000);
  const claims = {
    iss: issuer,
    aud: audience,
    sub: user,
    sid: SESSION_ID,
    jti: randomUUID(),
    roles,
    iat: issuedAt,
    exp: issuedAt + Math.ceil(ttlMs / 1000),
  };
  const header = { alg: 'ES256', typ: TOKEN_TYPE, kid: tokenKey.kid };
  return jsonwebtoken.sign(claims, tokenKey.privateKey, { algorithm: 'ES256', header });
}
