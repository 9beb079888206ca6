/** Events for operators and players. */
import { type Value, widen } from '../../protocol/codec.ts';
import { claimKeyOf } from '../../protocol/key.ts';
import type { Audit, AuditAction } from '../accounts/audit.ts';
import type { Events } from '../events/events.ts';
import { auditedEvent, viewOfEvent } from '../events/record.ts';
import type { Clock } from '../lib/clock.ts';
import { spanAt } from '../rules/calendar.ts';
import { claimInstant, nextClaimAtOf } from '../rules/decide.ts';
import type { Principal } from '../session/principal.ts';
import type { EventRecord, Store } from '../store/store.ts';
import { type Answer, badField, doerOf, type Handler, isProblem } from './call.ts';
import { decodeEventCursor, encodeEventCursor } from './cursor.ts';

const PAGE_LENGTH = 50;

type Names =
  | 'EVENT_CREATE'
  | 'EVENT_CHANGE'
  | 'EVENT_GET'
  | 'EVENT_LIST'
  | 'EVENT_PAUSE'
  | 'EVENT_RESUME'
  | 'EVENT_MODE';
export type EventHandlers = { [K in Names]: Handler<K> };

export function createEventHandlers({
  store,
  clock,
  events,
  audit,
}: {
  store: Store;
  clock: Clock;
  events: Events;
  audit: Audit;
}): EventHandlers {
  /** Events as this principal sees them: a user is told when they can claim next. */
  async function show(records: readonly EventRecord[], principal: Principal): Promise<Value[]> {
    const now = clock.nowMs();
    if (principal.kind === 'service') return records.map((event) => widen(viewOfEvent(event, now)));
    const spans = records.map((event) => spanAt(event, claimInstant(event, now)));
    const keys = records.map(({ eventKey }, i) => claimKeyOf(eventKey, spans[i]?.id ?? '-', principal.userId));
    const claims = keys.length === 0 ? [] : await store.claims.byKey(keys);
    return records.map((event, i) => {
      const span = spans[i] ?? spanAt(event, now);
      return widen(viewOfEvent(event, now, nextClaimAtOf(event, claims[i] ?? null, now, span)));
    });
  }

  type EventAnswer = Awaited<ReturnType<Events['pause']>>;
  async function showOne(answer: EventAnswer, principal: Principal): Promise<Answer> {
    if (isProblem(answer)) return answer;
    const [view] = await show([answer], principal);
    return { result: view ?? null };
  }

  /** Written down before it is answered, and only where something has changed. */
  async function act(
    principal: Principal,
    { action, before, write }: { action: AuditAction; before: EventRecord | null; write: () => Promise<EventAnswer> },
  ): Promise<Answer> {
    const after = await write();
    if (!isProblem(after) && after.configVersion !== before?.configVersion) {
      const entry = {
        action,
        subject: after.eventKey,
        before: before && auditedEvent(before),
        after: auditedEvent(after),
      };
      await audit.record(doerOf(principal), entry);
    }
    return showOne(after, principal);
  }

  return {
    EVENT_CREATE: ({ args: [, event], principal }) =>
      act(principal, { action: 'event.created', before: null, write: () => events.create(event) }),
    async EVENT_CHANGE({ args: [, eventKey, patch, configVersion], principal }) {
      const before = await events.get(eventKey);
      const write = () => events.change(eventKey, patch, configVersion);
      return act(principal, { action: 'event.changed', before, write });
    },
    async EVENT_PAUSE({ args: [, eventKey], principal }) {
      const before = await events.get(eventKey);
      return act(principal, { action: 'event.paused', before, write: () => events.pause(eventKey) });
    },
    async EVENT_RESUME({ args: [, eventKey], principal }) {
      const before = await events.get(eventKey);
      return act(principal, { action: 'event.resumed', before, write: () => events.resume(eventKey) });
    },
    async EVENT_MODE({ args: [, eventKey, mode], principal }) {
      const before = await events.get(eventKey);
      return act(principal, { action: 'event.mode', before, write: () => events.setMode(eventKey, mode) });
    },
    EVENT_GET: async ({ args: [, eventKey], principal }) =>
      showOne((await events.get(eventKey)) ?? { code: 'EVENT_NOT_FOUND' }, principal),

    async EVENT_LIST({ args: [, limit, cursor], principal }) {
      const after = cursor === null ? null : decodeEventCursor(cursor);
      if (after === undefined) return badField('cursor', 'a nextCursor of this list');
      const length = limit ?? PAGE_LENGTH;
      const records = await store.events.list({ limit: length + 1, ...(after === null ? {} : { after }) });
      const shown = records.slice(0, length);
      const last = shown.at(-1);
      return {
        result: [
          await show(shown, principal),
          records.length > length && last ? encodeEventCursor(last.eventKey) : null,
        ],
      };
    },
  };
}
