/**
 * Outcomes into the result of CLAIM_BATCH, the layout of `batch.ts`. Invariant: the reply never exceeds a frame and what
 * it says is complete. Where there is no room for an outcome its entry is OUTCOME_UNKNOWN, and whoever asks again for
 * what is still open gets it in the next reply. Grants have the first claim on the room, duplicates the last: they are
 * the only ones of any length, and 10,000 of them fit with request ids of some 90 characters.
 */
import { ENTRY_BYTES, FLAG, type Settled, type SettledClaim } from './batch.ts';
import { BatchTables, NO_ROOM } from './batch-tables.ts';
import { DELIVERY_STATES, encodeRewards, type Reward, wideOrNull } from './claim.ts';
import { type Value, wide } from './codec.ts';
import { ERRORS } from './errors.ts';
import { PREFIX_BYTES } from './frame.ts';
import { LIMITS } from './limits.ts';
import { encodeProblem, type Problem } from './reply.ts';

const NO_ROOM_PROBLEM: Problem = { code: 'OUTCOME_UNKNOWN', detail: 'no room in the reply: ask again for this claim' };
/** Prefix, code, detail, the heads of arrays and bytes at their longest, and the problem of those without room. */
const FIXED_BYTES = PREFIX_BYTES + 128;
const FIXED_VALUES = 16;

/** `outcomes` of a batch in order, at most `LIMITS.batchClaimsMax`; `frameBytesMax` is what the whole reply may have. */
export function encodeBatch(outcomes: readonly Settled[], frameBytesMax: number = LIMITS.frameBytesMax): Value[] {
  const tables = new BatchTables({
    bytesLeft: frameBytesMax - FIXED_BYTES - outcomes.length * ENTRY_BYTES.problem,
    valuesLeft: LIMITS.bodyValuesMax - FIXED_VALUES,
  });
  const places = new Int32Array(outcomes.length);
  let packedBytes = 0;
  for (const isTurnOf of [isGrant, isProblem, isDuplicate]) {
    for (const [i, outcome] of outcomes.entries()) {
      if (!isTurnOf(outcome)) continue;
      const entryBytes = entryBytesOf(outcome);
      const place = 'claim' in outcome ? tables.placeOfClaim(outcome, entryBytes) : tables.placeOfProblem(outcome);
      packedBytes += place === NO_ROOM ? ENTRY_BYTES.problem : entryBytes;
      places[i] = place;
    }
  }
  const packed = pack(outcomes, { places, packedBytes, noRoomAt: tables.problems.length });
  const problems = places.includes(NO_ROOM) ? [...tables.problems, encodeProblem(NO_ROOM_PROBLEM)] : tables.problems;
  return [tables.series, problems, packed];
}

function isGrant({ code }: Settled): boolean {
  return code === 'GRANTED' || code === 'REPLAYED';
}
function isDuplicate({ code }: Settled): boolean {
  return code === 'ALREADY_CLAIMED';
}
function isProblem(outcome: Settled): boolean {
  return !('claim' in outcome);
}

function entryBytesOf(outcome: Settled): number {
  if (!('claim' in outcome)) return ENTRY_BYTES.problem;
  const { claim } = outcome;
  let count = ENTRY_BYTES.claim as number;
  if (claim.slot !== null) count += ENTRY_BYTES.slot;
  if (isDelivered(outcome)) count += ENTRY_BYTES.delivery;
  return isDuplicate(outcome) ? count + 1 + claim.requestId.length : count;
}

function isDelivered({ claim: { delivery } }: SettledClaim): boolean {
  return delivery.state !== 'PENDING' || delivery.attempts > 0;
}

type Plan = { places: Int32Array; packedBytes: number; noRoomAt: number };

function pack(outcomes: readonly Settled[], { places, packedBytes, noRoomAt }: Plan): Uint8Array {
  const packed = new Uint8Array(packedBytes);
  const view = new DataView(packed.buffer);
  let at = 0;
  for (const [i, outcome] of outcomes.entries()) {
    const place = places[i] as number;
    if (place !== NO_ROOM && 'claim' in outcome) {
      at = writeClaim(view, at, place, outcome);
    } else {
      view.setUint16(at + 1, place === NO_ROOM ? noRoomAt : place);
      at += ENTRY_BYTES.problem;
    }
  }
  return packed;
}

/** Returns where the entry ends. */
function writeClaim(view: DataView, start: number, series: number, outcome: SettledClaim): number {
  const { slot, grantedAt, delivery, requestId } = outcome.claim;
  const flags = (slot === null ? 0 : FLAG.slot) | (isDelivered(outcome) ? FLAG.delivery : 0);
  view.setUint8(start, ERRORS[outcome.code].code);
  view.setUint16(start + 1, series);
  writeTime(view, start + 3, grantedAt);
  view.setUint8(start + 9, flags);
  let at = start + ENTRY_BYTES.claim;
  if (slot !== null) {
    view.setUint32(at, slot);
    at += ENTRY_BYTES.slot;
  }
  if ((flags & FLAG.delivery) !== 0) {
    view.setUint8(at, DELIVERY_STATES.indexOf(delivery.state));
    view.setUint32(at + 1, delivery.attempts);
    writeTime(view, at + 5, delivery.fulfilledAt ?? 0);
    at += ENTRY_BYTES.delivery;
  }
  if (!isDuplicate(outcome)) return at;
  view.setUint8(at, requestId.length);
  for (let i = 0; i < requestId.length; i++) view.setUint8(at + 1 + i, requestId.charCodeAt(i));
  return at + 1 + requestId.length;
}

function writeTime(view: DataView, at: number, timeMs: number): void {
  view.setUint16(at, Math.floor(timeMs / 0x1_0000_0000));
  view.setUint32(at + 2, timeMs % 0x1_0000_0000);
}

/** By place: what a grant says beside its series. Slot 0 is none. */
export type Grants = { grantedAt: Float64Array; slots: Uint32Array; series: Uint16Array };
export type GrantSeries = { period: string; configVersion: number; rewards: Reward[]; nextClaimAt: number | null };

/**
 * The same for a batch of which every claim is granted and none delivered yet. Such entries are short: with any rewards
 * that an event may have they fit.
 */
export function encodeGrants(series: readonly GrantSeries[], { grantedAt, slots, series: places }: Grants): Value[] {
  const withSlot = slots.reduce((count, slot) => (slot === 0 ? count : count + 1), 0);
  const packed = new Uint8Array(slots.length * ENTRY_BYTES.claim + withSlot * ENTRY_BYTES.slot);
  const view = new DataView(packed.buffer);
  let at = 0;
  for (let i = 0; i < slots.length; i++) {
    const slot = slots[i] as number;
    view.setUint8(at, ERRORS.GRANTED.code);
    view.setUint16(at + 1, places[i] as number);
    writeTime(view, at + 3, grantedAt[i] as number);
    view.setUint8(at + 9, slot === 0 ? 0 : FLAG.slot);
    at += ENTRY_BYTES.claim;
    if (slot === 0) continue;
    view.setUint32(at, slot);
    at += ENTRY_BYTES.slot;
  }
  const table = series.map(({ period, configVersion, rewards, nextClaimAt }): Value[] => [
    period,
    wide(configVersion),
    encodeRewards(rewards),
    wideOrNull(nextClaimAt),
  ]);
  return [table, [], packed];
}
