/** The command `token`. */
import { realRuntime } from '../lib/runtime.ts';
import type { Command } from './commands.ts';
import { openTokenKey } from './keys.ts';
import type { Settings } from './read-settings.ts';
import { accessToken } from './token.ts';

export async function tokenOf(
  { user, roles, ttlMs }: Extract<Command, { name: 'token' }>,
  { tokenKey: file, data, env, issuer, audience }: Settings,
): Promise<string> {
  const tokenKey = await openTokenKey({ file, data, env });
  return accessToken({ tokenKey, issuer, audience, user, roles, ttlMs, wallMs: realRuntime.wallMs() });
}
