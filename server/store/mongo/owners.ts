/**
 * After a unique index has refused a draft: whose claim stands in its way. The reply does not say which index it was, so
 * the claim key is asked first and the request id second. Reads are of durable data: what they find is proof, what they do
 * not find proves nothing.
 */
import type { ClaimDraft, ClaimRecord, InsertOutcome } from '../store.ts';
import type { ClaimReads } from './claim-reads.ts';

export type Owner = Extract<InsertOutcome, { kind: 'inserted' | 'taken' | 'requestTaken' }>;

/** One answer per draft, in order; null where neither its key nor its request id has a claim. Rejects with StoreUnavailable. */
export async function ownersOf(reads: ClaimReads, drafts: readonly ClaimDraft[]): Promise<(Owner | null)[]> {
  const byKey = await reads.byKey(drafts.map(({ claimKey }) => claimKey));
  const keyless = drafts.filter((_, index) => byKey[index] === null);
  const byRequest = (await reads.byRequest(keyless))[Symbol.iterator]();
  return drafts.map((draft, index) => {
    const claim = byKey[index] ?? null;
    if (claim !== null) return ownerByKey(draft, claim);
    const used: ClaimRecord | null = byRequest.next().value ?? null;
    return used === null ? null : { kind: 'requestTaken', claim: used };
  });
}

/** Our own earlier attempt, whose reply was lost, is not another's claim. */
function ownerByKey(draft: ClaimDraft, claim: ClaimRecord): Owner {
  return { kind: claim.attempt === draft.attempt ? 'inserted' : 'taken', claim };
}
