/** The TLS settings into PEM text, looked at once at start, so that a bad file stops it and not the first connection. */
import { readFile } from 'node:fs/promises';
import { createSecureContext } from 'node:tls';
import { reasonOf } from '../lib/reason.ts';
import type { Settings } from './read-settings.ts';
import { SettingsRefused } from './refused.ts';

export type ServerTls = { cert: string; key: string; ca?: string };
export type ClientTls = { cert?: string; key?: string; ca?: string };
type Files = Pick<Settings, 'tlsCert' | 'tlsKey' | 'tlsCa'>;

/** What a server needs to speak TLS; undefined where it is off. */
export async function serverTls(files: Files): Promise<ServerTls | undefined> {
  const { cert, key, ca } = await read(files);
  if (cert === undefined || key === undefined) {
    if (ca !== undefined) throw new SettingsRefused('--tls-ca needs --tls-cert and --tls-key on a server');
    return undefined;
  }
  return { cert, key, ...(ca === undefined ? {} : { ca }) };
}

/** What a client needs to speak TLS; undefined where it is off. */
export async function clientTls(files: Files): Promise<ClientTls | undefined> {
  const tls = await read(files);
  return Object.keys(tls).length === 0 ? undefined : tls;
}

async function read({ tlsCert, tlsKey, tlsCa }: Files): Promise<ClientTls> {
  const tls: ClientTls = {};
  if (tlsCert !== null) tls.cert = await pem('--tls-cert', tlsCert);
  if (tlsKey !== null) tls.key = await pem('--tls-key', tlsKey);
  if (tlsCa !== null) tls.ca = await pem('--tls-ca', tlsCa);
  try {
    createSecureContext(tls);
  } catch (error) {
    const reason = reasonOf(error);
    throw new SettingsRefused(`--tls-cert, --tls-key and --tls-ca cannot be used together: ${reason}`);
  }
  return tls;
}

async function pem(flag: string, path: string): Promise<string> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new SettingsRefused(`${flag} ${path} cannot be read: ${error.code}`);
  });
  if (!text.includes('-----BEGIN ')) throw new SettingsRefused(`${flag} ${path} is not PEM`);
  return text;
}
