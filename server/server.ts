/**
 * One claim server: joins the folders into the way of a claim. Data flows from `net` through `route`, `shard` and
 * `rules` to the store; what flows back are callbacks that were handed down here. It opens no store and reads no
 * setting.
 */
import type { Runtime } from '../protocol/runtime.ts';
import type { Accounts } from './accounts/accounts.ts';
import { EventConfigs } from './events/configs.ts';
import { Events } from './events/events.ts';
import { createIdentity, type TokenOptions } from './identity.ts';
import { createClock } from './lib/clock.ts';
import type { Log } from './lib/log.ts';
import { createMetrics } from './lib/metrics.ts';
import { type Address, createListener, type TlsOptions } from './net/listener.ts';
import { Notices } from './notices/notices.ts';
import { createAccountHandlers } from './route/account-handlers.ts';
import { createAdminHandlers } from './route/admin-handlers.ts';
import { createClaimHandlers } from './route/claim-handlers.ts';
import { createClaimRoute } from './route/claim-route.ts';
import { createEventHandlers } from './route/event-handlers.ts';
import { type Check, createNodeHandlers } from './route/node-handlers.ts';
import { createNoticeHandlers } from './route/notice-handlers.ts';
import { createQualificationHandlers } from './route/qualification-handlers.ts';
import { createRouter } from './route/router.ts';
import { ROLES_STALE_MS } from './session/gate.ts';
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
  tokens: TokenOptions;
  /** `alone` where no other server can have this store; looking for what others did is then left out. */
  nodes?: 'alone' | 'several';
  tls?: TlsOptions;
  /** False leaves every decision to the store's guard. */
  isLocking?: boolean;
  shardCount?: number;
  queueLengthMax?: number;
  totalLengthMax?: number;
  knownUsersMax?: number;
  connectionsMax?: number;
};

export type ClaimServer = {
  readonly events: Events;
  /** For what the start does by itself: the first admin. */
  readonly accounts: Accounts;
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
  const identity = await createIdentity({
    ...{ runtime, boot, stores: store.accounts, nowMs: clock.nowMs, node: nodeId, tokens: options.tokens },
  });
  const { accounts, revocations, gate, audit } = identity;
  const notices = new Notices({
    ...{ store, configs, runtime, nowMs: clock.nowMs, nodes: options.nodes ?? 'several' },
    revocations: () => revocations.current(),
  });
  revocations.onRevoked((added) => notices.revoked(added));
  const shards = new Shards({
    store,
    configs,
    clock,
    runtime,
    attemptPrefix: `${nodeId}.${boot}`,
    shardCount: options.shardCount ?? 64,
    queueLengthMax: options.queueLengthMax ?? 16_384,
    totalLengthMax: options.totalLengthMax ?? 131_072,
    knownUsersMax: options.knownUsersMax ?? 200_000,
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
      revocations: revocations.ageMs() <= ROLES_STALE_MS ? ok(null) : failed('cannot be read'),
      draining: isDraining ? failed('the server is stopping') : ok(null),
    };
  }

  const router = createRouter({
    log,
    gate,
    claim: createClaimRoute({
      ...{ shards, runtime },
      granted: ({ claim, nextClaimAt }) => notices.granted(claim, nextClaimAt),
    }),
    handlers: {
      ...createClaimHandlers({ store, clock, runtime }),
      ...createEventHandlers({ store, clock, events, audit }),
      ...createQualificationHandlers({ store, events, audit }),
      ...createNodeHandlers({ ...options.tokens, checks, metrics }),
      ...createAccountHandlers({ accounts, nowMs: clock.nowMs }),
      ...createAdminHandlers({ accounts, roles: identity.roles, stores: store.accounts }),
      ...createNoticeHandlers({ notices }),
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
    name: 'claimd_known_users',
    help: 'Users whose claims are answered from memory.',
    read: () => shards.knownUserCount,
  });
  metrics.gaugeBy({
    name: 'claimd_shard_queue_length',
    help: 'Claims at work and waiting, by shard.',
    label: 'shard',
    read: () => shards.queueLengths().entries(),
  });
  metrics.gauge({
    name: 'claimd_passwords_waiting',
    help: 'Passwords that wait for a thread.',
    read: () => identity.hasher.waitingCount,
  });
  metrics.gauge({
    name: 'claimd_revocations',
    help: 'Revocations in memory.',
    read: () => revocations.size,
  });
  configs.start();
  shards.start();
  notices.start();

  return {
    events,
    accounts,
    listen: (address) => listener.listen(address),
    async drain({ graceMs }) {
      isDraining = true;
      await listener.drain({ graceMs });
      notices.stop();
      shards.close();
      await identity.close();
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
