/**
 * Inserts journaled claims into one collection of claims. Doing so again is harmless: a claim that is there already is told by its
 * attempt. Every other refusal by a unique index has one of two reasons:
 *
 * - Another claim has the key or the slot. Both were granted, which must never be: a conflict, for the caller to record.
 * - Another claim of the user has the request id, under another key. The user has reused a request id in two events at the
 *   same moment on two servers, which no server can see in time. The claim was granted and so belongs among the claims; it
 *   is kept with its request id set aside, and the request id leads to the claim that had it first.
 */
import { type Db, UUID } from 'mongodb';
import type { Runtime } from '../../../protocol/runtime.ts';
import { type ClaimRecord, StoreUnavailable } from '../store.ts';
import type { ClaimReads } from './claim-reads.ts';
import type { Fate } from './classify.ts';
import { insertOnce } from './inserter.ts';
import { asideRequestId, documentOfClaim } from './schema.ts';

/** Two claims with one key or slot. */
export type Clash = { journaled: ClaimRecord; stored: ClaimRecord };
export type Projected = { clashes: Clash[]; requestIdsAside: number };

const ATTEMPTS_MAX = 10;
const PAUSE_MS = 100;

/** `reads` are of the same collection, whose identity is `uuid`. */
export type ProjectionClaimsOptions = {
  db: Db;
  collection: string;
  uuid: string;
  reads: ClaimReads;
  majorityMs: number;
  runtime: Runtime;
};

/** A claim that is not known to be there; `isAside` when its request id leads to another claim. */
type Open = { claim: ClaimRecord; isAside: boolean };

/**
 * Resolves when each of `claims` is durably stored or clashes. Rejects with StoreUnavailable; then any part of them may be
 * stored, and the same call again settles it.
 */
export async function projectClaims(
  claims: readonly ClaimRecord[],
  options: ProjectionClaimsOptions,
): Promise<Projected> {
  const clashes: Clash[] = [];
  let requestIdsAside = 0;
  let open: Open[] = claims.map((claim) => ({ claim, isAside: false }));
  for (let attempt = 1; open.length > 0; attempt++) {
    if (attempt > ATTEMPTS_MAX) throw new StoreUnavailable(`${open.length} journaled claims could not be stored`);
    if (attempt > 2) await pause(options.runtime);
    const { refused, doubtful } = await insert(open, options);
    const settled = await settle(refused, options.reads);
    clashes.push(...settled.clashes);
    requestIdsAside += settled.aside.length;
    open = [...doubtful, ...settled.aside, ...settled.open];
  }
  return { clashes, requestIdsAside };
}

async function insert(open: readonly Open[], { db, collection, uuid, majorityMs }: ProjectionClaimsOptions) {
  const documents = open.map(({ claim, isAside }) => {
    const document = documentOfClaim(claim, claim.slot);
    return isAside ? { ...document, requestId: asideRequestId(claim.requestId, claim.claimKey) } : document;
  });
  const target = { collection, majorityMs, collectionUuid: new UUID(uuid) };
  const { fates } = await insertOnce(db, target, documents, 'unordered');
  if (fates.includes('guardMissing')) throw new StoreUnavailable(`${collection} was dropped or replaced`);
  const withFate = (wanted: (fate: Fate | undefined) => boolean) => open.filter((_, index) => wanted(fates[index]));
  return {
    refused: withFate((fate) => fate === 'duplicate'),
    doubtful: withFate((fate) => fate !== 'duplicate' && fate !== 'inserted'),
  };
}

type Settled = { clashes: Clash[]; aside: Open[]; open: Open[] };

/** What refused each of them. Where nothing is found, it was not durable yet or has gone: the next attempt will tell. */
async function settle(refused: readonly Open[], reads: ClaimReads): Promise<Settled> {
  const settled: Settled = { clashes: [], aside: [], open: [] };
  const byKey = await reads.byKey(refused.map(({ claim }) => claim.claimKey));
  const keyless: Open[] = [];
  refused.forEach((each, index) => {
    const stored = byKey[index] ?? null;
    if (stored === null) keyless.push(each);
    else if (stored.attempt !== each.claim.attempt) settled.clashes.push({ journaled: each.claim, stored });
  });
  const byRequest = await reads.byRequest(keyless.map(({ claim }) => claim));
  for (const [index, each] of keyless.entries()) {
    const isRequestUsed = (byRequest[index] ?? null) !== null && !each.isAside;
    const stored = isRequestUsed ? null : await reads.bySlot(each.claim);
    if (isRequestUsed) settled.aside.push({ ...each, isAside: true });
    else if (stored !== null) settled.clashes.push({ journaled: each.claim, stored });
    else settled.open.push(each);
  }
  return settled;
}

function pause({ after }: Runtime): Promise<void> {
  return new Promise((resolve) => {
    after(PAUSE_MS, resolve);
  });
}
