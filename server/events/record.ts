/** Events as operators write them into events as they are kept, and back. Pure. */
import { type EventInput, type EventPatch, type EventView, MAIN_STORE } from '../../protocol/event.ts';
import type { Mode } from '../../protocol/mode.ts';
import type { Fault } from '../../protocol/shape.ts';
import type { EventRecord } from '../store/store.ts';

type Written = { event: EventRecord; faults: Fault[] };

/** A new event with its defaults. */
export function recordOf({ eventKey, ...fields }: EventInput, now: number, modeDefault: Mode): Written {
  const blank: EventRecord = {
    eventKey,
    title: eventKey,
    startsAt: now,
    endsAt: null,
    timeZone: 'UTC',
    resetHour: 0,
    period: 'once',
    rewards: [],
    stock: null,
    eligibility: { kind: 'everyone' },
    graceMs: 0,
    mode: modeDefault,
    splitBy: 'none',
    store: MAIN_STORE,
    state: 'LIVE',
    configVersion: 1,
    revision: 1,
    heldUntil: null,
  };
  return merge(blank, fields);
}

/** The next version of an event. A schedule that is written asks for nothing but itself, whatever was set by hand before. */
export function patched(event: EventRecord, patch: EventPatch): Written {
  const next = merge({ ...event, configVersion: event.configVersion + 1 }, patch);
  if (patch.mode !== undefined && patch.mode !== event.mode) next.faults.push(MODE_FAULT);
  const { modeByHand, ...rest } = next.event;
  if (patch.modeSchedule === undefined || modeByHand === undefined) return next;
  const isEmptied = patch.modeSchedule.length === 0;
  return { ...next, event: isEmptied ? rest : { ...rest, modeByHand: { ...modeByHand, during: null } } };
}

/** Its own op makes sure that nothing of the old mode is on its way. */
const MODE_FAULT: Fault = { field: 'mode', rule: 'the mode it has; POST /v1/events/:key/mode changes it' };

function merge(event: EventRecord, { startsAt, endsAt, ...fields }: EventPatch): Written {
  // A field that is present but undefined would otherwise erase what is there.
  const given = Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
  const merged: EventRecord = { ...event, ...given };
  if (startsAt !== undefined) merged.startsAt = Date.parse(startsAt);
  if (endsAt !== undefined) merged.endsAt = endsAt === null ? null : Date.parse(endsAt);
  const isBackwards = merged.endsAt !== null && merged.endsAt <= merged.startsAt;
  const isCutAcross = merged.splitBy === 'day' && merged.period !== 'daily';
  return {
    event: merged,
    faults: [
      ...(isBackwards ? [{ field: 'endsAt', rule: 'later than startsAt' }] : []),
      ...(isCutAcross ? [{ field: 'splitBy', rule: 'day only with the period daily' }] : []),
    ],
  };
}

/** The fields of a patch that never change. Looks at values only to see whether they are the ones in force. */
export function lastingFieldsIn(patch: Record<string, unknown>, event: EventRecord): string[] {
  return Object.hasOwn(patch, 'store') && patch.store !== (event.store ?? MAIN_STORE) ? ['store'] : [];
}

/**
 * The fields of a patch that cannot change once the event has a claim, because claim keys and slots were cut by them.
 * Looks at values only to see whether they are the ones in force.
 */
export function fixedFieldsIn(patch: Record<string, unknown>, event: EventRecord): string[] {
  const names: string[] = (['period', 'timeZone', 'resetHour'] as const).filter(
    (name) => Object.hasOwn(patch, name) && patch[name] !== event[name],
  );
  if (Object.hasOwn(patch, 'splitBy') && patch.splitBy !== (event.splitBy ?? 'none')) names.push('splitBy');
  if (Object.hasOwn(patch, 'stock') && (patch.stock === null) !== (event.stock === null)) names.push('stock');
  return names;
}

/** `nextClaimAt` is given for users only. */
export function viewOfEvent(event: EventRecord, serverTime: number, nextClaimAt?: number | null): EventView {
  const { revision: _revision, heldUntil: _heldUntil, modeNext: _next, modeByHand: _byHand, ...rest } = event;
  const { modeRevision: _modeRevision, archivedUntil: _archivedUntil, ...shown } = rest;
  const view: EventView = {
    ...shown,
    modeSchedule: (event.modeSchedule ?? []).map((entry) => ({ ...entry })),
    splitBy: event.splitBy ?? 'none',
    store: event.store ?? MAIN_STORE,
    startsAt: iso(event.startsAt),
    endsAt: event.endsAt === null ? null : iso(event.endsAt),
    serverTime: iso(serverTime),
  };
  if (nextClaimAt !== undefined) view.nextClaimAt = nextClaimAt === null ? null : iso(nextClaimAt);
  return view;
}

/** What an operator wrote, without what the reading adds. */
export function auditedEvent(event: EventRecord): object {
  const { serverTime: _serverTime, ...written } = viewOfEvent(event, 0);
  return written;
}

function iso(time: number): string {
  return new Date(time).toISOString();
}
