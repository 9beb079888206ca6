/**
 * The claims of a store: each draft is inserted where it belongs, the ones that belong together in one command, and read
 * wherever it lies. Invariant: an outcome with a claim in it rests on a durable reply or a majority read; everything else is
 * `unknown` or proven not to be stored.
 */
import type { Db } from 'mongodb';
import type { Runtime } from '../../../protocol/runtime.ts';
import { inLanes } from '../../lib/in-lanes.ts';
import type { ClaimDraft, ClaimStore, InsertOutcome, MayWrite } from '../store.ts';
import { untilArrived } from './arrivals.ts';
import type { ClaimPlaces, Place } from './claim-places.ts';
import { ClaimsAcross } from './claims-across.ts';
import type { Fate } from './classify.ts';
import { withLateOnesVoid } from './late-attempts.ts';
import { type Owner, ownersOf } from './owners.ts';
import { packedClaims } from './packed-claims.ts';
import { collectionOf, isOfDay } from './places.ts';
import { claimOfDraft } from './schema.ts';
import { insertStock } from './stock.ts';

/** mongod commits up to 500 inserts of a command as one; more in a command gains nothing. */
const INSERT_MAX = 500;

/** Into as many collections; of two commits that makes every connection there is for claims. */
const INSERTS_AT_ONCE_MAX = 4;

type Insert = (place: Place, drafts: readonly ClaimDraft[]) => Promise<InsertOutcome[]>;

export function createClaimStore(places: ClaimPlaces, primary: { db: Db; runtime: Runtime }): ClaimStore {
  const across = new ClaimsAcross(places);
  return {
    insertMax: INSERT_MAX,
    get isSpread() {
      return places.known.length > 1;
    },
    insert: (drafts, mayWrite = always) =>
      insertPlaced(places, drafts, mayWrite, (place, some) => insert(place, some, mayWrite)),
    insertStock: (drafts, stock, mayWrite = always) =>
      insertPlaced(places, drafts, mayWrite, ({ reads, inserter }, some) =>
        insertStock(reads, inserter, some, { stock, mayWrite }),
      ),
    settled: () => untilArrived(primary),
    byKey: (claimKeys) => across.byKey(claimKeys),
    byRequest: (requests) => across.byRequest(requests),
    ofUser: (userId, page) => across.ofUser(userId, page),
    list: (filter, page) => across.list(filter, page),
    hasAny: (eventKey, period) => across.hasAny(eventKey, period),
    highestSlot: (eventKey, period) => across.highestSlot(eventKey, period),
    usersOf: (eventKey, period, page) => across.usersOf(eventKey, period, page),
    requests: (page) => across.requests(page),
  };
}

const always: MayWrite = () => true;

/** One `insertInto` per collection, a few at once; outcomes in the order of the drafts. */
async function insertPlaced(
  places: ClaimPlaces,
  drafts: readonly ClaimDraft[],
  mayWrite: MayWrite,
  insertInto: Insert,
): Promise<InsertOutcome[]> {
  const names = drafts.map((draft) => collectionOf(draft, draft.place?.splitBy));
  const collections = [...new Set(names)];
  const found = await inLanes(collections, INSERTS_AT_ONCE_MAX, async (collection) => {
    const some = collections.length === 1 ? drafts : drafts.filter((_, i) => names[i] === collection);
    const place = await places.of(collection).catch(() => null);
    return place === null
      ? some.map((): InsertOutcome => ({ kind: 'unavailable' }))
      : withLateOnesVoid(places, some, mayWrite, (rest) => insertInto(place, rest));
  });
  const [all = []] = found;
  if (collections.length === 1) return all;
  const nextOf = new Map(collections.map((collection, i) => [collection, found[i]?.values()]));
  return names.map((name) => nextOf.get(name)?.next().value ?? { kind: 'unknown' });
}

async function insert(place: Place, drafts: readonly ClaimDraft[], mayWrite: MayWrite): Promise<InsertOutcome[]> {
  const fates = await place.inserter.insert(packedClaims(drafts, null), 'unordered', mayWrite);
  const refused = drafts.filter((_, index) => fates[index] === 'duplicate');
  const owners = refused.length === 0 ? [] : await refusersOf(place, refused).catch(() => []);
  const nextOwner = owners[Symbol.iterator]();
  return drafts.map((draft, index) => outcomeOf(draft, fates[index], () => nextOwner.next().value ?? null));
}

/** A key that is void will never have a claim: nothing of this draft is stored, and it may be decided anew. */
async function refusersOf(
  { collection, reads }: Place,
  drafts: readonly ClaimDraft[],
): Promise<(InsertOutcome | null)[]> {
  const owners: (Owner | null)[] = await ownersOf(reads, drafts);
  if (!isOfDay(collection) || !owners.includes(null)) return owners;
  const voided = await reads.voidedOf(drafts.map(({ claimKey }) => claimKey));
  return owners.map((owner, i) => owner ?? (voided.has(drafts[i]?.claimKey ?? '') ? { kind: 'withheld' } : null));
}

function outcomeOf(draft: ClaimDraft, fate: Fate | undefined, nextOwner: () => InsertOutcome | null): InsertOutcome {
  switch (fate) {
    case 'inserted':
      return { kind: 'inserted', claim: claimOfDraft(draft, null) };
    case 'duplicate':
      // What refuses it is not seen: it was rolled back, or the read failed. Inserting again settles it.
      return nextOwner() ?? { kind: 'unknown' };
    case 'unavailable':
    case 'guardMissing':
    case 'withheld':
      return { kind: fate };
    default:
      return { kind: 'unknown' };
  }
}
