/** An edge from its settings: a client of the claim servers, and HTTP in front of it. */

import { Client } from '../../clients/client.ts';
import { ConnectFailed } from '../../clients/index.ts';
import type { TlsOptions } from '../../clients/options.ts';
import { createEdge } from '../../edge/edge.ts';
import type { ServiceKey } from '../session/service-keys.ts';
import { Closers } from './closers.ts';
import { keyWithRole } from './keys.ts';
import { listening } from './listening.ts';
import type { Part } from './part.ts';
import type { Settings } from './read-settings.ts';
import { type Address, addressText } from './setting-values.ts';

/** An edge without a server answers 503, which is better than no edge: it waits this long before it does. */
const CONNECT_MS = 3_000;
const BURST_OF_RATE = 2;

export type EdgePart = {
  http: Address;
  /** Answers what is under way, then closes. */
  drain(): Promise<void>;
};
export type Upstream = { servers: readonly Address[]; serviceKeys: readonly ServiceKey[]; tls: TlsOptions | undefined };

export async function startEdgePart(settings: Settings, upstream: Upstream, { runtime, log }: Part): Promise<EdgePart> {
  const closers = new Closers();
  const { service, key } = keyWithRole(upstream.serviceKeys, 'edge');
  const client = new Client({
    servers: upstream.servers.map(addressText),
    serviceId: service.serviceId,
    serviceKey: key,
    clientName: 'claimd-edge',
    tls: upstream.tls,
    connectMs: CONNECT_MS,
    runtime,
    onState: (change) => log.info(change, 'claim server'),
  });
  closers.add(() => client.close());
  try {
    await client.firstReady().catch((error: unknown) => {
      if (!(error instanceof ConnectFailed)) throw error;
      log.warn({ reason: error.message }, 'no claim server yet');
    });
    const claimRate = { perSecond: settings.claimRate, burst: settings.claimRate * BURST_OF_RATE };
    const limits = { drainMs: settings.drain };
    const trustProxy = settings.trustProxy ?? [];
    const edge = await createEdge({ client, runtime, log, limits, claimRate, trustProxy });
    closers.add(() => edge.drain());
    const http = await listening('--http', settings.http, () => edge.listen(settings.http));
    return { http, drain: () => closers.close() };
  } catch (error) {
    await closers.close();
    throw error;
  }
}
