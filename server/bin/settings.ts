/**
 * Every setting of claimd, in one table: flag, form, default, meaning. The variable of `--token-key` is
 * `CLAIMD_TOKEN_KEY`, and so for all. What a table cannot say (one setting's default coming from another, what
 * production refuses) is in `read-settings.ts`.
 */
import { LOG_LEVELS } from '../lib/log.ts';
import {
  addresses,
  adminAccount,
  duration,
  durationWithin,
  listenAddress,
  nodeId,
  oneOf,
  path,
  proxies,
  serviceKeys,
  sizeWithin,
  storeUris,
  trustedIssuers,
  whole,
  words,
} from './setting-values.ts';

export type Row<T> = {
  flag: `--${string}`;
  /** How a value is written, for the help. */
  form: string;
  /** Text, read like any other value, or null for a setting that may be absent. */
  initial: string | null;
  help: string;
  parse: (text: string) => T;
  /** It stands alone, without a value. */
  isSwitch?: true;
};

function row<T, const D extends string | null>(
  flag: `--${string}`,
  form: string,
  initial: D,
  help: string,
  parse: (text: string) => T,
): Row<T> & { initial: D } {
  return { flag, form, initial, help, parse };
}
const onOff = oneOf('on', 'off');

export const SETTINGS = {
  store: row(
    '--store',
    '[NAME=]URI',
    null,
    'lmdb:DIR or mongodb://HOST/DATABASE (default lmdb:DATA); more of MongoDB by name',
    storeUris,
  ),
  allowStandalone: row(
    '--allow-standalone',
    'on|off',
    'off',
    'on takes a MongoDB without replicas, which may lose claims',
    onOff,
  ),
  tcp: row(
    '--tcp',
    'HOST:PORT',
    '127.0.0.1:7400',
    'where the claim server listens; port 0 takes a free one',
    listenAddress,
  ),
  advertise: row(
    '--advertise',
    'HOST:PORT',
    null,
    'where others send callers of journal events while this server writes the journal (default --tcp)',
    listenAddress,
  ),
  http: row('--http', 'HOST:PORT', '127.0.0.1:7480', 'where the edge listens; port 0 takes a free one', listenAddress),
  server: row(
    '--server',
    'HOST:PORT,…',
    '127.0.0.1:7400',
    'claim servers for the edge and the client commands',
    addresses,
  ),
  serviceKeys: row(
    '--service-keys',
    'ID:KEY[:ROLES],…',
    null,
    'base64 keys of 32 bytes or more; roles of game+edge+admin (development makes one in DATA)',
    serviceKeys,
  ),
  tokenKey: row('--token-key', 'FILE', null, 'ES256 private key, JWK or PEM (development makes one in DATA)', path),
  issuer: row('--issuer', 'NAME', 'claimd', 'the iss of access tokens', words),
  audience: row('--audience', 'NAME', 'claimd', 'the aud of access tokens', words),
  trustIssuer: row(
    '--trust-issuer',
    'ISS,AUD,PREFIX,JWKS',
    null,
    'tokens of another issuer, for user ids with PREFIX and as USER; JWKS is a file or https URL; may be repeated',
    trustedIssuers,
  ),
  tlsCert: row('--tls-cert', 'FILE', null, 'certificate chain for TCP, PEM', path),
  tlsKey: row('--tls-key', 'FILE', null, 'its private key, PEM', path),
  tlsCa: row('--tls-ca', 'FILE', null, 'authorities to trust, PEM; a server then asks clients for a certificate', path),
  lockQueue: row('--lock-queue', 'on|off', 'on', 'off leaves every decision to the guard', onOff),
  shards: row('--shards', 'COUNT', '64', 'lock domains of the server', whole({ min: 1, max: 4_096 })),
  projectionInterval: row(
    '--projection-interval',
    'TIME',
    '1s',
    'how long a claim of a journal event may take to reach the store; 100ms to 1h',
    durationWithin('100ms', '1h'),
  ),
  journalBytes: row(
    '--journal-bytes',
    'SIZE',
    '8GiB',
    'disk for what is not in the store yet, 128MiB to 24GiB; claims get BUSY when it is full',
    sizeWithin('128MiB', '24GiB'),
  ),
  claimCache: row(
    '--claim-cache',
    'COUNT',
    '200000',
    'users whose claims are remembered in memory; 0 for none',
    whole({ min: 0, max: 50_000_000 }),
  ),
  indexMemory: row(
    '--index-memory',
    'SIZE',
    '2GiB',
    'memory for who has claimed journal events, 64MiB to 64GiB; what does not fit is looked up',
    sizeWithin('64MiB', '64GiB'),
  ),
  qualificationMemory: row(
    '--qualification-memory',
    'SIZE',
    '256MiB',
    'memory for lists of users who may claim, 0MiB to 16GiB; larger ones are looked up',
    sizeWithin('0MiB', '16GiB'),
  ),
  claimRate: row(
    '--claim-rate',
    'PER_SECOND',
    '200',
    'claims of one user that an edge lets through, and twice as many at once',
    whole({ min: 1, max: 1_000_000 }),
  ),
  trustProxy: row(
    '--trust-proxy',
    'ADDRESS,…',
    null,
    'proxies of the edge whose X-Forwarded-For is believed; addresses or blocks such as 10.0.0.0/8',
    proxies,
  ),
  drain: row('--drain', 'TIME', '10s', 'how long a stop waits for what was accepted', duration),
  data: row('--data', 'DIR', null, 'keys and local state (default ./data, or the folder of lmdb:DIR)', path),
  node: row('--node', 'ID', null, 'name of this server (default the host name and a suffix kept in DATA)', nodeId),
  admin: row('--admin', 'USER:PASSWORD', null, 'made at start when nobody is ADMIN', adminAccount),
  env: row(
    '--env',
    'ENV',
    'development',
    'production refuses to start without keys of your own',
    oneOf('development', 'production'),
  ),
  demo: row('--demo', 'on|off', null, 'the demo event welcome (default on, in production off)', onOff),
  logLevel: row(
    '--log-level',
    'LEVEL',
    'info',
    `one of ${LOG_LEVELS.join(', ')}; JSON lines on stderr`,
    oneOf(...LOG_LEVELS),
  ),
} satisfies Record<string, Row<unknown>>;

type Table = typeof SETTINGS;
/** As read; a setting without a default is null when nobody gave it. Durations are milliseconds. */
export type Given = {
  [K in keyof Table]: ReturnType<Table[K]['parse']> | (Table[K]['initial'] extends null ? null : never);
};

export function variableOf(flag: string): string {
  return `CLAIMD_${flag.slice(2).toUpperCase().replaceAll('-', '_')}`;
}
