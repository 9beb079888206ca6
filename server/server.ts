/**
 * One claim server: joins the folders into the way of a claim. Data flows from `net` through `route`, `shard` and
 * `rules` to the store; what flows back are callbacks that were handed down here. It opens no store and reads no
 * setting.
 */
import type { Mode } from '../protocol/mode.ts';
import type { Runtime } from '../protocol/runtime.ts';
import type { Accounts } from './accounts/accounts.ts';
import { Archives } from './archive/archives.ts';
import { Eligibility } from './eligibility/eligibility.ts';
import { EventConfigs } from './events/configs.ts';
import { Events } from './events/events.ts';
import { ModeWatch } from './events/mode-watch.ts';
import { auditedEvent } from './events/record.ts';
import { createIdentity, type TokenOptions } from './identity.ts';
import { Journaling } from './journal/journaling.ts';
import { BurstClock } from './lib/burst-clock.ts';
import { createClock } from './lib/clock.ts';
import { loopLoad } from './lib/event-loop.ts';
import { drawSeed, seedIn } from './lib/hash.ts';
import type { Log } from './lib/log.ts';
import { createMetrics } from './lib/metrics.ts';
import { reasonOf } from './lib/reason.ts';
import { type Address, createListener, type TlsOptions } from './net/listener.ts';
import { Notices } from './notices/notices.ts';
import { createAccountHandlers } from './route/account-handlers.ts';
import { createAdminHandlers } from './route/admin-handlers.ts';
import { createBatchRoute } from './route/batch-route.ts';
import { createClaimHandlers } from './route/claim-handlers.ts';
import { createClaimRoute, type Granted } from './route/claim-route.ts';
import { createEventHandlers } from './route/event-handlers.ts';
import { createJournalHandlers } from './route/journal-handlers.ts';
import { type Check, createNodeHandlers } from './route/node-handlers.ts';
import { createNoticeHandlers } from './route/notice-handlers.ts';
import { createQualificationHandlers } from './route/qualification-handlers.ts';
import { createRouter } from './route/router.ts';
import { createUpkeepHandlers } from './route/upkeep-handlers.ts';
import { ROLES_STALE_MS } from './session/gate.ts';
import type { ServiceKeys } from './session/service-keys.ts';
import { Shards } from './shard/shards.ts';
import { viewsBehind } from './store/block/view.ts';
import type { Store } from './store/store.ts';
import { createUpkeep } from './upkeep/upkeep.ts';

const SKEW_MS_MAX = 500;
const BOOT_BYTES = 4;
/** Whom the audit log names for what an event's schedule does. */
const SCHEDULE = { name: 'service:mode-schedule', from: null };

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
  /** How long a granted claim of a journal event may take to be in the store, in milliseconds. */
  projectionIntervalMs?: number;
  /** How busy the event loop was since the last call, from 0 to 1, when it is not to be measured: the projection gives way to it. */
  load?: () => number;
  /** Of new events that say nothing else. Default `direct`. */
  modeDefault?: Mode;
  /** False leaves every decision to the store's guard. */
  isLocking?: boolean;
  shardCount?: number;
  queueLengthMax?: number;
  totalLengthMax?: number;
  knownUsersMax?: number;
  /** Memory for lists of users who may claim, in bytes; 0 looks everybody up. Default 256 MiB. */
  qualificationBytesMax?: number;
  /** Memory for the claims of open windows of journal events and for request ids, about; 2 GiB when left out. */
  indexBytesMax?: number;
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
  const { runtime, log, nodeId, serviceKeys } = options;
  const metrics = createMetrics();
  const clock = await createClock({ runtime, storeTimeMs: () => options.store.timeMs() });
  const configs = new EventConfigs(options.store.events, runtime);
  // What the last boot has left for this one was hashed with its seed.
  const kept = await options.store.hints?.seed();
  const seed = kept ? seedIn(kept) : drawSeed(runtime);
  const eligibility = new Eligibility({
    ...{ store: options.store.qualifications, runtime, log, seed, nodes: options.nodes ?? 'several' },
    bytesMax: options.qualificationBytesMax ?? 256 * 1_024 ** 2,
  });
  const journaling = new Journaling({
    ...{ eligibility, seed },
    ...{ store: options.store, configs, runtime, nowMs: clock.nowMs, log, onCommit: metrics.commit },
    memoryBytesMax: options.indexBytesMax ?? 2 * 1_024 ** 3,
    projectionIntervalMs: options.projectionIntervalMs ?? 1_000,
    load: options.load ?? loopLoad(),
  });
  await journaling.start();
  // From here on nobody sees the store's claims without those of the journal.
  const store: Store = { ...options.store, claims: journaling.claims };
  const journal = store.journal === undefined ? undefined : journaling;
  const events = new Events({
    ...{ store, configs, clock, runtime, modeDefault: options.modeDefault ?? 'direct' },
    ...(journal === undefined ? {} : { journal }),
  });
  const boot = Buffer.from(runtime.randomBytes(BOOT_BYTES)).toString('hex');
  // Before the first claim: what nobody has noted is found to be by nobody.
  await options.store.boots.note(`${nodeId}.${boot}`);
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
    ...{ store, journaling, configs, eligibility, clock, runtime },
    attemptPrefix: `${nodeId}.${boot}`,
    shardCount: options.shardCount ?? 64,
    queueLengthMax: options.queueLengthMax ?? 16_384,
    totalLengthMax: options.totalLengthMax ?? 131_072,
    knownUsersMax: options.knownUsersMax ?? 200_000,
    isLocking: options.isLocking ?? true,
    onOutcome: metrics.outcome,
    onCommit: metrics.commit,
  });
  const modes =
    journal &&
    new ModeWatch({
      ...{ store: store.events, events, journal, clock, runtime, log },
      switched: ({ before, after }) => {
        const act = { action: 'event.mode', subject: after.eventKey } as const;
        return audit.record(SCHEDULE, { ...act, before: auditedEvent(before), after: auditedEvent(after) });
      },
    });
  let isDraining = false;

  async function checks(): Promise<Record<string, Check>> {
    const storeCheck = await store.timeMs().then(
      () => ok(null),
      (error: unknown) => failed(reasonOf(error)),
    );
    const missing = store.guardsMissing();
    const away = store.unreachable?.() ?? [];
    const skewMs = clock.skewMs();
    return {
      store: storeCheck,
      // The events of the others are served as ever, so this is no reason to send everybody elsewhere.
      stores: ok(away.length === 0 ? null : `no answer from: ${away.join(', ')}`),
      // It is so for every server of the store, so there is nowhere to send anybody; the other events are served as ever.
      guards: ok(missing.length === 0 ? null : `missing: ${missing.join(', ')}`),
      clock: Math.abs(skewMs) <= SKEW_MS_MAX ? ok(null) : failed(`${skewMs} ms off this machine's clock`),
      revocations: revocations.ageMs() <= ROLES_STALE_MS ? ok(null) : failed('cannot be read'),
      journal: journalCheck(journaling.trouble()),
      draining: isDraining ? failed('the server is stopping') : ok(null),
    };
  }

  const upkeep = createUpkeep({ store: options.store, journal, runtime, log, metrics });
  const archives = new Archives({
    // The store's own claims: those that only the journal has are no claims of a period that is over.
    ...{ store: options.store, events, journal: journal ?? null, audit, runtime, nowMs: clock.nowMs },
    onFailure: (cause) => log.error({ err: cause }, 'an archive failed'),
  });
  const granted: Granted = ({ claim, nextClaimAt }) => notices.granted(claim, nextClaimAt);
  const claims = {
    ...{ shards, configs, runtime, granted, onOutcome: metrics.outcome },
    burst: new BurstClock(runtime, clock),
    // Without the lock queue nothing is answered from memory alone.
    journaling:
      (options.isLocking ?? true) ? journaling : { beginBatch: () => {}, claim: () => false, foresight: null },
    isHeard: () => notices.isHeard,
  };
  const router = createRouter({
    log,
    gate,
    claim: createClaimRoute(claims),
    batch: createBatchRoute(claims),
    handlers: {
      ...createClaimHandlers({
        ...{ store, clock, runtime },
        moved: () => journaling.moved(),
        asOf: () => journaling.asOf(),
      }),
      ...createEventHandlers({ store, clock, events, audit }),
      ...createQualificationHandlers({ store, eligibility, events, audit }),
      ...createNodeHandlers({ ...options.tokens, checks, metrics }),
      ...createJournalHandlers({
        journal: journal && {
          away: () => journal.away(),
          blocks: (page) => viewsBehind(journal.blocks(page.after ?? 0), page),
        },
      }),
      ...createUpkeepHandlers({ ...upkeep, archives, journal, nowMs: clock.nowMs }),
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
  const journalFigures = {
    claimd_journal_backlog_claims: ['Claims that are granted and not in the store yet.', 'backlogClaims'],
    claimd_journal_oldest_ms: ['How long the oldest of them may have waited.', 'oldestMs'],
    claimd_journal_bytes: ['Bytes of the journal that are kept.', 'bytes'],
    claimd_index_claims: ['Claims of open windows in memory.', 'indexClaims'],
    claimd_index_bytes: ['Memory of the index of claims and of the filter of request ids.', 'indexBytes'],
    claimd_index_windows: ['Windows in memory.', 'windows'],
  } as const;
  for (const [name, [help, figure]] of Object.entries(journalFigures)) {
    metrics.gauge({ name, help, read: () => journaling.figures()[figure] });
  }
  const listFigures = {
    claimd_eligibility_lists: ['Lists of users who may claim, in memory.', 'lists'],
    claimd_eligibility_users: ['Users on them.', 'users'],
    claimd_eligibility_bytes: ['Memory of these lists.', 'bytes'],
  } as const;
  for (const [name, [help, figure]] of Object.entries(listFigures)) {
    metrics.gauge({ name, help, read: () => eligibility.figures()[figure] });
  }
  metrics.gauge({
    name: 'claimd_journal_conflicts',
    help: 'Claims of the journal that met another claim in the store: broken promises.',
    read: () => journaling.conflictCount,
  });
  configs.start();
  shards.start();
  notices.start();
  modes?.start();

  return {
    events,
    accounts,
    listen: (address) => listener.listen(address),
    async drain({ graceMs }) {
      isDraining = true;
      await archives.close();
      await listener.drain({ graceMs });
      modes?.stop();
      notices.stop();
      shards.close();
      eligibility.stop();
      await identity.close();
      configs.close();
      await journaling.close();
      clock.stop();
    },
  };
}

function journalCheck(trouble: string | null): Check {
  return trouble === null ? ok(null) : failed(trouble);
}

function ok(detail: string | null): Check {
  return { ok: true, detail };
}

function failed(detail: string): Check {
  return { ok: false, detail };
}
