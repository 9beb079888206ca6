/** Events for operators and players. */
import { type Value, widen } from '../../protocol/codec.ts';
import { claimKeyOf } from '../../protocol/key.ts';
import type { Events } from '../events/events.ts';
import { viewOfEvent } from '../events/record.ts';
import type { Clock } from '../lib/clock.ts';
import { spanAt } from '../rules/calendar.ts';
import { claimInstant, nextClaimAtOf } from '../rules/decide.ts';
import type { Principal } from '../session/principal.ts';
import type { EventRecord, Store } from '../store/store.ts';
import { type Answer, badField, type Handler, isProblem } from './call.ts';
import { decodeEventCursor, encodeEventCursor } from './cursor.ts';

const PAGE_LENGTH = 50;

type Names = 'EVENT_CREATE' | 'EVENT_CHANGE' | 'EVENT_GET' | 'EVENT_LIST' | 'EVENT_PAUSE' | 'EVENT_RESUME';
export type EventHandlers = { [K in Names]: Handler<K> };

export function createEventHandlers({
  store,
  clock,
  events,
}: {
  store: Store;
  clock: Clock;
  events: Events;
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

  async function showOne(answer: Awaited<ReturnType<Events['pause']>>, principal: Principal): Promise<Answer> {
    if (isProblem(answer)) return answer;
    const [view] = await show([answer], principal);
    return { result: view ?? null };
  }

  return {
    EVENT_CREATE: async ({ args: [, event], principal }) => showOne(await events.create(event), principal),
    EVENT_CHANGE: async ({ args: [, eventKey, patch, configVersion], principal }) =>
      showOne(await events.change(eventKey, patch, configVersion), principal),
    EVENT_PAUSE: async ({ args: [, eventKey], principal }) => showOne(await events.pause(eventKey), principal),
    EVENT_RESUME: async ({ args: [, eventKey], principal }) => showOne(await events.resume(eventKey), principal),
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
