/** What a client is told when it is made, checked once. It opens nothing. */
import { createSecureContext, type SecureContext, type SecureContextOptions } from 'node:tls';
import { LIMITS } from '../protocol/limits.ts';
import type { Runtime } from '../protocol/runtime.ts';
import type { Batching } from './batcher.ts';
import type { ConnectionChange } from './closing.ts';
import { nodeRuntime } from './runtime.ts';

/** PEM text or bytes, as in `node:tls`. */
type Pem = string | Uint8Array | readonly (string | Uint8Array)[];
export type TlsOptions = {
  /** Who signs the servers' certificates; the system's authorities when absent. */
  ca?: Pem;
  /** This client's certificate and private key, for servers that ask for one. */
  cert?: Pem;
  key?: Pem;
  /** The name the certificate must be for; the host of the server's address when absent. */
  servername?: string;
  /** False accepts any certificate; the servers still have to prove that they hold the service key. Default true. */
  rejectUnauthorized?: boolean;
};

export type ClientOptions = {
  /** `host:port` of each server (IPv6: `[::1]:7400`); a string may name several, parted by commas or spaces. */
  servers: string | readonly string[];
  /** Name of the service key, 1…128 characters. */
  serviceId: string;
  /** The shared key, at least 32 bytes; a string is base64. */
  serviceKey: Uint8Array | string;
  /** Shown in the servers' logs, 1…128 characters. Default `claimd-node`. */
  clientName?: string;
  /** Connections to each server, 1…64. Default 1. */
  connections?: number;
  /** How long one request may take, retries included, in milliseconds (1…30,000). Default 5,000. */
  deadlineMs?: number;
  /** How long `connect` waits for the first ready server, in milliseconds. Default 10,000. */
  connectMs?: number;
  /**
   * Requests that may wait here while every connection is full or none is ready, 1…1,000,000; a batch counts as the
   * claims it holds. Default 16,384.
   */
  queueLengthMax?: number;
  /**
   * Present: `claim` without a `requestId` waits up to `maxDelayMs` (0…1,000) for others of the same event, and up to
   * `maxClaims` (1…10,000) of them leave as one frame. Claims with a `requestId`, a `signal` or a `server` go alone.
   */
  batch?: Batching | undefined;
  /** Present: connections use TLS. */
  tls?: TlsOptions | undefined;
  /** Time, timers and chance; this machine's when absent. */
  runtime?: Runtime;
  /** Told of each connection that becomes ready, leaves or ends; for logs and metrics. */
  onState?: (change: ConnectionChange) => void;
};

export type Server = { readonly address: string; readonly host: string; readonly port: number };
export type Credential = { serviceId: string; serviceKey: Uint8Array; clientName: string };
export type TlsSettings = { secureContext: SecureContext; servername: string | undefined; rejectUnauthorized: boolean };
export type Settings = {
  servers: readonly Server[];
  credential: Credential;
  connections: number;
  deadlineMs: number;
  connectMs: number;
  queueLengthMax: number;
  batch: Batching | null;
  tls: TlsSettings | undefined;
  runtime: Runtime;
  onState: (change: ConnectionChange) => void;
};

/** An option of `connect` is missing or out of bounds; the message names it. */
export class OptionRefused extends Error {
  constructor(option: string, rule: string) {
    super(`${option}: ${rule}`);
    this.name = 'OptionRefused';
  }
}

/** Throws OptionRefused. */
export function settingsOf(options: ClientOptions): Settings {
  return {
    servers: serversOf(options.servers),
    credential: {
      serviceId: nameOf('serviceId', options.serviceId),
      serviceKey: keyOf(options.serviceKey),
      clientName: nameOf('clientName', options.clientName ?? 'claimd-node'),
    },
    connections: integerOf('connections', options.connections ?? 1, 64),
    deadlineMs: integerOf('deadlineMs', options.deadlineMs ?? LIMITS.deadlineMsDefault, LIMITS.deadlineMsMax),
    connectMs: integerOf('connectMs', options.connectMs ?? 10_000, 0x7fffffff),
    queueLengthMax: integerOf('queueLengthMax', options.queueLengthMax ?? 16_384, 1_000_000),
    batch: options.batch === undefined ? null : batchingOf(options.batch),
    tls: options.tls === undefined ? undefined : tlsOf(options.tls),
    runtime: options.runtime ?? nodeRuntime,
    onState: options.onState ?? (() => {}),
  };
}

/** The parts of `host:port`, or null when it is not one. */
export function serverOf(address: string): Server | null {
  const found = /^(?:\[([0-9A-Fa-f:.%]+)\]|([^\s:[\]]+)):(\d{1,5})$/.exec(address);
  const port = Number(found?.[3]);
  if (found === null || port < 1 || port > 65_535) return null;
  return { address, host: (found[1] ?? found[2]) as string, port };
}

function serversOf(servers: string | readonly string[]): Server[] {
  const addresses = typeof servers === 'string' ? servers.split(/[\s,]+/).filter((part) => part !== '') : servers;
  if (addresses.length === 0) throw new OptionRefused('servers', 'at least one host:port');
  return [...new Set(addresses)].map((address) => {
    const server = serverOf(address);
    if (server === null) throw new OptionRefused('servers', `"${address}" is not host:port`);
    return server;
  });
}

function keyOf(key: Uint8Array | string): Uint8Array {
  if (typeof key === 'string' && !/^[A-Za-z0-9+/_-]+={0,2}$/.test(key)) {
    throw new OptionRefused('serviceKey', 'base64 text or bytes');
  }
  const bytes = typeof key === 'string' ? Buffer.from(key, 'base64') : key;
  if (bytes.length < LIMITS.serviceKeyBytesMin) {
    throw new OptionRefused('serviceKey', `at least ${LIMITS.serviceKeyBytesMin} bytes`);
  }
  return bytes;
}

/** Certificates are read once, so that a bad one is told here and not at the next reconnect. */
function tlsOf({ ca, cert, key, servername, rejectUnauthorized = true }: TlsOptions): TlsSettings {
  const pems = Object.entries({ ca, cert, key }).filter(([, pem]) => pem !== undefined);
  try {
    const secureContext = createSecureContext({
      ...(Object.fromEntries(pems) as SecureContextOptions),
      minVersion: 'TLSv1.2',
    });
    return { secureContext, servername, rejectUnauthorized };
  } catch (error) {
    throw new OptionRefused('tls', error instanceof Error ? error.message : String(error));
  }
}

function nameOf(option: string, value: string): string {
  if (typeof value !== 'string' || value.length < 1 || value.length > 128) {
    throw new OptionRefused(option, '1…128 characters');
  }
  return value;
}

const DELAY_MS_MAX = 1_000;

function batchingOf({ maxClaims, maxDelayMs }: Batching): Batching {
  integerOf('batch.maxClaims', maxClaims, LIMITS.batchClaimsMax);
  if (!(maxDelayMs >= 0 && maxDelayMs <= DELAY_MS_MAX))
    throw new OptionRefused('batch.maxDelayMs', `0…${DELAY_MS_MAX} ms`);
  return { maxClaims, maxDelayMs };
}

function integerOf(option: string, value: number, max: number): number {
  if (!Number.isSafeInteger(value) || value < 1 || value > max) throw new OptionRefused(option, `integer 1…${max}`);
  return value;
}
