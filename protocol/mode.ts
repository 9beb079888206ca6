/**
 * How an event commits, and by which local hours it changes between the two ways. In `direct` each claim is written as
 * such; in `journal` what was decided together becomes one block, and claims follow.
 */
import { choice, list, pattern, record, recordAtLeast, refine, type Shape } from './shape.ts';

export const MODES = ['direct', 'journal'] as const;
export type Mode = (typeof MODES)[number];
/** From `from`, inclusive, to `to`, exclusive, by the clock of the event's zone; across midnight when `to` is earlier. */
export type ModeEntry = { from: string; to: string; mode: Mode };

export const MINUTES_OF_DAY = 24 * 60;
export const MODE_ENTRIES_MAX = 24;

const clockTime = pattern('HH:MM, 00:00…23:59', 5, /^([01]\d|2[0-3]):[0-5]\d$/);
const entryFields = { from: clockTime, to: clockTime, mode: choice(...MODES) };

export const modeShape: Shape<Mode> = choice(...MODES);
export const modeScheduleShape: Shape<ModeEntry[]> = refine(
  list(
    refine(record(entryFields), 'from before to, or across midnight', ({ from, to }) => from !== to),
    { lengthMax: MODE_ENTRIES_MAX },
  ),
  'entries that do not overlap',
  isWithoutOverlap,
);
/** As a server sends it. */
export const modeScheduleViewShape: Shape<ModeEntry[]> = list(recordAtLeast(entryFields), {
  lengthMax: MODE_ENTRIES_MAX,
});

/** Minutes since midnight of a time that has the shape. */
export function minuteOf(clock: string): number {
  return Number(clock.slice(0, 2)) * 60 + Number(clock.slice(3));
}

function isWithoutOverlap(entries: readonly ModeEntry[]): boolean {
  const spans = entries.flatMap(({ from, to }): [number, number][] => {
    const [start, end] = [minuteOf(from), minuteOf(to)];
    if (start < end) return [[start, end]];
    const evening: [number, number] = [start, MINUTES_OF_DAY];
    return end === 0 ? [evening] : [evening, [0, end]];
  });
  spans.sort(([a], [b]) => a - b);
  return spans.every(([start], i) => i === 0 || start >= (spans[i - 1]?.[1] ?? 0));
}
