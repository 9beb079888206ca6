/**
 * The claims of a store: the conditional insert, and the reads and the stock insert that it is given. Invariant: an outcome
 * with a claim in it rests on a durable reply or a majority read; everything else is `unknown` or proven not to be stored.
 */
import type { ClaimDraft, ClaimStore, InsertOutcome, MayWrite } from '../store.ts';
import type { ClaimReads } from './claim-reads.ts';
import type { Fate } from './classify.ts';
import type { ClaimInserter } from './inserter.ts';
import { type Owner, ownersOf } from './owners.ts';
import { documentOfClaim } from './schema.ts';
import { insertStock } from './stock.ts';

/** mongod commits up to 500 inserts of a command as one; more in a command gains nothing. */
const INSERT_MAX = 500;

export function createClaimStore(reads: ClaimReads, inserter: ClaimInserter): ClaimStore {
  return {
    insertMax: INSERT_MAX,
    insert: (drafts, mayWrite = always) => insert(reads, inserter, drafts, mayWrite),
    insertStock: (drafts, stock, mayWrite = always) => insertStock(reads, inserter, drafts, { stock, mayWrite }),
    byKey: (claimKeys) => reads.byKey(claimKeys),
    byRequest: (requests) => reads.byRequest(requests),
    ofUser: (userId, page) => reads.ofUser(userId, page),
    list: (filter, page) => reads.list(filter, page),
    hasAny: (eventKey, period) => reads.hasAny(eventKey, period),
    highestSlot: (eventKey, period) =>
      period === undefined ? reads.highestSlot(eventKey) : reads.highestSlotOf(eventKey, period),
    usersOf: (eventKey, period, page) => reads.usersOf(eventKey, period, page),
    requests: (page) => reads.requests(page),
  };
}

const always: MayWrite = () => true;

async function insert(
  reads: ClaimReads,
  inserter: ClaimInserter,
  drafts: readonly ClaimDraft[],
  mayWrite: MayWrite,
): Promise<InsertOutcome[]> {
  if (drafts.length === 0) return [];
  const documents = drafts.map((draft) => documentOfClaim(draft, null));
  const fates = await inserter.insert(documents, 'unordered', mayWrite);
  const refused = drafts.filter((_, index) => fates[index] === 'duplicate');
  const owners = refused.length === 0 ? [] : await ownersOf(reads, refused).catch(() => []);
  const nextOwner = owners[Symbol.iterator]();
  return drafts.map((draft, index) => outcomeOf(draft, fates[index], () => nextOwner.next().value ?? null));
}

function outcomeOf(draft: ClaimDraft, fate: Fate | undefined, nextOwner: () => Owner | null): InsertOutcome {
  switch (fate) {
    case 'inserted':
      return { kind: 'inserted', claim: { ...draft, slot: null } };
    case 'duplicate':
      // What refused it is not seen: it was rolled back, or the read failed. Inserting again settles it.
      return nextOwner() ?? { kind: 'unknown' };
    case 'unavailable':
    case 'guardMissing':
    case 'withheld':
      return { kind: fate };
    default:
      return { kind: 'unknown' };
  }
}
