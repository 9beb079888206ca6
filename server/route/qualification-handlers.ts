/** The table of users who meet an event's conditions. */
import type { Events } from '../events/events.ts';
import type { Store } from '../store/store.ts';
import type { Handler } from './call.ts';

type Names = 'QUALIFY' | 'DISQUALIFY' | 'QUALIFIED';
export type QualificationHandlers = { [K in Names]: Handler<K> };

export function createQualificationHandlers({
  store,
  events,
}: {
  store: Store;
  events: Events;
}): QualificationHandlers {
  return {
    async QUALIFY({ args: [, eventKey, userIds] }) {
      if ((await events.get(eventKey)) === null) return { code: 'EVENT_NOT_FOUND' };
      const { added, existing } = await store.qualifications.add(eventKey, userIds);
      return { result: [userIds.length, added, existing] };
    },

    async DISQUALIFY({ args: [, eventKey, userIds] }) {
      if ((await events.get(eventKey)) === null) return { code: 'EVENT_NOT_FOUND' };
      const { removed, absent } = await store.qualifications.remove(eventKey, userIds);
      return { result: [userIds.length, removed, absent] };
    },

    async QUALIFIED({ args: [, eventKey, userId] }) {
      if ((await events.get(eventKey)) === null) return { code: 'EVENT_NOT_FOUND' };
      const [isQualified] = await store.qualifications.has([{ eventKey, userId }]);
      return { result: isQualified === true };
    },
  };
}
