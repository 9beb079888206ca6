/**
 * Refresh tokens: `<session id>.<base64url of 32 secret bytes and a 16 byte tag>`. The session id finds the record, of
 * which only the SHA-256 of the whole token is stored. The secret of a successor is an HMAC over the token that it
 * replaces, so that every server derives the same successor for the same token, and a retry needs nothing stored.
 *
 * The tag shows that we once issued the token: somebody who has merely seen a session id cannot end the session by
 * presenting nonsense. Pure but for the key.
 */
import { createHash, createHmac, hkdfSync, type KeyObject, timingSafeEqual } from 'node:crypto';
import { isStoredSession } from '../../protocol/accounts.ts';

const SECRET_BYTES = 32;
const TAG_BYTES = 16;
const KEY_BYTES = 32;
const TOKEN = /^([\w.-]{1,66})\.([\w-]{64})$/;

/** Both keys come from one secret and are of no use for anything else. */
export type RefreshKeys = { successor: Uint8Array; tag: Uint8Array };

/** `secret` is the signing key's own bytes, or what was kept of the first one when keys are rotated. */
export function refreshKeysOf(secret: Uint8Array): RefreshKeys {
  const derive = (purpose: string) =>
    new Uint8Array(hkdfSync('sha256', secret, new Uint8Array(0), `claimd refresh ${purpose} v1`, KEY_BYTES));
  return { successor: derive('successor'), tag: derive('tag') };
}

export function secretOfKey(privateKey: KeyObject): Uint8Array {
  return privateKey.export({ type: 'pkcs8', format: 'der' });
}

export type RefreshToken = { token: string; hash: string };

export function firstToken(keys: RefreshKeys, sessionId: string, secret: Uint8Array): RefreshToken {
  if (secret.length !== SECRET_BYTES) throw new Error(`a refresh token has ${SECRET_BYTES} secret bytes`);
  return tokenOf(keys, sessionId, secret);
}

/** The token that replaces `token` as generation `generation` of the session. */
export function successorOf(
  keys: RefreshKeys,
  { token, sessionId, generation }: { token: string; sessionId: string; generation: number },
): RefreshToken {
  const secret = createHmac('sha256', keys.successor).update(`${token}\0${sessionId}\0${generation}`).digest();
  return tokenOf(keys, sessionId, secret);
}

/** The session id of a token that we issued, and its hash; null for anything else. */
export function readToken(keys: RefreshKeys, token: string): { sessionId: string; hash: string } | null {
  const [, sessionId, text] = TOKEN.exec(token) ?? [];
  if (sessionId === undefined || text === undefined || !isStoredSession(sessionId)) return null;
  const bytes = Buffer.from(text, 'base64url');
  const secret = bytes.subarray(0, SECRET_BYTES);
  const isOurs = timingSafeEqual(bytes.subarray(SECRET_BYTES), tagOf(keys, sessionId, secret));
  return isOurs ? { sessionId, hash: hashOf(token) } : null;
}

function tokenOf(keys: RefreshKeys, sessionId: string, secret: Uint8Array): RefreshToken {
  const bytes = Buffer.concat([secret, tagOf(keys, sessionId, secret)]);
  const token = `${sessionId}.${bytes.toString('base64url')}`;
  return { token, hash: hashOf(token) };
}

function tagOf(keys: RefreshKeys, sessionId: string, secret: Uint8Array): Uint8Array {
  return createHmac('sha256', keys.tag).update(`${sessionId}\0`).update(secret).digest().subarray(0, TAG_BYTES);
}

function hashOf(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}
