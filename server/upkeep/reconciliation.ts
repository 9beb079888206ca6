/**
 * Compares all that must agree, as of a moment: the journal's blocks with the claims, each claim with its rows and its
 * attempt, the slots of events with stock, and what the projection has found out by itself. It reads, and changes nothing.
 *
 * Everything that was granted by `asOf` must have been projected before it begins. What is granted while it reads is not
 * judged; what it reads is gone through in pages, so that memory does not grow with the claims.
 */
import { claimPartsOf } from '../../protocol/key.ts';
import type { Mismatch } from '../../protocol/upkeep.ts';
import { isArchivedPeriod } from '../rules/archived.ts';
import { type BlockClaim, claimsOf, readBlock } from '../store/block/reader.ts';
import type { ClaimRecord, EventRecord, Store } from '../store/store.ts';
import type { SurveyedClaim } from '../store/survey.ts';
import { Attempts } from './attempts.ts';
import { slotMismatches } from './slots.ts';

export type ReconciliationParts = {
  store: Pick<Store, 'survey' | 'boots' | 'claims' | 'events'>;
  /** Kept blocks that are projected, oldest first; null without a journal. */
  blocks: (() => AsyncIterable<Buffer>) | null;
  /** Lets others go on before more is read. */
  rest: () => Promise<void>;
};

/** `place` is where to go on behind this step. */
export type Step = { place: string; checked: number; mismatches: Mismatch[] };

const PAGE_CLAIMS = 500;
const PAGE_EVENTS = 100;
/** Each is told with both of its claims. */
const PAGE_CONFLICTS = 100;
const PHASES = ['entries', 'claims', 'slots', 'conflicts'] as const;
type Phase = (typeof PHASES)[number];
/** A place like any other. */
export const BEGINNING: string = PHASES[0];

/** Rejects with StoreUnavailable; the last place is good for another try. Throws RangeError for a place that is none. */
export async function* reconcile(
  parts: ReconciliationParts,
  { asOf, from }: { asOf: number; from: string | null },
): AsyncGenerator<Step> {
  const begin = from === null ? { phase: PHASES[0], after: null } : placeOf(from);
  const attempts = new Attempts(await parts.store.boots.known());
  // Always from the first block on: the claims are compared with them, and they are few.
  for await (const step of entrySteps(parts, asOf, attempts)) if (begin.phase === 'entries') yield step;
  for (const phase of PHASES.slice(Math.max(1, PHASES.indexOf(begin.phase)))) {
    const after = phase === begin.phase ? begin.after : null;
    yield { place: textOf(phase, after), checked: 0, mismatches: [] };
    if (phase === 'claims') yield* claimSteps(parts, { asOf, after }, attempts);
    if (phase === 'slots') yield* slotSteps(parts, { asOf, after });
    if (phase === 'conflicts') yield* conflictSteps(parts, after);
  }
}

/** Each entry of the journal has its claim. */
async function* entrySteps(parts: ReconciliationParts, asOf: number, attempts: Attempts): AsyncGenerator<Step> {
  for await (const bytes of parts.blocks?.() ?? []) {
    const block = readBlock(bytes, 0);
    if (typeof block === 'string') throw new Error(`the journal gave a block with ${block}`);
    const entries = [...claimsOf(block)];
    attempts.addBlock(block, entries);
    for (let i = 0; i < entries.length; i += PAGE_CLAIMS) {
      const page = entries.slice(i, i + PAGE_CLAIMS).filter(({ record }) => record.grantedAt <= asOf);
      yield { place: textOf('entries', null), checked: page.length, mismatches: await withoutClaim(parts, page) };
      await parts.rest();
    }
  }
}

async function withoutClaim({ store }: ReconciliationParts, page: readonly BlockClaim[]): Promise<Mismatch[]> {
  const stored = await store.claims.byKey(page.map(({ record }) => record.claimKey));
  const missing = page.filter(({ record }, i) => stored[i]?.attempt !== record.attempt);
  const mismatches = missing.map(({ record }) => mismatchOf('entryWithoutClaim', record));
  return withoutArchived(store.events, mismatches);
}

/**
 * The claims of an archived period may be gone, and those of one that is being archived are going, in no order. Its mark was
 * there before the first of them went, so a mismatch that was found is judged by what the event is now.
 */
async function withoutArchived(events: Store['events'], mismatches: readonly Mismatch[]): Promise<Mismatch[]> {
  const eventKeys = [...new Set(mismatches.map(({ eventKey }) => eventKey))];
  const found = eventKeys.length === 0 ? [] : await events.get(eventKeys);
  const byKey = new Map(eventKeys.map((eventKey, i) => [eventKey, found[i] ?? null]));
  return mismatches.filter(({ eventKey, period }) => {
    const event = byKey.get(eventKey) ?? null;
    return event === null || !isArchivedPeriod(event, period);
  });
}

async function* claimSteps(
  { store, rest }: ReconciliationParts,
  { asOf, after }: { asOf: number; after: string | null },
  attempts: Attempts,
): AsyncGenerator<Step> {
  for (let behind = after; ; ) {
    const { claims, faults, next } = await store.survey.claims({ limit: PAGE_CLAIMS, after: behind });
    const ofRows = faults.map(({ kind, claimKey }) => mismatchOf(kind, { claimKey }));
    const ofClaims = claims.filter(({ grantedAt }) => grantedAt <= asOf).flatMap((claim) => own(attempts, claim));
    if (next === null)
      return yield { place: textOf('slots', null), checked: claims.length, mismatches: [...ofRows, ...ofClaims] };
    yield { place: textOf('claims', next), checked: claims.length, mismatches: [...ofRows, ...ofClaims] };
    behind = next;
    await rest();
  }
}

function own(attempts: Attempts, claim: SurveyedClaim): Mismatch[] {
  const fault = attempts.faultOf(claim);
  return fault === null ? [] : [mismatchOf(fault, claim)];
}

async function* slotSteps(
  parts: ReconciliationParts,
  { asOf, after }: { asOf: number; after: string | null },
): AsyncGenerator<Step> {
  let before = after;
  for (let behind = after; ; ) {
    const page = { limit: PAGE_EVENTS, ...(behind === null ? {} : { after: behind }) };
    const events: EventRecord[] = await parts.store.events.list(page);
    for (const { eventKey, stock } of events) {
      behind = eventKey;
      if (stock === null) continue;
      yield* slotsOf(parts, { eventKey, asOf, place: textOf('slots', before) });
      before = eventKey;
    }
    if (events.length < PAGE_EVENTS) return;
  }
}

/** `place` is before this event: who comes back with it reads the event anew. */
async function* slotsOf(
  { store, rest }: ReconciliationParts,
  { eventKey, asOf, place }: { eventKey: string; asOf: number; place: string },
): AsyncGenerator<Step> {
  const reading = slotMismatches(store, { eventKey, asOf });
  for (;;) {
    const { done, value } = await reading.next();
    if (done) return yield* pieces(place, await withoutArchived(store.events, value));
    yield { place, checked: value, mismatches: [] };
    await rest();
  }
}

/** An event that has nothing right has as many mismatches as slots. */
function* pieces(place: string, mismatches: readonly Mismatch[]): Generator<Step> {
  for (let i = 0; i < mismatches.length; i += PAGE_CLAIMS) {
    yield { place, checked: 0, mismatches: mismatches.slice(i, i + PAGE_CLAIMS) };
  }
}

async function* conflictSteps({ store }: ReconciliationParts, after: string | null): AsyncGenerator<Step> {
  let behind: string | null = after;
  do {
    const page: Awaited<ReturnType<Store['survey']['conflicts']>> = await store.survey.conflicts({
      limit: PAGE_CONFLICTS,
      after: behind,
    });
    const mismatches = page.conflicts.map(({ journaled, stored }) => ({
      ...mismatchOf('conflict', journaled),
      ...{ journaled, stored },
    }));
    behind = page.next;
    yield { place: textOf('conflicts', behind), checked: 0, mismatches };
  } while (behind !== null);
}

type Placed = Partial<Pick<ClaimRecord, 'eventKey' | 'period'>> & { claimKey: string };

function mismatchOf(kind: string, { claimKey, ...known }: Placed): Mismatch {
  const { eventKey = '', period = '' } = known.eventKey === undefined ? (claimPartsOf(claimKey) ?? {}) : known;
  return { kind, eventKey, period, slot: null, claimKey };
}

function textOf(phase: Phase, after: string | null): string {
  return after === null ? phase : `${phase}:${after}`;
}

/** Whether `reconcile` can go on from there. */
export function isPlace(text: string): boolean {
  return phaseOf(text) !== undefined;
}

function phaseOf(text: string): Phase | undefined {
  return PHASES.find((phase) => text === phase || text.startsWith(`${phase}:`));
}

function placeOf(text: string): { phase: Phase; after: string | null } {
  const phase = phaseOf(text);
  if (phase === undefined) throw new RangeError('not a place of a comparison');
  return { phase, after: text === phase ? null : text.slice(phase.length + 1) };
}
