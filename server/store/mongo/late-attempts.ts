/**
 * Around a reset of an event that is split by day: before a draft is inserted, the user's key of the period before is taken
 * by a void document, so that a late attempt under the same request id cannot become a claim as well. Where the request
 * index is one for all periods it does that by itself. A key that is void never has a claim again.
 */
import { claimKeyOf } from '../../../protocol/key.ts';
import type { ClaimDraft, InsertOutcome, MayWrite } from '../store.ts';
import type { ClaimPlaces } from './claim-places.ts';
import type { Fate } from './classify.ts';
import { collectionOf } from './places.ts';
import { documentOfVoid } from './schema.ts';

/** Inserts by `insert` those drafts that no earlier attempt can rival any more. One outcome per draft, in order. */
export async function withLateOnesVoid(
  places: ClaimPlaces,
  drafts: readonly ClaimDraft[],
  mayWrite: MayWrite,
  insert: (drafts: readonly ClaimDraft[]) => Promise<InsertOutcome[]>,
): Promise<InsertOutcome[]> {
  if (!drafts.some(({ place }) => place?.periodBefore !== undefined)) return insert(drafts);
  const refusals = new Map<ClaimDraft, InsertOutcome>();
  const periods = new Set(drafts.flatMap(({ place }) => place?.periodBefore ?? []));
  for (const period of periods) {
    const late = drafts.filter(({ place }) => place?.periodBefore === period);
    const found = await voidBefore(places, late, period, mayWrite);
    late.forEach((draft, i) => {
      const refusal = found[i] ?? null;
      if (refusal !== null) refusals.set(draft, refusal);
    });
  }
  const rest = refusals.size === 0 ? drafts : drafts.filter((draft) => !refusals.has(draft));
  const outcomes = (rest.length === 0 ? [] : await insert(rest))[Symbol.iterator]();
  return drafts.map((draft) => refusals.get(draft) ?? outcomes.next().value ?? { kind: 'unknown' });
}

/** For each draft why it must not be inserted now; null when it may. */
async function voidBefore(
  places: ClaimPlaces,
  drafts: readonly ClaimDraft[],
  period: string,
  mayWrite: MayWrite,
): Promise<(InsertOutcome | null)[]> {
  const keys = drafts.map(({ eventKey, userId }) => claimKeyOf(eventKey, period, userId));
  const [first] = drafts;
  if (first === undefined) return [];
  try {
    const { reads, inserter } = await places.of(collectionOf({ eventKey: first.eventKey, period }, 'day'));
    const documents = drafts.map(({ attempt }, i) => documentOfVoid(keys[i] as string, attempt));
    const fates = await inserter.insert(documents, 'unordered', mayWrite);
    const taken = keys.filter((_, i) => fates[i] === 'duplicate');
    const claims = new Map(
      (await reads.byKey(taken)).flatMap((claim) => (claim === null ? [] : [[claim.claimKey, claim]])),
    );
    return drafts.map((draft, i) => {
      const claim = claims.get(keys[i] as string);
      if (claim?.requestId === draft.requestId) return { kind: 'requestTaken', claim };
      return refusalOf(fates[i]);
    });
  } catch {
    return drafts.map(() => ({ kind: 'unavailable' }));
  }
}

/** A key that another claim has, or that is void already, is as good as one made void now. */
function refusalOf(fate: Fate | undefined): InsertOutcome | null {
  if (fate === 'inserted' || fate === 'duplicate') return null;
  return { kind: fate === 'guardMissing' || fate === 'withheld' ? fate : 'unavailable' };
}
