/**
 * The development keys of a claimd, read from its data folder: what a load or race tool needs to be a service and to sign
 * tokens for its players. It makes none: a key that the server does not hold opens nothing.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** `key` is base64. */
export type ServiceCredential = { serviceId: string; key: string };
/** `privateJwk` is the text of an ES256 private key. */
export type TokenSigner = { privateJwk: string; issuer: string; audience: string };
export type Credentials = { service: ServiceCredential; signer: TokenSigner };

const SERVICE_KEYS_FILE = 'service-keys';
const TOKEN_KEY_FILE = 'token-key.jwk';
const ISSUER = 'claimd';

export async function credentialsOf(dataFolder: string): Promise<Credentials> {
  const serviceKeys = await readFile(join(dataFolder, SERVICE_KEYS_FILE), 'utf8');
  const privateJwk = await readFile(join(dataFolder, TOKEN_KEY_FILE), 'utf8');
  return { service: serviceCredentialOf(serviceKeys), signer: { privateJwk, issuer: ISSUER, audience: ISSUER } };
}

/** The first of a list `id:base64key[:roles]`. */
export function serviceCredentialOf(list: string): ServiceCredential {
  const [serviceId, key] = (list.trim().split(/[\s,]+/)[0] ?? '').split(':');
  if (!serviceId || !key) throw new Error('no service key of the form id:base64key');
  return { serviceId, key };
}
