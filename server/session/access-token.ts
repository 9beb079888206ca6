/**
 * Access tokens: a JWS signed with ES256, of type `at+jwt` (RFC 9068 §2.1), so that no other token passes for one.
 * Nothing here is stored; who verifies them asks for everything that is written here.
 */
import type { KeyObject } from 'node:crypto';
import jsonwebtoken from 'jsonwebtoken';

export const ACCESS_TOKEN_MS = 600_000;
/** How far the clock of whoever verifies may be behind: a revocation outlives the tokens it is about by as much. */
export const CLOCK_SKEW_MS = 5_000;
const TOKEN_TYPE = 'at+jwt';
const JTI_BYTES = 16;

export type SigningKey = { privateKey: KeyObject; kid: string };

export type AccessTokenOptions = {
  key: SigningKey;
  issuer: string;
  audience: string;
  randomBytes: (length: number) => Uint8Array;
};

export type AccessClaims = {
  userId: string;
  sessionId: string;
  roles: readonly string[];
  /** Milliseconds since 1970 UTC. */
  nowMs: number;
  ttlMs?: number;
};

/** `expiresAt` in milliseconds since 1970 UTC, a whole second as in the token. */
export type AccessToken = { token: string; expiresAt: number };

export function signAccessToken(
  { key, issuer, audience, randomBytes }: AccessTokenOptions,
  { userId, sessionId, roles, nowMs, ttlMs = ACCESS_TOKEN_MS }: AccessClaims,
): AccessToken {
  const issuedAt = Math.floor(nowMs / 1_000);
  const expiresAt = issuedAt + Math.ceil(ttlMs / 1_000);
  const jti = Buffer.from(randomBytes(JTI_BYTES)).toString('base64url');
  const claims = { iss: issuer, aud: audience, sub: userId, sid: sessionId, jti, roles, iat: issuedAt, exp: expiresAt };
  const header = { alg: 'ES256', typ: TOKEN_TYPE, kid: key.kid };
  const token = jsonwebtoken.sign(claims, key.privateKey, { algorithm: 'ES256', header });
  return { token, expiresAt: expiresAt * 1_000 };
}
