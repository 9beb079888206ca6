/**
 * Text of a flag or variable into the value it stands for. Each parser throws BadValue with the rule that the text
 * broke; who asked adds which setting it was. Rules never repeat the text, which may be a secret.
 */
import { isIP } from 'node:net';
import { utcTime } from '../../protocol/event.ts';
import { userIdShape } from '../../protocol/key.ts';
import { faultsOf, type Shape } from '../../protocol/shape.ts';
import { parseServiceKeys, type ServiceKey, ServiceKeysRefused } from '../session/service-keys.ts';

export class BadValue extends Error {
  constructor(rule: string) {
    super(rule);
    this.name = 'BadValue';
  }
}

/** `host` is without the brackets of an IPv6 address. */
export type Address = { host: string; port: number };
export type MongoUri = { name: string; kind: 'mongo'; uri: string };
export type StoreUri = { name: string; kind: 'lmdb'; directory: string } | MongoUri;

const UNIT_MS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** Milliseconds of `500ms`, `10s`, `15m`, `2h`, `1d`. */
export function duration(text: string): number {
  const [, digits, unit] = /^(\d{1,9})(ms|s|m|h|d)$/.exec(text) ?? [];
  if (digits === undefined) throw new BadValue('must be a duration such as 500ms, 10s or 15m');
  return Number(digits) * UNIT_MS[unit as keyof typeof UNIT_MS];
}

/** A duration from `min` to `max`, both as they are written. */
export function durationWithin(min: string, max: string): (text: string) => number {
  return (text) => {
    const ms = duration(text);
    if (ms < duration(min) || ms > duration(max)) throw new BadValue(`must be a duration from ${min} to ${max}`);
    return ms;
  };
}

const UNIT_BYTES = { KiB: 1_024, MiB: 1_024 ** 2, GiB: 1_024 ** 3, TiB: 1_024 ** 4 } as const;

/** Bytes of `512MiB` or `8GiB`, from `min` to `max`, both as they are written. */
export function sizeWithin(min: string, max: string): (text: string) => number {
  return (text) => {
    const bytes = size(text);
    if (bytes < size(min) || bytes > size(max)) throw new BadValue(`must be a size from ${min} to ${max}`);
    return bytes;
  };
}

function size(text: string): number {
  const [, digits, unit] = /^(\d{1,6})(KiB|MiB|GiB|TiB)$/.exec(text) ?? [];
  if (digits === undefined) throw new BadValue('must be a size such as 512MiB or 8GiB');
  return Number(digits) * UNIT_BYTES[unit as keyof typeof UNIT_BYTES];
}

/** In milliseconds since 1970. */
export function moment(text: string): number {
  if (faultsOf(utcTime, text).length > 0) throw new BadValue('must be a time such as 2026-11-22T05:00:00Z');
  return Date.parse(text);
}

/** The same, or a date, which is its first moment in UTC. */
export function dateOrMoment(text: string): number {
  const time = /^\d{4}-\d{2}-\d{2}$/.test(text) ? `${text}T00:00:00Z` : text;
  if (faultsOf(utcTime, time).length > 0) {
    throw new BadValue('must be a date such as 2026-05-18, or a time such as 2026-05-18T04:00:00Z');
  }
  return Date.parse(time);
}

export function whole({ min, max }: { min: number; max: number }): (text: string) => number {
  return (text) => {
    const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
    if (!(value >= min && value <= max)) throw new BadValue(`must be a whole number ${min}…${max}`);
    return value;
  };
}

export function oneOf<const T extends string>(...choices: readonly T[]): (text: string) => T {
  return (text) => {
    if (!choices.includes(text as T)) throw new BadValue(`must be one of ${choices.join(', ')}`);
    return text as T;
  };
}

/** A part of the protocol's own vocabulary, by its own rule. */
export function shaped(shape: Shape<string>): (text: string) => string {
  return (text) => {
    if (faultsOf(shape, text).length > 0) throw new BadValue(`must be ${shape.rule}`);
    return text;
  };
}

export function words(text: string): string {
  if (!/^[^\s\p{Cc}]+$/u.test(text)) throw new BadValue('must be text without spaces');
  return text;
}

/** IP addresses, or blocks of them such as 10.0.0.0/8, separated by commas. */
export function proxies(text: string): string[] {
  const list = text.split(',').map((part) => part.trim());
  const isProxy = (part: string) => {
    const [address = '', bits, ...rest] = part.split('/');
    const bitsMax = isIP(address) === 6 ? 128 : 32;
    const isBlock = bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= bitsMax);
    return isIP(address) !== 0 && isBlock && rest.length === 0;
  };
  if (!list.every(isProxy)) throw new BadValue('must be IP addresses or blocks such as 10.0.0.0/8');
  return list;
}

export function path(text: string): string {
  if (text === '' || text.includes('\0')) throw new BadValue('must be a path');
  return text;
}

/** Without dots: a node id is the first part of every attempt, `node.boot.sequence`. */
export function nodeId(text: string): string {
  if (!/^[A-Za-z0-9_-]{1,64}$/.test(text)) throw new BadValue('must be 1…64 characters of A-Z a-z 0-9 _ -');
  return text;
}

/** `127.0.0.1:7400`, `localhost:7400`, `[::1]:7400`; port 0 asks for a free one. */
export function listenAddress(text: string): Address {
  const [, bracketed, plain, digits] = /^(?:\[([0-9A-Fa-f:.%]+)\]|([^\s:[\]/@]+)):(\d{1,5})$/.exec(text) ?? [];
  const host = bracketed ?? plain;
  if (host === undefined || Number(digits) > 65_535) throw new BadValue('must be HOST:PORT or [IPV6]:PORT');
  return { host, port: Number(digits) };
}

export function addresses(text: string): Address[] {
  const found = text.split(',').map((part) => listenAddress(part.trim()));
  if (found.some(({ port }) => port === 0)) throw new BadValue('must name ports other than 0');
  return found;
}

export function addressText({ host, port }: Address): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Where a program on this machine finds what listens at `address`: one that means every interface is no destination. */
export function reachable({ host, port }: Address): Address {
  if (host === '0.0.0.0') return { host: '127.0.0.1', port };
  return { host: host === '::' ? '::1' : host, port };
}

/** `id:base64key[:role+role]`, separated by commas or line ends; a key file has one a line. */
export function serviceKeys(text: string): ServiceKey[] {
  try {
    return parseServiceKeys(
      text
        .trim()
        .split(/[\r\n]+/)
        .join(','),
    );
  } catch (error) {
    throw error instanceof ServiceKeysRefused ? new BadValue(`cannot be used: ${error.message}`) : error;
  }
}

/** `lmdb:DIR`, `mongodb://…/NAME`, each perhaps as `NAME=URI`; several are separated by spaces. */
export function storeUris(text: string): StoreUri[] {
  const stores = text.split(/\s+/).filter((part) => part !== '');
  if (stores.length === 0) throw new BadValue('must be lmdb:DIR or mongodb://HOST/DATABASE');
  return stores.map(storeUri);
}

function storeUri(text: string): StoreUri {
  const [, name = 'main', uri = ''] = /^(?:([A-Za-z0-9_-]{1,64})=)?(.*)$/.exec(text) ?? [];
  if (uri.startsWith('lmdb:') && uri.length > 5) return { name, kind: 'lmdb', directory: uri.slice(5) };
  const [, hosts, , database] = /^mongodb(?:\+srv)?:\/\/([^/?]+)(\/([^?]*))?(?:\?.*)?$/.exec(uri) ?? [];
  if (hosts === undefined) throw new BadValue('must be lmdb:DIR or mongodb://HOST/DATABASE');
  if (!database) throw new BadValue('must name a database, as in mongodb://HOST/DATABASE');
  return { name, kind: 'mongo', uri };
}

/** The password may hold colons and is never shown. */
export function adminAccount(text: string): { username: string; password: string } {
  const [, username, password] = /^([^:\s]{1,64}):(.{1,256})$/.exec(text) ?? [];
  if (username === undefined || password === undefined) throw new BadValue('must be username:password');
  return { username, password };
}

export function roleNames(text: string): string[] {
  const names = text.split(',');
  if (!names.every((name) => /^[A-Z][A-Z0-9_]{0,63}$/.test(name))) {
    throw new BadValue('must be a list of role names such as USER,OPERATOR');
  }
  return names;
}

export type TrustSetting = { issuer: string; audience: string; userIdPrefix: string; jwks: string };
/** Ids of our own users begin so; another issuer must not speak for them. */
const OWN_PREFIX = 'u_';

/** `ISSUER,AUDIENCE,PREFIX,FILE|URL`; several are separated by spaces. */
export function trustedIssuers(text: string): TrustSetting[] {
  return text
    .split(/\s+/)
    .filter((part) => part !== '')
    .map(trustedIssuer);
}

function trustedIssuer(text: string): TrustSetting {
  const [issuer, audience, userIdPrefix, jwks, ...rest] = text.split(',');
  if (!issuer || !audience || !userIdPrefix || !jwks || rest.length > 0) {
    throw new BadValue('must be ISSUER,AUDIENCE,PREFIX,FILE or ISSUER,AUDIENCE,PREFIX,URL');
  }
  const isApart = !OWN_PREFIX.startsWith(userIdPrefix) && !userIdPrefix.startsWith(OWN_PREFIX);
  if (faultsOf(userIdShape, userIdPrefix).length > 0 || !isApart) {
    throw new BadValue(`has a prefix that is no beginning of other user ids: ${userIdShape.rule}, not ${OWN_PREFIX}`);
  }
  if (/^http:/.test(jwks) && !/^http:\/\/(127\.0\.0\.1|localhost|\[::1\])[:/]/.test(jwks)) {
    throw new BadValue('must name its keys by https or as a file');
  }
  return { issuer, audience, userIdPrefix, jwks };
}
