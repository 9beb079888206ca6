/** The name of this server: the same after a restart, another one for each data folder. */
import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { readOrKeep } from './kept-file.ts';
import { SettingsRefused } from './refused.ts';
import { BadValue, nodeId } from './setting-values.ts';

const HOST_LENGTH_MAX = 48;

/** `--node`, else the host name and a random suffix, kept in `DATA/node`. */
export async function nodeName({ given, data }: { given: string | null; data: string }): Promise<string> {
  if (given !== null) return given;
  const path = join(data, 'node');
  const kept = (await readOrKeep(path, () => `${newName()}\n`)).trim();
  try {
    return nodeId(kept);
  } catch (error) {
    throw error instanceof BadValue ? new SettingsRefused(`${path} ${error.message}`) : error;
  }
}

/** Host names have dots, node ids have none. */
function newName(): string {
  const host =
    hostname()
      .replace(/[^A-Za-z0-9_-]+/g, '-')
      .slice(0, HOST_LENGTH_MAX) || 'node';
  return `${host}-${randomBytes(3).toString('hex')}`;
}
