/**
 * Everything that ended by a moment out of the store. First each event with something to archive is marked, and it is waited until
 * that holds everywhere and the journal's claims are in the store: from then on nothing is granted in what is read. Whoever
 * goes through the steps may stop behind any of them; the same again goes on.
 */
import { MAIN_STORE } from '../../protocol/event.ts';
import type { ArchiveItem } from '../../protocol/upkeep.ts';
import { type EventAnswer, isProblem } from '../events/events.ts';
import { isArchivedPeriod, isDue } from '../rules/archived.ts';
import type { Place, Series } from '../store/archive.ts';
import type { ClaimStore, EventRecord, EventStore } from '../store/store.ts';
import { archivePeriod, type PeriodParts, type Step } from './period.ts';
import { ArchiveRefused } from './refused.ts';

export type ArchivingParts = Omit<PeriodParts, 'claims'> & {
  claims: Pick<ClaimStore, 'byKey' | 'usersOf'>;
  /** As they are kept, all of them. */
  list: EventStore['list'];
  events: { archive(eventKey: string, before: number): Promise<EventAnswer>; settled(): Promise<void> };
  /** Resolves when every claim that was decided before the call is in the store. */
  projected: () => Promise<void>;
  /** Told when an event has a mark that it did not have. */
  marked: (before: EventRecord, after: EventRecord) => Promise<void>;
};

const PAGE_EVENTS = 100;
const PAGE_USERS = 1_000;
const DAY_MS = 86_400_000;
/** The longest grace, and what a day may end later than UTC's. Nothing can be claimed in a day before that, by whatever event. */
const DAY_GONE_MS = 34 * DAY_MS;

/** `total` is how many claims there are to archive, once that is known. */
export type Progressed = Step & { total?: number };

/** Rejects as `archivePeriod` does. */
export async function* archive(parts: ArchivingParts, before: number): AsyncGenerator<Progressed> {
  // What only the journal has would not be found.
  await parts.projected();
  const { due, spent } = yield* marks(parts, before);
  if (due.length > 0) {
    await parts.events.settled();
    await parts.projected();
  }
  let total = 0;
  for (const series of due) total += yield* count(parts, series);
  yield { phase: 'count', done: 0, removed: 0, total };
  for (const series of due) yield* archivePeriod(parts, series);
  for (const detail of await parts.archive.retire({ dayMax: dayOf(parts.nowMs() - DAY_GONE_MS), events: spent })) {
    yield { phase: 'remove', done: 0, removed: 0, item: emptied(detail) };
  }
}

/** `spent`: events that have nothing but what is marked, and a collection to themselves. */
type Due = { due: Series[]; spent: Place[] };

async function* marks(parts: ArchivingParts, before: number): AsyncGenerator<Step, Due> {
  const [due, spent]: [Series[], Place[]] = [[], []];
  for await (const event of all(parts.list)) {
    const { eventKey, splitBy = 'none', store = MAIN_STORE } = event;
    const place = { eventKey, splitBy, store };
    const periods = await duePeriods(parts, event, before);
    const marked = periods.length === 0 ? event : await mark(parts, event, before);
    for (const period of periods) if (isArchivedPeriod(marked, period)) due.push({ ...place, period });
    if (splitBy === 'event' && isArchivedPeriod(marked, '-')) spent.push(place);
    yield { phase: 'mark', done: 0, removed: 0 };
  }
  return { due, spent };
}

async function duePeriods(parts: ArchivingParts, event: EventRecord, before: number): Promise<string[]> {
  const { eventKey, splitBy = 'none', store = MAIN_STORE } = event;
  const periods = await parts.archive.periods({ eventKey, splitBy, store });
  return periods.filter((id) => isDue(event, id, { before, now: parts.nowMs() })).sort();
}

async function mark({ events, marked }: ArchivingParts, event: EventRecord, before: number): Promise<EventRecord> {
  const after = await events.archive(event.eventKey, before);
  if (isProblem(after)) throw new ArchiveRefused(`${event.eventKey} could not be marked: ${after.code}`);
  if (after.archivedUntil !== event.archivedUntil) await marked(event, after);
  return after;
}

async function* all(list: EventStore['list']): AsyncGenerator<EventRecord> {
  let after: string | undefined;
  for (;;) {
    const page = await list({ limit: PAGE_EVENTS, ...(after === undefined ? {} : { after }) });
    yield* page;
    if (page.length < PAGE_EVENTS) return;
    after = page.at(-1)?.eventKey;
  }
}

async function* count({ claims }: ArchivingParts, { eventKey, period }: Series): AsyncGenerator<Step, number> {
  let total = 0;
  let after: string | undefined;
  for (;;) {
    const page = { limit: PAGE_USERS, ...(after === undefined ? {} : { after }) };
    const userIds = await claims.usersOf(eventKey, period, page);
    total += userIds.length;
    if (userIds.length < PAGE_USERS) return total;
    after = userIds.at(-1);
    yield { phase: 'count', done: 0, removed: 0 };
  }
}

function emptied(detail: string): ArchiveItem {
  return { kind: 'emptied', eventKey: '', period: '', claims: 0, file: null, sha256: null, detail };
}

/** In UTC, as `yyyymmdd`. */
function dayOf(time: number): string {
  return new Date(time).toISOString().slice(0, 10).replaceAll('-', '');
}
