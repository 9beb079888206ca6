/**
 * The edge, composed: protocol client, token keys, routes, HTTP server. It is only a client of the protocol and keeps
 * nothing but what can be lost.
 */
import { RequestIds } from '../clients/request-ids.ts';
import type { Runtime } from '../protocol/runtime.ts';
import { Callers } from './caller.ts';
import { CLAIM_RATE, ClaimRate, type Rate } from './claim-rate.ts';
import { ask, type Context, type EdgeClient, type EdgeLog } from './context.ts';
import { createHttp } from './http.ts';
import { keySetOf, TokenKeys } from './keys.ts';
import { EDGE_LIMITS, type EdgeLimits } from './limits.ts';
import { Live } from './live/live.ts';
import { EdgeMetrics } from './metrics.ts';
import { Revocations } from './revocations.ts';
import { ROUTES } from './routes/table.ts';
import { ServerTime } from './server-time.ts';
import { Tokens } from './tokens.ts';
import { Uploads } from './uploads.ts';

export type { EdgeClient, EdgeLog } from './context.ts';

export type EdgeOptions = {
  /**
   * Of the same Runtime as the edge. Answers within its deadlines whether or not a server can be reached. The caller closes it, after the edge. It has one
   * connection to each server, because subscriptions belong to a connection.
   */
  client: EdgeClient;
  runtime: Runtime;
  log: EdgeLog;
  limits?: Partial<EdgeLimits>;
  /** Claims a second and at once that each user may make; 200 and 400 when left out. */
  claimRate?: Rate;
  /** Addresses of proxies whose `X-Forwarded-For` is believed, or blocks such as `10.0.0.0/8`; none when left out. */
  trustProxy?: readonly string[];
};

export type Address = { host: string; port: number };

export type Edge = {
  /** Port 0 takes a free one; the answer says which. Rejects with the system's error, `EADDRINUSE` for instance. */
  listen(address: Address): Promise<Address>;
  /** Takes nothing new, answers what is under way for at most `limits.drainMs`, then closes. */
  drain(): Promise<void>;
  /** Cuts every connection. */
  close(): Promise<void>;
};

/** Starts to fetch the token keys but does not wait for a server: `/readyz` says when one is there. */
export async function createEdge(options: EdgeOptions): Promise<Edge> {
  const context = contextOf(options);
  const app = createHttp({ context, routes: ROUTES });
  const live = new Live(context);
  app.server.on('upgrade', (request, socket, head) => live.upgrade(request, socket, head));
  await app.ready();
  const stopListening = options.client.listen({
    onNotice: () => {},
    onState: (change) => context.time.onState(change),
  });
  context.keys.start();
  live.start();

  async function close(): Promise<void> {
    context.isDraining = true;
    stopListening();
    context.keys.stop();
    live.close();
    const closed = app.close();
    app.server.closeAllConnections();
    await closed;
  }

  async function drain(): Promise<void> {
    context.isDraining = true;
    const cancel = options.runtime.after(context.limits.drainMs, () => {
      live.close();
      app.server.closeAllConnections();
    });
    await Promise.all([live.drain(), app.close()]);
    cancel();
    stopListening();
    context.keys.stop();
  }

  async function listen({ host, port }: Address): Promise<Address> {
    await app.listen({ host, port });
    const bound = app.server.address();
    if (bound === null || typeof bound === 'string') throw new Error('not listening on a TCP address');
    return { host: bound.address, port: bound.port };
  }

  return { listen, drain, close };
}

function contextOf(options: EdgeOptions): Context {
  const { client, runtime, log, limits: given, claimRate = CLAIM_RATE, trustProxy = [] } = options;
  const limits = { ...EDGE_LIMITS, ...given };
  const time = new ServerTime(runtime);
  const { keysRefreshMs: refreshMs, keysRefreshMsMin: refreshMsMin, claimRateUsersMax: usersMax } = limits;
  const keys = new TokenKeys({
    load: async () => keySetOf(await ask({ client, limits }, 'TOKEN_KEYS', [null])),
    runtime,
    refreshMs,
    refreshMsMin,
    failed: (error) => log.warn({ reason: String(error) }, 'token keys not refreshed'),
  });
  return {
    client,
    runtime,
    time,
    log,
    limits,
    keys,
    tokens: new Tokens({ keys, time, log, limits }),
    revocations: new Revocations(runtime),
    callers: new Callers(trustProxy),
    claimRate: new ClaimRate({ rate: claimRate, runtime, usersMax }),
    requestIds: new RequestIds(runtime),
    uploads: new Uploads({ runtime, limits }),
    metrics: new EdgeMetrics(),
    isDraining: false,
  };
}
