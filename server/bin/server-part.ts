/**
 * A claim server from its settings: folder, keys, store, server, in the order in which each needs the one before. What
 * was opened is closed in the opposite order, also when a later step fails.
 */
import { resolve } from 'node:path';
import type { Accounts } from '../accounts/accounts.ts';
import { createDemoEvent } from '../events/demo.ts';
import { FolderInUse, type FolderLock, lockFolder } from '../lib/folder-lock.ts';
import { createClaimServer } from '../server.ts';
import type { ServiceKey } from '../session/service-keys.ts';
import { serviceKeysOf } from '../session/service-keys.ts';
import type { Store } from '../store/store.ts';
import { Closers } from './closers.ts';
import { jwksOf, openServiceKeys, openTokenKey, type TokenKey } from './keys.ts';
import { listening } from './listening.ts';
import { nodeName } from './node-name.ts';
import { openStores } from './open-store.ts';
import type { Part } from './part.ts';
import type { Settings } from './read-settings.ts';
import { SettingsRefused, StartFailed } from './refused.ts';
import { type Address, addressText } from './setting-values.ts';
import { serverTls } from './tls-files.ts';
import { openTrustedIssuers } from './trusted-issuers.ts';

export type ServerPart = {
  tcp: Address;
  nodeId: string;
  store: Store;
  serviceKeys: readonly ServiceKey[];
  tokenKey: TokenKey;
  /** Finishes what was accepted, then closes the store and lets go of the folder. */
  drain(): Promise<void>;
};

export async function startServerPart(settings: Settings, { runtime, log }: Part): Promise<ServerPart> {
  const closers = new Closers();
  try {
    await lockFolders(settings, closers);
    const { data, env } = settings;
    const serviceKeys = await openServiceKeys({ given: settings.serviceKeys, data, env });
    const tokenKey = await openTokenKey({ file: settings.tokenKey, data, env });
    const tls = await serverTls(settings);
    const nodeId = await nodeName({ given: settings.node, data });
    const allowStandalone = settings.allowStandalone === 'on';
    // Nobody finds this server before it listens.
    let advertised = '';
    const uris = { main: settings.store, named: settings.namedStores };
    const store = await openStores(uris, {
      ...{ nodeId, allowStandalone, runtime, log, advertised: () => advertised },
      journalBytesMax: settings.journalBytes,
    });
    closers.add(() => store.close());
    const trusted = await openTrustedIssuers(settings.trustIssuer ?? [], { runtime, log });
    closers.add(async () => trusted.stop());
    const server = await createClaimServer({
      runtime,
      log,
      store,
      nodeId,
      serviceKeys: serviceKeysOf(serviceKeys, runtime.randomBytes),
      tokens: {
        jwks: jwksOf(tokenKey),
        key: tokenKey,
        refreshSecret: tokenKey.refreshSecret,
        trusted: trusted.issuers,
        ...{ issuer: settings.issuer, audience: settings.audience },
      },
      // The embedded store has one process.
      nodes: settings.store.kind === 'lmdb' ? 'alone' : 'several',
      modeDefault: settings.store.kind === 'lmdb' ? 'journal' : 'direct',
      isLocking: settings.lockQueue === 'on',
      projectionIntervalMs: settings.projectionInterval,
      shardCount: settings.shards,
      knownUsersMax: settings.claimCache,
      indexBytesMax: settings.indexMemory,
      qualificationBytesMax: settings.qualificationMemory,
      ...(tls === undefined ? {} : { tls }),
    });
    closers.add(() => server.drain({ graceMs: settings.drain }));
    if (settings.admin !== null) await makeAdmin(server.accounts, settings.admin);
    if (settings.demo === 'on') await createDemoEvent(store, server.events);
    const tcp = await listening('--tcp', settings.tcp, () => server.listen(settings.tcp));
    advertised = destination(settings, tcp);
    return { tcp, nodeId, store, serviceKeys, tokenKey, drain: () => closers.close() };
  } catch (error) {
    await closers.close();
    throw error;
  }
}

/** Empty where nobody can tell: callers of journal events are then told to come again rather than to go nowhere. */
function destination({ advertise }: Settings, tcp: Address): string {
  if (advertise !== null) return addressText(advertise);
  return tcp.host === '0.0.0.0' || tcp.host === '::' ? '' : addressText(tcp);
}

async function makeAdmin(accounts: Accounts, { username, password }: NonNullable<Settings['admin']>): Promise<void> {
  const made = await accounts.users.ensureAdmin(username, password);
  if (typeof made === 'string') return;
  if (made.code === 'USERNAME_TAKEN') throw new SettingsRefused('--admin names a user who exists and is no admin');
  if ('faults' in made) throw new SettingsRefused(`--admin: a username has ${made.faults[0]?.rule}`);
  throw new StartFailed(`--admin could not be made: ${made.code}`);
}

/** One process at a time: the folder of the embedded store, and the one that keeps this server's name. */
async function lockFolders({ data, store }: Settings, closers: Closers): Promise<void> {
  const folders = new Set([data, ...(store.kind === 'lmdb' ? [store.directory] : [])].map((folder) => resolve(folder)));
  for (const folder of folders) {
    const lock = await locked(folder);
    closers.add(() => lock.release());
  }
}

async function locked(folder: string): Promise<FolderLock> {
  try {
    return await lockFolder(folder);
  } catch (error) {
    if (error instanceof FolderInUse) throw error;
    const { code, message } = error as NodeJS.ErrnoException;
    throw new SettingsRefused(`the data folder ${folder} cannot be used: ${code ?? message}`);
  }
}
