/** Two servers on one store that outlives them, with the same keys, so that one client and one token are good for both. */
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Context } from './campaign.ts';
import { type ServerOptions, ServerProcess } from './server-process.ts';

export type TwoServers = {
  servers: [ServerProcess, ServerProcess];
  /** The data folder with the keys of both. */
  data: string;
};

export type TwoOptions = {
  name: string;
  storeUri: string;
  settings?: readonly string[];
  /** `start`, which is the default, has an edge as well. */
  command?: ServerOptions['command'];
  /** `inTurn`: the first is ready before the second starts, and so writes the journal. `together` is sooner done. */
  order?: 'together' | 'inTurn';
};

export async function startTwo(
  { processes, folder }: Pick<Context, 'processes' | 'folder'>,
  { name, storeUri, settings = [], command = 'start', order = 'together' }: TwoOptions,
): Promise<TwoServers> {
  const data = join(folder, `a-${name}`);
  const keys = await makeKeysIn(data);
  const shared = ['--service-keys', keys, '--token-key', join(data, 'token-key.jwk')];
  const start = (own: Pick<ServerOptions, 'data' | 'settings'>) =>
    ServerProcess.start(processes, { storeUri, command, keysFrom: data, ...own });
  const first = start({ data, settings });
  if (order === 'inTurn') await first;
  const second = start({ data: join(folder, `b-${name}`), settings: [...settings, ...shared] });
  return { servers: await Promise.all([first, second]), data };
}

/** As development would make them there; resolves with the service keys. */
async function makeKeysIn(data: string): Promise<string> {
  await mkdir(data, { recursive: true });
  const keys = `soak:${randomBytes(32).toString('base64')}:game+edge+admin`;
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const jwk = JSON.stringify(privateKey.export({ format: 'jwk' }));
  await writeFile(join(data, 'service-keys'), `${keys}\n`, { mode: 0o600 });
  await writeFile(join(data, 'token-key.jwk'), `${jwk}\n`, { mode: 0o600 });
  return keys;
}
