/**
 * The commands that ask a running server, as functions from a client to what is printed: the body the HTTP interface
 * would give, and the exit code. They read no arguments, print nothing and leave the client open.
 */
import { isDeepStrictEqual } from 'node:util';
import {
  type EventInput,
  type EventPatch,
  type EventView,
  eventInputShape,
  type eventPatchShape,
} from '../protocol/event.ts';
import { LIMITS } from '../protocol/limits.ts';
import type { Mode } from '../protocol/mode.ts';
import type { Problem } from '../protocol/reply.ts';
import { faultsOf, type TypeOf } from '../protocol/shape.ts';
import type { Answer } from './answers.ts';
import type { Client } from './client.ts';
import { type ClaimJson, claimJson, type ProblemJson, problemJson } from './json.ts';

export const EXIT = { done: 0, failed: 1, otherOutcome: 3 } as const;
export type CliAnswer = {
  exitCode: (typeof EXIT)[keyof typeof EXIT];
  body: EventView | EventPageJson | ClaimOutcomeJson | ProblemJson;
};
type EventPageJson = { items: EventView[]; nextCursor: null };
type ClaimOutcomeJson = { outcome: 'GRANTED' | 'REPLAYED'; claim: ClaimJson };

/**
 * Creates the event, or changes the one that exists to what `json` says. Only fields that differ are sent: some are
 * fixed after the first claim and may not even be repeated then. Fields that are absent stay as they are.
 */
export async function eventPut(client: Client, json: unknown): Promise<CliAnswer> {
  const faults = faultsOf(eventInputShape, json);
  if (faults.length > 0) return failed({ code: 'BAD_REQUEST', faults });
  const wanted = json as EventInput;
  const created = await client.events.create(wanted);
  if (created.code !== 'EVENT_EXISTS') return eventBody(created);
  const found = await client.events.get(wanted.eventKey);
  if (found.code !== 'OK') return eventBody(found);
  const { mode, ...patch } = differenceOf(found.event, wanted);
  const { configVersion } = found.event;
  const isPatched = Object.keys(patch).length > 0;
  const changed = isPatched ? await client.events.change(wanted.eventKey, patch, { configVersion }) : found;
  // A mode changes by an act of its own, which takes its time.
  return mode === undefined || changed.code !== 'OK' ? eventBody(changed) : eventMode(client, wanted.eventKey, mode);
}

/** Answered when the mode holds everywhere. */
export async function eventMode(client: Client, eventKey: string, mode: Mode): Promise<CliAnswer> {
  return eventBody(await client.events.setMode(eventKey, mode, { deadlineMs: LIMITS.deadlineMsMax }));
}

/** Every event, all pages of the list in one. */
export async function eventList(client: Client): Promise<CliAnswer> {
  const items: EventView[] = [];
  let cursor: string | null = null;
  do {
    const page: Awaited<ReturnType<Client['events']['list']>> = await client.events.list({ cursor });
    if (page.code !== 'OK') return failed(page);
    items.push(...page.items);
    cursor = page.nextCursor;
  } while (cursor !== null);
  return { exitCode: EXIT.done, body: { items, nextCursor: null } };
}

/** One claim. A refusal is an outcome (exit 3); that no server could be asked is a failure (exit 1). */
export async function claimOnce(
  client: Client,
  { event, user, requestId }: { event: string; user: string; requestId?: string | undefined },
): Promise<CliAnswer> {
  const reply = await client.claim({ eventKey: event, userId: user, requestId });
  if (reply.code === 'GRANTED' || reply.code === 'REPLAYED') {
    return { exitCode: EXIT.done, body: { outcome: reply.code, claim: claimJson(reply.claim) } };
  }
  const exitCode = reply.code === 'SERVER_UNAVAILABLE' ? EXIT.failed : EXIT.otherOutcome;
  return { exitCode, body: problemJson(reply) };
}

function eventBody(answer: Answer<{ event: EventView }>): CliAnswer {
  return answer.code === 'OK' ? { exitCode: EXIT.done, body: answer.event } : failed(answer);
}

function failed(problem: Problem): CliAnswer {
  return { exitCode: EXIT.failed, body: problemJson(problem) };
}

function differenceOf(current: EventView, { eventKey: _, ...wanted }: EventInput): EventPatch {
  const fields = Object.entries(wanted) as [keyof TypeOf<typeof eventPatchShape>, unknown][];
  return Object.fromEntries(fields.filter(([field, value]) => !isSame(field, current[field], value)));
}

/** One instant has several spellings. */
function isSame(field: string, current: unknown, wanted: unknown): boolean {
  const isTime = field === 'startsAt' || field === 'endsAt';
  if (isTime && typeof current === 'string' && typeof wanted === 'string') {
    return Date.parse(current) === Date.parse(wanted);
  }
  return isDeepStrictEqual(current, wanted);
}
