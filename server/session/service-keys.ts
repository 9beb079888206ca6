/**
 * The services that may connect: parses their list, checks what they sign, signs the server's answer. No error says a
 * key, and an unknown service is refused exactly as a wrong proof is, after the same work.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { proofBytes } from '../../protocol/handshake.ts';
import { LIMITS } from '../../protocol/limits.ts';
import { SERVICE_ROLES, type Service, type ServiceRole } from './principal.ts';

export type ServiceKey = {
  readonly service: Service;
  readonly key: Uint8Array;
  /** True when the entry named no roles and so got all of them, which production refuses. */
  readonly hasImplicitRoles: boolean;
};

/** A list of service keys that cannot be used. Its message names the entry by its place, never by its content. */
export class ServiceKeysRefused extends Error {
  constructor(place: number, rule: string) {
    super(`service keys, entry ${place + 1}: ${rule}`);
    this.name = 'ServiceKeysRefused';
  }
}

const SERVICE_ID = /^[A-Za-z0-9._-]{1,64}$/;
const BASE64 = /^[A-Za-z0-9+/_-]+={0,2}$/;

/**
 * Parses `id:base64key[:roles]`, comma separated; roles are joined by `+`. Keys have at least 32 bytes and may be
 * base64 or base64url. Throws ServiceKeysRefused.
 */
export function parseServiceKeys(list: string): ServiceKey[] {
  const parsed = list.split(',').map((entry, place) => parseEntry(entry.trim(), place));
  const placeById = new Map<string, number>();
  for (const [place, { service }] of parsed.entries()) {
    const first = placeById.get(service.serviceId);
    if (first !== undefined) throw new ServiceKeysRefused(place, `the id of entry ${first + 1} again`);
    placeById.set(service.serviceId, place);
  }
  return parsed;
}

function parseEntry(entry: string, place: number): ServiceKey {
  const [serviceId = '', key, roles, ...rest] = entry.split(':');
  if (key === undefined || rest.length > 0) throw new ServiceKeysRefused(place, 'expected id:base64key[:roles]');
  if (!SERVICE_ID.test(serviceId)) throw new ServiceKeysRefused(place, 'an id is 1…64 characters of A-Z a-z 0-9 . _ -');
  return {
    service: { serviceId, roles: parseRoles(roles, place) },
    key: parseKey(key, place),
    hasImplicitRoles: roles === undefined,
  };
}

function parseKey(text: string, place: number): Uint8Array {
  const key = Buffer.from(text, 'base64');
  // Node skips what is not base64; a key that does not come back as it was written would be another, weaker one.
  const isWhole = BASE64.test(text) && key.toString('base64url') === text.replace(/=+$/, '').replace(/[+/]/g, urlSafe);
  if (!isWhole) throw new ServiceKeysRefused(place, 'the key is not base64');
  if (key.length < LIMITS.serviceKeyBytesMin) {
    throw new ServiceKeysRefused(
      place,
      `a key has at least ${LIMITS.serviceKeyBytesMin} bytes, this one ${key.length}`,
    );
  }
  return key;
}

function urlSafe(character: string): string {
  return character === '+' ? '-' : '_';
}

function parseRoles(text: string | undefined, place: number): ReadonlySet<ServiceRole> {
  if (text === undefined) return new Set(SERVICE_ROLES);
  const roles = text.split('+');
  if (!roles.every(isServiceRole)) {
    throw new ServiceKeysRefused(place, `roles are ${SERVICE_ROLES.join(', ')}, joined by +`);
  }
  return new Set(roles);
}

function isServiceRole(role: string): role is ServiceRole {
  return (SERVICE_ROLES as readonly string[]).includes(role);
}

export type Hello = { serviceId: string; serverNonce: Uint8Array; clientNonce: Uint8Array; proof: Uint8Array };

/** What the listener asks at HELLO. */
export type ServiceKeys = {
  /** The service that signed this HELLO and the server's own proof for it, or null when nobody known did. */
  verify(hello: Hello): { service: Service; serverProof: Uint8Array } | null;
};

/** `randomBytes` makes the key against which unknown services are checked. */
export function serviceKeysOf(keys: readonly ServiceKey[], randomBytes: (length: number) => Uint8Array): ServiceKeys {
  const byId = new Map(keys.map((entry) => [entry.service.serviceId, entry]));
  const nobodysKey = randomBytes(LIMITS.serviceKeyBytesMin);
  return {
    verify({ serviceId, serverNonce, clientNonce, proof }) {
      const entry = byId.get(serviceId);
      const key = entry?.key ?? nobodysKey;
      const expected = sign(key, proofBytes({ side: 'client', serverNonce, clientNonce, serviceId }));
      const isSigned = proof.length === expected.length && timingSafeEqual(proof, expected);
      if (!isSigned || entry === undefined) return null;
      const serverProof = sign(key, proofBytes({ side: 'server', serverNonce, clientNonce, serviceId }));
      return { service: entry.service, serverProof };
    },
  };
}

function sign(key: Uint8Array, bytes: Uint8Array): Uint8Array {
  return createHmac('sha256', key).update(bytes).digest();
}
