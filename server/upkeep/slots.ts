/**
 * The slots of one event: every one has one claim, and slot n is only ever given after n − 1. What is granted while they
 * are read may be missed, so a gap counts where a second reading finds it as well.
 */
import type { Mismatch } from '../../protocol/upkeep.ts';
import type { Store } from '../store/store.ts';
import type { SurveyedSlot } from '../store/survey.ts';
import { NumberSet } from './number-set.ts';

const PAGE_CLAIMS = 500;

type Source = Pick<Store, 'survey' | 'claims'>;
/** Of one period: all slots that were seen, and those granted by `asOf`. */
type Taken = { all: NumberSet; due: NumberSet };
type Taking = { periods: Map<string, Taken>; twice: SlotOf[] };

/** Yields how many claims it has gone through since the last time. */
export async function* slotMismatches(
  source: Source,
  of: { eventKey: string; asOf: number },
): AsyncGenerator<number, Mismatch[]> {
  const { eventKey } = of;
  const first = yield* readSlots(source, of);
  const twice = first.twice.map((slot) => mismatchOf(eventKey, 'slotTwice', slot));
  const gaps = gapsOf(first.periods);
  if (gaps.size === 0) return twice;
  const second = gapsOf((yield* readSlots(source, of)).periods);
  const both = [...gaps].filter(([place]) => second.has(place)).map(([, gap]) => gap);
  return [...twice, ...both.map((gap) => mismatchOf(eventKey, 'slotGap', gap))];
}

async function* readSlots(
  { survey, claims }: Source,
  { eventKey, asOf }: { eventKey: string; asOf: number },
): AsyncGenerator<number, Taking> {
  const taking: Taking = { periods: new Map(), twice: [] };
  let after: string | null = null;
  do {
    const page: Awaited<ReturnType<Source['survey']['slots']>> = await survey.slots(eventKey, {
      limit: PAGE_CLAIMS,
      after,
    });
    for (const claim of page.slots) take(taking, claim, claim.grantedAt <= asOf);
    yield page.slots.length;
    after = page.next;
  } while (after !== null);
  await noteHighest(claims, eventKey, taking.periods);
  return taking;
}

function take({ periods, twice }: Taking, { period, slot }: SurveyedSlot, isDue: boolean): void {
  const taken = periods.get(period) ?? { all: new NumberSet(), due: new NumberSet() };
  periods.set(period, taken);
  if (!taken.all.add(slot) && isDue) twice.push({ period, slot });
  if (isDue) taken.due.add(slot);
}

type SlotOf = { period: string; slot: number };

/** What the store knows as the highest was granted, whether or not its claim is still there. */
async function noteHighest(claims: Store['claims'], eventKey: string, periods: ReadonlyMap<string, Taken>) {
  for (const [period, { all, due }] of periods) {
    // A store that has lost the index for it cannot say; that is a finding of its own.
    const highest = await claims.highestSlot(eventKey, period).catch(() => 0);
    if (highest > 0 && !all.has(highest)) due.add(highest + 1);
  }
}

/** Slot n without n − 1, by period and n. */
function gapsOf(periods: ReadonlyMap<string, Taken>): Map<string, SlotOf> {
  const gaps = new Map<string, SlotOf>();
  for (const [period, { all, due }] of periods) {
    for (const slot of due) {
      if (slot > 1 && !all.has(slot - 1)) gaps.set(`${period}/${slot}`, { period, slot });
    }
  }
  return gaps;
}

function mismatchOf(eventKey: string, kind: 'slotTwice' | 'slotGap', { period, slot }: SlotOf): Mismatch {
  return { kind, eventKey, period, slot, claimKey: null };
}
