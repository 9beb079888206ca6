/** `await withServers([{…}], async ({ client, servers, runtime }) => {…})`: started before, stopped after, whatever happens. */
import { Client } from '../client.ts';
import type { ClientOptions } from '../options.ts';
import { type Behaviour, FakeServer, SERVICE_ID, SERVICE_KEY } from './fake-server.ts';
import { eventually, ManualRuntime } from './manual-runtime.ts';

export type Stage = {
  client: Client;
  /** The first of `servers`. */
  server: FakeServer;
  servers: readonly FakeServer[];
  /** The clock of the client. */
  runtime: ManualRuntime;
};

/** The client is ready on every connection when `run` begins. */
export async function withServers(
  behaviours: readonly Behaviour[],
  run: (stage: Stage) => Promise<void>,
  options: Partial<ClientOptions> = {},
): Promise<void> {
  const servers = await Promise.all(behaviours.map((behaviour) => FakeServer.start(behaviour)));
  const runtime = new ManualRuntime();
  const client = new Client({
    servers: servers.map(({ address }) => address),
    serviceId: SERVICE_ID,
    serviceKey: SERVICE_KEY,
    runtime,
    ...options,
  });
  try {
    const connections = servers.length * (options.connections ?? 1);
    await eventually(() => client.status().ready === connections);
    await run({ client, server: servers[0] as FakeServer, servers, runtime });
  } finally {
    client.close();
    await Promise.all(servers.map((server) => server.stop()));
  }
}
