/**
 * A deployment in this process, over real sockets and a real store: claim servers, and in front of each an edge that asks
 * that server alone, so that whatever the others learn they learn through the store. Everything ends with the test.
 */
import type { CallName } from '../../../clients/client.ts';
import { Client } from '../../../clients/index.ts';
import { createEdge, type EdgeClient } from '../../../edge/edge.ts';
import type { Runtime } from '../../../protocol/runtime.ts';
import { createLog } from '../../lib/log.ts';
import { realRuntime } from '../../lib/runtime.ts';
import type { Store } from '../../store/store.ts';
import { AccountClient } from '../account-client.ts';
import { SERVICE_KEY, startServer } from '../servers.ts';
import { type Answer, type CallInit, calledAt } from './http.ts';

export type Asked = { op: CallName; actor: unknown };
export type SiteOptions = {
  /** Of every server, edge and client; the store's own handle has another. */
  runtime?: Runtime;
  /** Told of each request that an edge makes of its server. */
  onAsk?: (asked: Asked) => void;
};
export type Node = {
  /** Of the edge. */
  origin: string;
  port: number;
  /** The server itself, asked as a service with every role. */
  server: AccountClient;
  /** One request to the edge; `line` is `METHOD /path`. */
  call(line: string, init?: CallInit): Promise<Answer>;
};
export type Site = {
  nodes: readonly [Node, ...Node[]];
  /** What servers and edges have logged from level `warn` on, line by line as it is written. */
  log: string[];
};

/** A node for each handle. */
export async function withSite(
  stores: readonly Store[],
  options: SiteOptions,
  use: (site: Site) => Promise<void>,
): Promise<void> {
  const stops: (() => unknown)[] = [];
  const lines: string[] = [];
  const log = createLog({ level: 'warn', write: (line) => void lines.push(line) });
  const { runtime = realRuntime } = options;
  async function startNode(store: Store, i: number): Promise<Node> {
    const running = await startServer(store, { nodeId: `n${i}`, runtime, log });
    stops.push(() => running.stop());
    const client = new Client({ servers: running.address, serviceId: 'test', serviceKey: SERVICE_KEY, runtime });
    stops.push(() => client.close());
    await client.firstReady();
    const edge = await createEdge({ client: watched(client, options), runtime, log });
    stops.push(() => edge.close());
    const { port } = await edge.listen({ host: '127.0.0.1', port: 0 });
    const origin = `http://127.0.0.1:${port}`;
    return { origin, port, server: new AccountClient(running.client), call: calledAt(origin) };
  }
  try {
    const nodes: Node[] = [];
    for (const [i, store] of stores.entries()) nodes.push(await startNode(store, i));
    await use({ nodes: nodes as [Node, ...Node[]], log: lines });
  } finally {
    for (const stop of stops.reverse()) await stop();
  }
}

function watched(client: Client, { onAsk = () => {} }: SiteOptions): EdgeClient {
  return {
    get isReady() {
      return client.isReady;
    },
    listen: (listener) => client.listen(listener),
    request(op, args, options) {
      onAsk({ op, actor: args[0] });
      return client.request(op, args, options);
    },
  };
}
