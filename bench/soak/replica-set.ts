/** Real replica sets for campaigns, from the test support, which is loaded only when a campaign wants one. */
import type { ReplicaSet } from '../../server/testing/mongod.ts';
import { type Context, Skipped } from './campaign.ts';

/** The set is stopped when `use` is done, whatever happened. Throws Skipped where there is no mongod. */
export async function withReplicaSet(members: 1 | 3, use: (set: ReplicaSet) => Promise<void>): Promise<void> {
  const { mongodReason, startReplicaSet } = await import('../../server/testing/mongod.ts');
  if (mongodReason !== null) throw new Skipped(mongodReason);
  const set = await startReplicaSet({ members });
  try {
    await use(set);
  } finally {
    await set.stop();
  }
}

/** Runs with the address of a store that outlives servers; undefined for the embedded one, which is in the data folder. */
export async function withStore(
  { store }: Context,
  use: (storeUri: string | undefined) => Promise<void>,
): Promise<void> {
  if (store === 'lmdb') return use(undefined);
  await withReplicaSet(1, (set) => use(set.freshUri()));
}
