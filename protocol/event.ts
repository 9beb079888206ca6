/**
 * An event as operators write and read it: one shape for HTTP JSON and for maps on the wire, so that the edge passes it
 * through and the server checks the same rules again. Times are ISO 8601 in UTC.
 */
import type { Reward } from './claim.ts';
import { eventKeyShape } from './key.ts';
import { LIMITS } from './limits.ts';
import { type Mode, type ModeEntry, modeScheduleShape, modeScheduleViewShape, modeShape } from './mode.ts';
import {
  choice,
  integer,
  list,
  nullable,
  pattern,
  record,
  recordAtLeast,
  refine,
  type Shape,
  type TypeOf,
  text,
} from './shape.ts';

export const PERIODS = ['once', 'daily', 'weekly', 'monthly'] as const;
export const EVENT_STATES = ['DRAFT', 'LIVE', 'PAUSED', 'ENDED'] as const;
export type Period = (typeof PERIODS)[number];
export type EventState = (typeof EVENT_STATES)[number];
/** How an event's claims are kept apart from others: not at all, by themselves, or each day by itself. */
export const SPLITS = ['none', 'event', 'day'] as const;
export type SplitBy = (typeof SPLITS)[number];
/** The store that is always there: it holds everything but the claims of events of other stores. */
export const MAIN_STORE = 'main';
export type { Mode, ModeEntry };

const ISO_UTC = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,3})?)?Z$/;

/** A calendar date that `Date` would roll over (30 February) is refused. */
function isUtcTime(value: string): boolean {
  if (!ISO_UTC.test(value)) return false;
  const time = Date.parse(value);
  return !Number.isNaN(time) && new Date(time).toISOString().startsWith(value.slice(0, 10));
}

function isTimeZone(value: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: value });
    // Offsets such as +09:00 are taken by newer runtimes; they have no name and no history.
    return /^[A-Za-z]/.test(value);
  } catch {
    return false;
  }
}

export const utcTime = refine(text({ lengthMax: 24 }), 'time like 2026-11-22T05:00:00.000Z', isUtcTime);

const rewardFields = {
  kind: text({ lengthMin: 1, lengthMax: 64 }),
  id: text({ lengthMin: 1, lengthMax: 128 }),
  amount: integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
};
export const rewardShape: Shape<Reward> = record(rewardFields);
const eligibilityFields = { kind: choice('everyone', 'listed') };

/** Fields that an operator may write. All but `eventKey` have defaults; `eventKey` never changes. */
const fields = {
  title: text({ lengthMin: 1, lengthMax: 200 }),
  startsAt: utcTime,
  endsAt: nullable(utcTime),
  timeZone: refine(text({ lengthMin: 1, lengthMax: 64 }), 'IANA time zone', isTimeZone),
  resetHour: integer({ min: 0, max: 23 }),
  period: choice(...PERIODS),
  rewards: list(rewardShape, { lengthMax: LIMITS.rewardsMax }),
  stock: nullable(integer({ min: 0, max: 1_000_000_000 })),
  eligibility: record(eligibilityFields),
  graceMs: integer({ min: 0, max: 30 * 86_400_000 }),
  state: choice(...EVENT_STATES),
  /** A patch may only repeat it: EVENT_MODE changes it. */
  mode: modeShape,
  modeSchedule: modeScheduleShape,
  splitBy: choice(...SPLITS),
  store: pattern('1…64 characters of A-Z a-z 0-9 _ -', 64, /^[A-Za-z0-9_-]+$/),
} satisfies Record<string, Shape<unknown>>;

export const eventInputShape = record({ eventKey: eventKeyShape }, fields);
export const eventPatchShape = record({}, fields);
export type EventInput = TypeOf<typeof eventInputShape>;
export type EventPatch = TypeOf<typeof eventPatchShape>;

export type EventView = {
  eventKey: string;
  title: string;
  startsAt: string;
  endsAt: string | null;
  timeZone: string;
  resetHour: number;
  period: Period;
  rewards: Reward[];
  stock: number | null;
  eligibility: { kind: 'everyone' | 'listed' };
  graceMs: number;
  mode: Mode;
  modeSchedule: ModeEntry[];
  splitBy: SplitBy;
  store: string;
  state: EventState;
  configVersion: number;
  serverTime: string;
  /** For a user: when they can claim next, null when never. Absent for services. */
  nextClaimAt?: string | null;
};

/** An event as a server sends it. The zone's name is not judged: a server may know a newer zone than its client. */
export const eventViewShape: Shape<EventView> = recordAtLeast(
  {
    ...fields,
    eventKey: eventKeyShape,
    timeZone: text({ lengthMin: 1, lengthMax: 64 }),
    rewards: list(recordAtLeast(rewardFields), { lengthMax: LIMITS.rewardsMax }),
    eligibility: recordAtLeast(eligibilityFields),
    modeSchedule: modeScheduleViewShape,
    configVersion: integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
    serverTime: utcTime,
  },
  { nextClaimAt: nullable(utcTime) },
);
