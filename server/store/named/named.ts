/** A main store and the named ones beside it as one store: everything but claims is the main store's. */
import { MAIN_STORE } from '../../../protocol/event.ts';
import type { Runtime } from '../../../protocol/runtime.ts';
import type { Log } from '../../lib/log.ts';
import type { EventRecord, EventStore, Store } from '../store.ts';
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
  return {
    ...main,
    names: [MAIN_STORE, ...branches.map(({ name }) => name)],
    claims: new NamedClaims({ main: main.claims, events: main.events, branches }),
    unreachable: () => branches.filter(({ isReachable }) => !isReachable).map(({ name }) => name),
    guardsMissing: () => [main.guardsMissing(), ...branches.map(({ store }) => store?.guardsMissing() ?? [])].flat(),
    survey: namedSurvey([{ name: MAIN_STORE, survey: () => main.survey }, ...branches.map(surveyedBranch)]),
    statuses: async () => (await Promise.all([main.statuses(), ...branches.map(statusesOf)])).flat(),
    close,
  };
}

function surveyedBranch(branch: Branch): Surveyed {
  return { name: branch.name, survey: () => (branch.isReachable ? (branch.store?.survey ?? null) : null) };
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
