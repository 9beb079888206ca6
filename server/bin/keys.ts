/**
 * The two secrets of a deployment: service keys, by which programs prove themselves, and the token key, by which access
 * tokens are signed. They are given by settings, or, in development only, made in the data folder and read there by
 * every command. What development makes can be recognised, so that production can refuse it wherever it turns up.
 */
import { createHash, createPrivateKey, generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { secretOfKey } from '../accounts/refresh-token.ts';
import { SERVICE_ROLES, type ServiceRole } from '../session/principal.ts';
import type { ServiceKey } from '../session/service-keys.ts';
import { readKept, readOrKeep } from './kept-file.ts';
import { SettingsRefused } from './refused.ts';
import { BadValue, serviceKeys } from './setting-values.ts';

export const SERVICE_KEYS_FILE = 'service-keys';
export const TOKEN_KEY_FILE = 'token-key.jwk';
/** First bytes of a service key made by development; the random ones follow. */
const DEMO_MARK = Buffer.from('demo-key:');
/** A member of a JWK made by development; readers of JWKs ignore what they do not know. */
const DEMO_MEMBER = 'claimd';

export type PublicJwk = { kty: 'EC'; crv: 'P-256'; x: string; y: string; kid: string; alg: 'ES256'; use: 'sig' };
export type TokenKey = {
  privateKey: KeyObject;
  kid: string;
  publicJwk: PublicJwk;
  /** Public keys of the rotations before, whose tokens may still be alive. */
  previous: PublicJwk[];
  /** From which refresh tokens are derived; a rotation keeps it, so that it signs nobody out. */
  refreshSecret: Uint8Array;
};
/** What `keys rotate` keeps in the new key's file. */
const PREVIOUS_MEMBER = 'claimdPrevious';
const REFRESH_MEMBER = 'claimdRefreshSecret';
type Environment = 'development' | 'production';

export function isDemoKey(key: Uint8Array): boolean {
  return DEMO_MARK.equals(key.subarray(0, DEMO_MARK.length));
}

/** The keys of the settings, else those of the data folder, which development makes where it is empty. */
export async function openServiceKeys(from: {
  given: ServiceKey[] | null;
  data: string;
  env: Environment;
}): Promise<ServiceKey[]> {
  if (from.given !== null) return from.given;
  if (from.env === 'production') throw new SettingsRefused('production needs --service-keys');
  const path = join(from.data, SERVICE_KEYS_FILE);
  const text = await readOrKeep(path, newServiceKeys);
  try {
    return serviceKeys(text);
  } catch (error) {
    throw error instanceof BadValue ? new SettingsRefused(`${path} ${error.message}`) : error;
  }
}

/** For programs that only use a key: one that they made up themselves would open no server. */
export async function findServiceKeys(from: {
  given: ServiceKey[] | null;
  data: string;
  env: Environment;
}): Promise<ServiceKey[]> {
  if (
    from.given === null &&
    from.env === 'development' &&
    (await readKept(join(from.data, SERVICE_KEYS_FILE))) === null
  ) {
    throw new SettingsRefused(
      `no service key: neither --service-keys nor ${join(from.data, SERVICE_KEYS_FILE)} is there`,
    );
  }
  return openServiceKeys(from);
}

/** The token key of `file`, else that of the data folder, which development makes where it is empty. */
export async function openTokenKey(from: { file: string | null; data: string; env: Environment }): Promise<TokenKey> {
  if (from.file === null && from.env === 'production') throw new SettingsRefused('production needs --token-key');
  const path = from.file ?? join(from.data, TOKEN_KEY_FILE);
  const text = from.file === null ? await readOrKeep(path, newTokenKey) : await readGiven(path);
  if (from.env === 'production' && isDemoJwk(text)) {
    throw new SettingsRefused(`production refuses --token-key ${path}: it is the key of a demo`);
  }
  return tokenKeyOf(text, path);
}

/** The first key with the role; the server has the last word on what a key may do, so any other is tried as well. */
export function keyWithRole(keys: readonly ServiceKey[], role: ServiceRole): ServiceKey {
  const key = keys.find(({ service }) => service.roles.has(role)) ?? keys[0];
  if (key === undefined) throw new SettingsRefused('--service-keys is empty');
  return key;
}

/** The public half as a JWK set, in JSON. */
export function jwksOf({ publicJwk, previous }: TokenKey): Uint8Array {
  return new TextEncoder().encode(JSON.stringify({ keys: [publicJwk, ...previous] }));
}

/**
 * The contents of a key file after a rotation: a new key, the public half of the one before, and what refresh tokens are
 * derived from. A mark of development stays. Throws SettingsRefused for a PEM, which has no room for any of this.
 */
export function rotated(text: string, path: string): string {
  const before = tokenKeyOf(text, path);
  const members = jwkMembersOf(text);
  if (members === null) throw new SettingsRefused(`${path} is a PEM; keys rotate takes a JWK`);
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const mark = DEMO_MEMBER in members ? { [DEMO_MEMBER]: members[DEMO_MEMBER] } : {};
  const kept = {
    [PREVIOUS_MEMBER]: [before.publicJwk],
    [REFRESH_MEMBER]: Buffer.from(before.refreshSecret).toString('base64url'),
  };
  return `${JSON.stringify({ ...privateKey.export({ format: 'jwk' }), ...mark, ...kept })}\n`;
}

function newServiceKeys(): string {
  const key = Buffer.concat([DEMO_MARK, randomBytes(32)]);
  return `demo:${key.toString('base64')}:${SERVICE_ROLES.join('+')}\n`;
}

function newTokenKey(): string {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return `${JSON.stringify({ ...privateKey.export({ format: 'jwk' }), [DEMO_MEMBER]: 'demo' })}\n`;
}

function isDemoJwk(text: string): boolean {
  return DEMO_MEMBER in (jwkMembersOf(text) ?? {});
}

/** Null for what is no JSON object, a PEM for instance. */
function jwkMembersOf(text: string): Record<string, unknown> | null {
  try {
    const members: unknown = JSON.parse(text);
    return typeof members === 'object' && members !== null ? (members as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}

export async function readGiven(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown fault';
    throw new SettingsRefused(`--token-key ${path} cannot be read: ${code}`);
  }
}

export function tokenKeyOf(text: string, path: string): TokenKey {
  const privateKey = privateKeyOf(text);
  const curve = privateKey?.asymmetricKeyDetails?.namedCurve;
  if (privateKey === null || privateKey.asymmetricKeyType !== 'ec' || curve !== 'prime256v1') {
    throw new SettingsRefused(`--token-key ${path} must hold a P-256 private key, as a JWK or PEM without a password`);
  }
  const { x = '', y = '' } = privateKey.export({ format: 'jwk' });
  const publicJwk = publicJwkOf({ x, y });
  const members = jwkMembersOf(text) ?? {};
  const kept = members[REFRESH_MEMBER];
  const refreshSecret = typeof kept === 'string' ? Buffer.from(kept, 'base64url') : secretOfKey(privateKey);
  return { privateKey, kid: publicJwk.kid, publicJwk, previous: previousOf(members[PREVIOUS_MEMBER]), refreshSecret };
}

function previousOf(member: unknown): PublicJwk[] {
  return (Array.isArray(member) ? member : []).map(({ x, y }: { x: string; y: string }) => publicJwkOf({ x, y }));
}

function publicJwkOf({ x, y }: { x: string; y: string }): PublicJwk {
  return { kty: 'EC', crv: 'P-256', x, y, kid: thumbprintOf({ x, y }), alg: 'ES256', use: 'sig' };
}

function privateKeyOf(text: string): KeyObject | null {
  try {
    const isJwk = text.trimStart().startsWith('{');
    return createPrivateKey(isJwk ? { key: JSON.parse(text), format: 'jwk' } : text);
  } catch {
    return null;
  }
}

/** RFC 7638 §3.2: the required members in the order of their names, without spaces. */
export function thumbprintOf({ x, y }: { x: string; y: string }): string {
  const members = JSON.stringify({ crv: 'P-256', kty: 'EC', x, y });
  return createHash('sha256').update(members).digest('base64url');
}
