import { assert, suite } from '../../protocol/testing/kit.ts';
import { tableOf } from './store-status-command.ts';

const test = suite('store status');

test('the table of a terminal', () => {
  const journal = { backlogClaims: 1_200, oldestMs: 300 };
  const collections = [
    { name: 'user_events', claims: 20_000_000, bytes: 5_000, indexBytes: 70, guard: 'ok' },
    { name: 'user_events_event_summer', claims: 0, bytes: 0, indexBytes: 0, guard: 'missing' },
  ] as const;
  const away = { store: 'b', reachable: false, collections: [], journal: { backlogClaims: 0, oldestMs: 0 } };
  assert.equal(
    tableOf([{ store: 'main', reachable: true, collections: [...collections], journal }, away]).split('\n'),
    [
      'store  collection                    claims  bytes  index bytes  guard',
      'main   user_events               20,000,000  5,000           70  ok',
      'main   user_events_event_summer           0      0            0  missing',
      'b      not reachable',
      'journal of main: 1,200 claims wait, the oldest for 300 ms',
      'journal of b: 0 claims wait, the oldest for 0 ms',
      '',
    ],
  );
});
