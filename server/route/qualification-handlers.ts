/** The table of users who meet an event's conditions. */
import type { Audit } from '../accounts/audit.ts';
import type { Eligibility } from '../eligibility/eligibility.ts';
import type { Events } from '../events/events.ts';
import type { Store } from '../store/store.ts';
import { doerOf, type Handler } from './call.ts';

type Names = 'QUALIFY' | 'DISQUALIFY' | 'QUALIFIED';
export type QualificationHandlers = { [K in Names]: Handler<K> };

export function createQualificationHandlers({
  store,
  eligibility,
  events,
  audit,
}: {
  store: Store;
  eligibility: Eligibility;
  events: Events;
  audit: Audit;
}): QualificationHandlers {
  return {
    async QUALIFY({ args: [, eventKey, userIds], principal }) {
      if ((await events.get(eventKey)) === null) return { code: 'EVENT_NOT_FOUND' };
      const { added, existing } = await eligibility.add(eventKey, userIds);
      const act = { action: 'event.qualified', subject: eventKey, after: { added } } as const;
      if (added > 0) await audit.record(doerOf(principal), act);
      return { result: [userIds.length, added, existing] };
    },

    async DISQUALIFY({ args: [, eventKey, userIds], principal }) {
      if ((await events.get(eventKey)) === null) return { code: 'EVENT_NOT_FOUND' };
      const { removed, absent } = await eligibility.remove(eventKey, userIds);
      const act = { action: 'event.disqualified', subject: eventKey, after: { removed } } as const;
      if (removed > 0) await audit.record(doerOf(principal), act);
      return { result: [userIds.length, removed, absent] };
    },

    async QUALIFIED({ args: [, eventKey, userId] }) {
      if ((await events.get(eventKey)) === null) return { code: 'EVENT_NOT_FOUND' };
      const [isQualified] = await store.qualifications.has([{ eventKey, userId }]);
      return { result: isQualified === true };
    },
  };
}
