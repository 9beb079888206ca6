/** The live channel as HTTP sees it: what does not ask for a WebSocket ends here. The channel itself is in `live/`. */
import { LIVE_PATH } from '../live/upgradable.ts';
import { badRequest } from '../refusal.ts';
import type { Route } from '../route.ts';

export const liveRoute: Route = {
  method: 'GET',
  path: LIVE_PATH,
  access: 'open',
  name: 'live',
  summary:
    'A WebSocket (RFC 6455). Messages are text frames of JSON; the first one, within 5 seconds, is ' +
    '{"type":"hello","accessToken":"…","events":["eventKey"]}, never a token in the address.',
  answers: [{ status: 101, sentence: 'The connection is a WebSocket now.', schema: null }],
  problems: ['DRAINING'],
  handle: () => {
    throw badRequest({ field: 'Upgrade', rule: 'websocket' });
  },
};
