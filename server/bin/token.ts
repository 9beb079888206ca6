/** An access token for the command line: signed by the configured key, for a user who needs no account. */
import { randomBytes } from 'node:crypto';
import { NO_SESSION } from '../../protocol/accounts.ts';
import { signAccessToken } from '../session/access-token.ts';
import type { TokenKey } from './keys.ts';

export type CommandToken = {
  tokenKey: TokenKey;
  issuer: string;
  audience: string;
  user: string;
  roles: readonly string[];
  ttlMs: number;
  wallMs: number;
};

/** It names no stored session: it is good until it ends or all of its user's are revoked. */
export function accessToken({ tokenKey, issuer, audience, user, roles, ttlMs, wallMs }: CommandToken): string {
  const claims = { userId: user, sessionId: NO_SESSION, roles, ttlMs, nowMs: wallMs };
  return signAccessToken({ key: tokenKey, issuer, audience, randomBytes }, claims).token;
}
