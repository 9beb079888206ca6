/** Access tokens for tests: one issuer with an ES256 key, good tokens and every kind of bad one. */
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import jwt from 'jsonwebtoken';
import type { Result } from '../../protocol/results.ts';

export const ISSUER = 'https://claimd.test';
export const AUDIENCE = 'claimd';
/** Long ago and always the same, so that a test can say what the server is told. */
export const ISSUED_AT_S = 1_760_000_000;
/** Who a good token speaks for, as the server is told. */
export const ACTOR = ['u1', 's.1', ['USER'], ISSUED_AT_S * 1000, '127.0.0.1'];
export type SigningKey = { kid: string; privateKey: KeyObject; publicKey: KeyObject };

export function signingKey(kid: string): SigningKey {
  return { kid, ...generateKeyPairSync('ec', { namedCurve: 'P-256' }) };
}

/** The result of TOKEN_KEYS with these keys. */
export function tokenKeys(...keys: SigningKey[]): Result<'TOKEN_KEYS'> {
  const set = keys.map(({ kid, publicKey }) => ({
    ...publicKey.export({ format: 'jwk' }),
    kid,
    alg: 'ES256',
    use: 'sig',
  }));
  return [Buffer.from(JSON.stringify({ keys: set })), ISSUER, AUDIENCE, null];
}

export type TokenParts = {
  key?: SigningKey;
  header?: Record<string, unknown>;
  /** Replaces members of the payload; `undefined` leaves one out. */
  payload?: Record<string, unknown>;
};

/** A good token of user `u1` unless the parts say otherwise. */
export function tokenOf(key: SigningKey, { header = {}, payload = {} }: TokenParts = {}): string {
  const nowS = Math.floor(Date.now() / 1000);
  const good = {
    iss: ISSUER,
    aud: AUDIENCE,
    sub: 'u1',
    sid: 's.1',
    jti: 'j1',
    roles: ['USER'],
    iat: ISSUED_AT_S,
    exp: nowS + 900,
  };
  const members = Object.entries({ ...good, ...payload }).filter(([, value]) => value !== undefined);
  const algorithm = (header.alg as jwt.Algorithm | undefined) ?? 'ES256';
  const fullHeader = { alg: algorithm, typ: 'at+jwt', kid: key.kid, ...header };
  return jwt.sign(Object.fromEntries(members), key.privateKey, { algorithm, header: fullHeader });
}
