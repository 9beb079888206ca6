/**
 * The command `keys rotate`. The new key signs from a server's next start on; the public half of the old one stays in the
 * key set, so that tokens that are out there are good until they end. Refresh tokens outlive any rotation.
 */
import { join } from 'node:path';
import { readKept, replaceKept } from './kept-file.ts';
import { readGiven, rotated, TOKEN_KEY_FILE, tokenKeyOf } from './keys.ts';
import type { Settings } from './read-settings.ts';
import { SettingsRefused } from './refused.ts';

/** A line of JSON for people and scripts: the ids of both keys. */
export async function rotateKeys({ tokenKey: file, data }: Settings): Promise<string> {
  const path = file ?? join(data, TOKEN_KEY_FILE);
  const before = file === null ? await readKept(path) : await readGiven(path);
  if (before === null) throw new SettingsRefused(`no token key: neither --token-key nor ${path} is there`);
  const after = rotated(before, path);
  await replaceKept(path, after);
  return JSON.stringify({ kid: tokenKeyOf(after, path).kid, previous: tokenKeyOf(before, path).kid });
}
