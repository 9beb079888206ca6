/** A main store and the named ones beside it as one store: everything but claims is the main store's. */
import { MAIN_STORE } from '../../../protocol/event.ts';
import type { Runtime } from '../../../protocol/runtime.ts';
import type { Log } from '../../lib/log.ts';
import type { EventRecord, EventStore, Store } from '../store.ts';
import { type Archiving, namedArchive } from './archive.ts';
import { Branch, type BranchStore } from './branch.ts';
import { NamedClaims } from './claims.ts';
import { namedSurvey, type Surveyed } from './survey.ts';

const EVENTS_AT_ONCE = 500;

export type Named = { name: string; open: () => Promise<BranchStore> };

/** Closes `main` with the others. Rejects with StoreRefused when a named store can never serve; one that is away may come later. */
export async function openNamedStores(
  main: Store,
  named: readonly Named[],
  { runtime, log }: { runtime: Runtime; log: Log },
): Promise<Store> {
  const branches = named.map((each) => new Branch({ ...each, runtime, log }));
  const close = async () => {
    await Promise.all([main.close(), ...branches.map((branch) => branch.close())]);
  };
  const started = await Promise.allSettled(branches.map((branch) => branch.start()));
  const failure = started.find((start) => start.status === 'rejected');
  if (failure !== undefined) {
    await Promise.all(branches.map((branch) => branch.close()));
    throw failure.reason;
  }
  const storeOf = (name = MAIN_STORE) =>
    name === MAIN_STORE ? main : branches.find((branch) => branch.name === name)?.store;
  return {
    ...main,
    // Claims of the others are counted by nobody here.
    ...(main.hints && { hints: { ...main.hints, directCommits: async () => null } }),
    names: [MAIN_STORE, ...branches.map(({ name }) => name)],
    claims: new NamedClaims({ main: main.claims, events: main.events, branches }),
    unreachable: () => branches.filter(({ isReachable }) => !isReachable).map(({ name }) => name),
    guardsMissing: () => [main.guardsMissing(), ...branches.map(({ store }) => store?.guardsMissing() ?? [])].flat(),
    isUnguarded: (event, period) => storeOf(event.store)?.isUnguarded?.(event, period) ?? false,
    archive: namedArchive([{ name: MAIN_STORE, archive: () => main.archive }, ...branches.map(archivingBranch)]),
    survey: namedSurvey([{ name: MAIN_STORE, survey: () => main.survey }, ...branches.map(surveyedBranch)]),
    statuses: async () => (await Promise.all([main.statuses(), ...branches.map(statusesOf)])).flat(),
    close,
  };
}

function surveyedBranch(branch: Branch): Surveyed {
  return { name: branch.name, survey: () => (branch.isReachable ? (branch.store?.survey ?? null) : null) };
}

function archivingBranch(branch: Branch): Archiving {
  return { name: branch.name, archive: () => (branch.isReachable ? (branch.store?.archive ?? null) : null) };
}

async function statusesOf({ name, store, isReachable }: Branch): ReturnType<Store['statuses']> {
  if (store === null || !isReachable) return [{ store: name, reachable: false, collections: [] }];
  return store.statuses();
}

/** The keys of the events that have their claims in the store of this name. Rejects with StoreUnavailable. */
export async function eventKeysOf(
  events: EventStore,
  store: string,
  isMeant: (event: EventRecord) => boolean,
): Promise<string[]> {
  const keys: string[] = [];
  for (let after: string | undefined; ; ) {
    const page = await events.list({ limit: EVENTS_AT_ONCE, ...(after === undefined ? {} : { after }) });
    for (const event of page) if (event.store === store && isMeant(event)) keys.push(event.eventKey);
    if (page.length < EVENTS_AT_ONCE) return keys;
    after = page.at(-1)?.eventKey;
  }
}
