/** An edge asks to be told, on the connection it asks on. */
import { wide } from '../../protocol/codec.ts';
import type { Notices } from '../notices/notices.ts';
import type { Handler } from './call.ts';

const RETRY_MS = 5_000;

export type NoticeHandlers = { [K in 'SUBSCRIBE' | 'UNSUBSCRIBE']: Handler<K> };

export function createNoticeHandlers({ notices }: { notices: Notices }): NoticeHandlers {
  return {
    async SUBSCRIBE({ args: [, eventKeys, userIds], peer }) {
      const standings = await notices.subscribe(peer, { eventKeys: eventKeys ?? [], userIds: userIds ?? [] });
      if (standings === null) return { code: 'BUSY', retryAfterMs: RETRY_MS, detail: 'too many subscriptions' };
      const left = (count: number | null) => (count === null ? null : wide(count));
      return { result: [standings.map(({ eventKey, state, stockLeft }) => [eventKey, state, left(stockLeft)])] };
    },

    UNSUBSCRIBE({ args: [, eventKeys, userIds], peer }) {
      notices.unsubscribe(peer, { eventKeys: eventKeys ?? [], userIds: userIds ?? [] });
      return { result: null };
    },
  };
}
