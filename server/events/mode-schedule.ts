/**
 * Which mode an event's schedule asks for at an instant. Pure. The local clock of the event's zone decides and nothing
 * else: an hour that a clock change skips is not there, one that it repeats counts both times.
 *
 * Outside all entries an event has the mode it was created with or that was last set by hand. One that is set by hand
 * where the schedule says otherwise holds until the schedule next begins or ends an entry, so that whoever must act now
 * is not overruled a second later.
 */
import { type Mode, type ModeEntry, minuteOf } from '../../protocol/mode.ts';
import { localAt } from '../rules/calendar.ts';
import type { EventRecord } from '../store/store.ts';

const DAY_MS = 86_400_000;

/** A stretch of local time, an entry or what lies between two: `id` is the local time at which it begins. */
export type Segment = { id: string; mode: Mode | null };

/** The mode of the entry that holds the instant `now`, milliseconds since 1970 UTC; null outside all of them. */
export function scheduledMode(schedule: readonly ModeEntry[], timeZone: string, now: number): Mode | null {
  return segmentAt(schedule, timeZone, now)?.mode ?? null;
}

/** Null for a schedule without entries. */
export function segmentAt(schedule: readonly ModeEntry[], timeZone: string, now: number): Segment | null {
  if (schedule.length === 0) return null;
  const { day, minute } = localAt(timeZone, now);
  const entry = schedule.find((candidate) => holds(candidate, minute));
  const start = entry?.from ?? latest(schedule, minute);
  const startDay = minuteOf(start) <= minute ? day : day - 1;
  return { id: `${new Date(startDay * DAY_MS).toISOString().slice(0, 10)} ${start}`, mode: entry?.mode ?? null };
}

/** The mode an event should have now. Without a schedule that is the one it has. */
export function wantedMode(event: EventRecord, now: number): Mode {
  const segment = segmentAt(event.modeSchedule ?? [], event.timeZone, now);
  if (segment === null) return event.mode;
  const byHand = byHandOf(event);
  return byHand.during === segment.id ? byHand.mode : (segment.mode ?? byHand.mode);
}

export function byHandOf(event: EventRecord): { mode: Mode; during: string | null } {
  return event.modeByHand ?? { mode: event.mode, during: null };
}

/** What is remembered of a mode that is set by hand at `now`. */
export function setByHand(event: EventRecord, mode: Mode, now: number): { mode: Mode; during: string | null } {
  return { mode, during: segmentAt(event.modeSchedule ?? [], event.timeZone, now)?.id ?? null };
}

function holds({ from, to }: ModeEntry, minute: number): boolean {
  const [start, end] = [minuteOf(from), minuteOf(to)];
  return start < end ? minute >= start && minute < end : minute >= start || minute < end;
}

/** When the gap began that holds `minute`: the latest end of an entry before it, perhaps yesterday's. */
function latest(schedule: readonly ModeEntry[], minute: number): string {
  const ends = schedule.map(({ to }) => to).sort();
  return ends.findLast((end) => minuteOf(end) <= minute) ?? ends.at(-1) ?? '00:00';
}
