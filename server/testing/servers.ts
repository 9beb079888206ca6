/** Whole claim servers in this process, with real sockets and a real store, for one test. */
import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { type Client, connect } from '../../clients/index.ts';
import type { Runtime } from '../../protocol/runtime.ts';
import type { TokenOptions } from '../identity.ts';
import { createLog } from '../lib/log.ts';
import { realRuntime } from '../lib/runtime.ts';
import { type ClaimServer, createClaimServer, type ServerOptions } from '../server.ts';
import { SERVICE_ROLES } from '../session/principal.ts';
import { serviceKeysOf } from '../session/service-keys.ts';
import type { Store } from '../store/store.ts';

/** Of the one service that there is, `test`, with every role. */
export const SERVICE_KEY = new Uint8Array(32).fill(7);
const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const jwk = { ...publicKey.export({ format: 'jwk' }), kid: 'test', alg: 'ES256', use: 'sig' };

/** One key for every server of a test, as in a deployment. */
export const TOKENS: TokenOptions = {
  jwks: new TextEncoder().encode(JSON.stringify({ keys: [jwk] })),
  issuer: 'claimd',
  audience: 'claimd',
  key: { privateKey, kid: 'test' },
  refreshSecret: new Uint8Array(32).fill(9),
};

export type Running = { server: ClaimServer; client: Client; address: string; stop(): Promise<void> };

/** A server on a free port over `store`, and a client that holds every role. */
export async function startServer(
  store: Store,
  { port: asked = 0, ...options }: Partial<ServerOptions> & { port?: number } = {},
): Promise<Running> {
  const runtime: Runtime = options.runtime ?? realRuntime;
  const server = await createClaimServer({
    runtime,
    log: createLog({ level: 'error' }),
    store,
    nodeId: 'test',
    serviceKeys: serviceKeysOf(
      [{ service: { serviceId: 'test', roles: new Set(SERVICE_ROLES) }, key: SERVICE_KEY, hasImplicitRoles: false }],
      (length) => runtime.randomBytes(length),
    ),
    tokens: TOKENS,
    ...options,
  });
  const { host, port } = await server.listen({ host: '127.0.0.1', port: asked });
  const address = `${host}:${port}`;
  const client = await connect({ servers: address, serviceId: 'test', serviceKey: SERVICE_KEY });
  return {
    server,
    client,
    address,
    async stop() {
      client.close();
      await server.drain({ graceMs: 1_000 });
    },
  };
}

/** The store as a server sees it whose clock is elsewhere: `aheadMs` is added to the store's time. */
export function storeAhead(store: Store, aheadMs: number): Store {
  return { ...store, timeMs: async () => (await store.timeMs()) + aheadMs };
}

/** A port of the loopback address that nobody has. */
export async function freePort(): Promise<number> {
  const listener = createServer().listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const { port } = listener.address() as AddressInfo;
  listener.close();
  await once(listener, 'close');
  return port;
}
