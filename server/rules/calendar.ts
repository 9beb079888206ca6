/**
 * Calendar periods in an IANA time zone, by instants: a period is [reset, next reset), where a reset is the first
 * instant at which the local clock shows the reset hour or later on the local date that opens the period. Days of 23
 * and 25 hours, skipped hours and repeated hours follow from that one sentence; nothing divides by 86,400.
 */
import type { Period } from '../../protocol/event.ts';

/** A slice of an event. Instants are milliseconds since 1970 UTC; `startsAt` inclusive, `endsAt` exclusive. */
export type Span = { id: string; startsAt: number; endsAt: number };

/** Days since 1970-01-01: a date without a zone. */
type Day = number;

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;
const THURSDAY = 3;

const ALWAYS: Span = { id: '-', startsAt: Number.NEGATIVE_INFINITY, endsAt: Number.POSITIVE_INFINITY };

export type CalendarRule = { period: Period; timeZone: string; resetHour: number };

/** The period of `rule` that holds the instant `at`. */
export function spanAt(rule: CalendarRule, at: number): Span {
  if (rule.period === 'once') return ALWAYS;
  const [first, next, id] = bounds(rule.period, dayAt(rule, at));
  return { id, startsAt: resetOf(rule, first), endsAt: resetOf(rule, next) };
}

/** The period of this id; null for an id that `rule` gives to none. */
export function spanOf(rule: CalendarRule, id: string): Span | null {
  if (rule.period === 'once') return id === ALWAYS.id ? ALWAYS : null;
  const day = dayIn(id);
  if (day === null) return null;
  const [first, next, found] = bounds(rule.period, day);
  return found === id ? { id, startsAt: resetOf(rule, first), endsAt: resetOf(rule, next) } : null;
}

/** A day of the period that an id names, of whatever kind it is. */
function dayIn(id: string): Day | null {
  const [, year, week] = /^(\d{4})W(\d{2})$/.exec(id) ?? [];
  // The fourth of January lies in the first week.
  if (week !== undefined) return dayOf(Number(year), 1, 4) + (Number(week) - 1) * 7;
  const [, ofYear, month, date = '1'] = /^(\d{4})(\d{2})(\d{2})?$/.exec(id) ?? [];
  return month === undefined ? null : dayOf(Number(ofYear), Number(month), Number(date));
}

/** The reset-to-reset day that holds `at`; its local date may differ from the wall date before the reset hour. */
function dayAt(rule: CalendarRule, at: number): Day {
  const day = Math.floor((at + offsetAt(rule.timeZone, at)) / DAY_MS);
  if (at < resetOf(rule, day)) return day - 1;
  return at >= resetOf(rule, day + 1) ? day + 1 : day;
}

function bounds(period: Exclude<Period, 'once'>, day: Day): [first: Day, next: Day, id: string] {
  const { year, month, date } = dateOf(day);
  if (period === 'daily') return [day, day + 1, `${year}${two(month)}${two(date)}`];
  if (period === 'monthly') return [dayOf(year, month, 1), dayOf(year, month + 1, 1), `${year}${two(month)}`];
  const monday = day - weekdayOf(day);
  // ISO 8601: a week belongs to the year that holds its Thursday.
  const thursday = monday + THURSDAY;
  const weekYear = dateOf(thursday).year;
  const week = Math.floor((thursday - dayOf(weekYear, 1, 1)) / 7) + 1;
  return [monday, monday + 7, `${weekYear}W${two(week)}`];
}

/**
 * The first instant at which the local clock shows `resetHour` of `day` or later. Zone rules change at most once within
 * the two days around it, so the offsets before and after are all there is to try.
 */
function resetOf({ timeZone, resetHour }: CalendarRule, day: Day): number {
  const local = day * DAY_MS + resetHour * HOUR_MS;
  const before = offsetAt(timeZone, local - DAY_MS);
  const after = offsetAt(timeZone, local + DAY_MS);
  const byBefore = local - before;
  if (before === after || offsetAt(timeZone, byBefore) === before) return byBefore;
  const byAfter = local - after;
  if (offsetAt(timeZone, byAfter) === after) return byAfter;
  return changeBetween(timeZone, byAfter, byBefore);
}

/** The instant between the two at which the zone's offset changes: the end of a skipped hour. */
function changeBetween(timeZone: string, low: number, high: number): number {
  const before = offsetAt(timeZone, low);
  let [still, changed] = [low, high];
  while (changed - still > 1) {
    const middle = Math.floor((still + changed) / 2);
    if (offsetAt(timeZone, middle) === before) still = middle;
    else changed = middle;
  }
  return changed;
}

const formats = new Map<string, Intl.DateTimeFormat>();

function formatOf(timeZone: string): Intl.DateTimeFormat {
  let format = formats.get(timeZone);
  if (format === undefined) {
    format = new Intl.DateTimeFormat('en-US', {
      timeZone,
      calendar: 'gregory',
      numberingSystem: 'latn',
      hourCycle: 'h23',
      era: 'short',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    });
    formats.set(timeZone, format);
  }
  return format;
}

/** What the local clock shows at an instant: the date as days since 1970-01-01, and minutes since midnight. */
export function localAt(timeZone: string, at: number): { day: number; minute: number } {
  const local = at + offsetAt(timeZone, at);
  const day = Math.floor(local / DAY_MS);
  return { day, minute: Math.floor((local - day * DAY_MS) / MINUTE_MS) };
}

/** How far the local clock is ahead of UTC at an instant, in milliseconds. */
function offsetAt(timeZone: string, at: number): number {
  const whole = Math.floor(at / 1000) * 1000;
  const parts: Record<string, number> = {};
  for (const { type, value } of formatOf(timeZone).formatToParts(whole)) parts[type] = Number(value);
  const { year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0 } = parts;
  return Date.UTC(year, month - 1, day, hour, minute, second) - whole;
}

function dayOf(year: number, month: number, date: number): Day {
  return Date.UTC(year, month - 1, date) / DAY_MS;
}

function dateOf(day: Day): { year: number; month: number; date: number } {
  const utc = new Date(day * DAY_MS);
  return { year: utc.getUTCFullYear(), month: utc.getUTCMonth() + 1, date: utc.getUTCDate() };
}

/** Monday is 0; 1970-01-01 was a Thursday. */
function weekdayOf(day: Day): number {
  return (((day + THURSDAY) % 7) + 7) % 7;
}

function two(value: number): string {
  return value < 10 ? `0${value}` : String(value);
}
