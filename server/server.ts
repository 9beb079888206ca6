/**
 * One claim server: joins the folders into the way of a claim. Data flows from `net` through `route`, `shard` and
 * `rules` to the store; what flows back are callbacks that were handed down here. It opens no store and reads no
 * setting.
 */
import type { Runtime } from '../protocol/runtime.ts';
import { EventConfigs } from './events/configs.ts';
import { Events } from './events/events.ts';
import { createClock } from './lib/clock.ts';
import type { Log } from './lib/log.ts';
import { createMetrics } from './lib/metrics.ts';
import { type Address, createListener, type TlsOptions } from './net/listener.ts';
import { createClaimHandlers } from './route/claim-handlers.ts';
import { createClaimRoute } from './route/claim-route.ts';
import { createEventHandlers } from './route/event-handlers.ts';
import { type Check, createNodeHandlers } from './route/node-handlers.ts';
import { createQualificationHandlers } from './route/qualification-handlers.ts';
import { createRouter } from './route/router.ts';
import type { ServiceKeys } from './session/service-keys.ts';
import { Shards } from './shard/shards.ts';
import type { Store } from './store/store.ts';

const SKEW_MS_MAX = 500;
const BOOT_BYTES = 4;

export type ServerOptions = {
  runtime: Runtime;
  log: Log;
  store: Store;
  /** `[A-Za-z0-9_-]`, without dots: it is the first part of every attempt. */
  nodeId: string;
  serviceKeys: ServiceKeys;
  /** The public token keys as JSON, and what tokens must name. */
  tokens: { jwks: Uint8Array; issuer: string; audience: string };
  tls?: TlsOptions;
  /** False leaves every decision to the store's guard. */
  isLocking?: boolean;
  shardCount?: number;
  queueLengthMax?: number;
  totalLengthMax?: number;
  knownClaimsMax?: number;
  connectionsMax?: number;
};

export type ClaimServer = {
  readonly events: Events;
  listen(address: Address): Promise<Address>;
  /** Finishes what was accepted, accepts nothing new, and resolves when every connection is gone. The store stays open. */
  drain(options: { graceMs: number }): Promise<void>;
};

/** Rejects with StoreUnavailable when the store does not answer. */
export async function createClaimServer(options: ServerOptions): Promise<ClaimServer> {
  const { runtime, log, store, nodeId, serviceKeys } = options;
  const metrics = createMetrics();
  const clock = await createClock({ runtime, storeTimeMs: () => store.timeMs() });
  const configs = new EventConfigs(store.events, runtime);
  const events = new Events({ store, configs, clock, runtime });
  const boot = Buffer.from(runtime.randomBytes(BOOT_BYTES)).toString('hex');
  const shards = new Shards({
    store,
    configs,
    clock,
    runtime,
    attemptPrefix: `${nodeId}.${boot}`,
    shardCount: options.shardCount ?? 64,
    queueLengthMax: options.queueLengthMax ?? 16_384,
    totalLengthMax: options.totalLengthMax ?? 131_072,
    knownClaimsMax: options.knownClaimsMax ?? 200_000,
    isLocking: options.isLocking ?? true,
    onOutcome: metrics.outcome,
    onCommit: metrics.commit,
  });
  let isDraining = false;

  async function checks(): Promise<Record<string, Check>> {
    const storeCheck = await store.timeMs().then(
      () => ok(null),
      (error: unknown) => failed(error instanceof Error ? error.message : String(error)),
    );
    const missing = store.guardsMissing();
    const skewMs = clock.skewMs();
    return {
      store: storeCheck,
      guards: missing.length === 0 ? ok(null) : failed(`missing: ${missing.join(', ')}`),
      clock: Math.abs(skewMs) <= SKEW_MS_MAX ? ok(null) : failed(`${skewMs} ms off this machine's clock`),
      draining: isDraining ? failed('the server is stopping') : ok(null),
    };
  }

  const router = createRouter({
    log,
    claim: createClaimRoute({ shards, runtime }),
    handlers: {
      ...createClaimHandlers({ store, clock }),
      ...createEventHandlers({ store, clock, events }),
      ...createQualificationHandlers({ store, events }),
      ...createNodeHandlers({ ...options.tokens, checks, metrics }),
    },
    isFull: () => shards.isFull,
  });
  const listener = createListener({
    runtime,
    log,
    serviceKeys,
    handler: router,
    identity: { clusterId: store.clusterId, nodeId },
    timeMs: clock.nowMs,
    onClose: metrics.closed,
    ...(options.tls === undefined ? {} : { tls: options.tls }),
    ...(options.connectionsMax === undefined ? {} : { connectionsMax: options.connectionsMax }),
  });

  metrics.gauge({ name: 'claimd_connections', help: 'Open connections.', read: () => listener.connectionCount() });
  metrics.gauge({
    name: 'claimd_known_claims',
    help: 'Claims answered from memory.',
    read: () => shards.knownClaimCount,
  });
  metrics.gaugeBy({
    name: 'claimd_shard_queue_length',
    help: 'Claims at work and waiting, by shard.',
    label: 'shard',
    read: () => shards.queueLengths().entries(),
  });
  configs.start();
  shards.start();

  return {
    events,
    listen: (address) => listener.listen(address),
    async drain({ graceMs }) {
      isDraining = true;
      await listener.drain({ graceMs });
      shards.close();
      configs.close();
      clock.stop();
    },
  };
}

function ok(detail: string | null): Check {
  return { ok: true, detail };
}

function failed(detail: string): Check {
  return { ok: false, detail };
}
