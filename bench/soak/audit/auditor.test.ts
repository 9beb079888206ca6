import type { Claim } from '../../../protocol/claim.ts';
import type { ErrorName } from '../../../protocol/errors.ts';
import { assert, suite } from '../../../protocol/testing/kit.ts';
import { RULES, violationsOf } from './auditor.ts';
import { type Ask, History } from './history.ts';

const test = suite('auditor');

const PAIR = /^(\w+)\/(\w+)\/(\w+)$/;
/** `event/user/request` as a question and as the claim it got. */
function askOf(text: string): Ask {
  const [, eventKey = '', userId = '', requestId = ''] = PAIR.exec(text) ?? [];
  return { eventKey, userId, requestId };
}
function claimOf(text: string, fields: Partial<Claim> = {}): Claim {
  const ask = askOf(text);
  const fixed = { period: '-', grantedAt: 1_000, configVersion: 1, slot: null, rewards: [] };
  const delivery = { state: 'PENDING', attempts: 0, fulfilledAt: null } as const;
  return { ...ask, ...fixed, delivery, claimKey: `${ask.eventKey}/-/${ask.userId}`, ...fields };
}

type Step = [ask: string, code?: ErrorName, claim?: Claim];
type Case = [name: string, steps: Step[], stored: Claim[], rule: string | null];

/** One request after the other; `listed` is for users whose names begin with `l`, `sale` has two units. */
function historyOf(steps: readonly Step[]): History {
  const history = new History();
  history.addEvent({ eventKey: 'open', stock: null, isListed: null });
  history.addEvent({ eventKey: 'sale', stock: 2, isListed: null });
  history.addEvent({ eventKey: 'listed', stock: null, isListed: (userId) => userId.startsWith('l') });
  for (const [ask, code, claim = null] of steps) {
    const sending = history.sent(askOf(ask));
    if (code !== undefined) history.heard(sending, { code, claim });
  }
  return history;
}

const mine = claimOf('open/u/r');
const first = claimOf('sale/u/r', { slot: 1 });
const second = claimOf('sale/v/s', { slot: 2 });

const CASES: Case[] = [
  [
    'a grant, its replay and a loser',
    [
      ['open/u/r', 'GRANTED', mine],
      ['open/u/r', 'REPLAYED', mine],
      ['open/u/s', 'ALREADY_CLAIMED', mine],
    ],
    [mine],
    null,
  ],
  [
    'a lost answer that had landed',
    [
      ['open/u/r', 'OUTCOME_UNKNOWN'],
      ['open/u/r', 'REPLAYED', mine],
    ],
    [mine],
    null,
  ],
  ['a lost answer that had not', [['open/u/r', 'OUTCOME_UNKNOWN']], [], null],
  ['a request that nobody has answered', [['open/u/r']], [mine], null],
  [
    'a sale to its end',
    [
      ['sale/u/r', 'GRANTED', first],
      ['sale/v/s', 'GRANTED', second],
      ['sale/w/t', 'SOLD_OUT'],
    ],
    [first, second],
    null,
  ],
  [
    'a refusal by the list',
    [
      ['listed/u/r', 'NOT_ELIGIBLE'],
      ['listed/l/r', 'GRANTED', claimOf('listed/l/r')],
    ],
    [claimOf('listed/l/r')],
    null,
  ],
  [
    'a request id used for two events',
    [
      ['open/u/r', 'GRANTED', mine],
      ['listed/u/r', 'KEY_REUSED'],
    ],
    [mine],
    null,
  ],
  [
    'capacity answers at any time',
    [
      ['open/u/r', 'GRANTED', mine],
      ['open/u/r', 'BUSY'],
      ['open/u/s', 'STORE_UNAVAILABLE'],
    ],
    [mine],
    null,
  ],

  ['an acknowledged claim lost', [['open/u/r', 'GRANTED', mine]], [], 'an acknowledged claim is there and the same'],
  ['a replayed claim lost', [['open/u/r', 'REPLAYED', mine]], [], 'an acknowledged claim is there and the same'],
  [
    'a claim with another time',
    [['open/u/r', 'GRANTED', mine]],
    [{ ...mine, grantedAt: 1_001 }],
    'an acknowledged claim is there and the same',
  ],
  [
    'a claim with another slot',
    [['sale/u/r', 'GRANTED', { ...first, slot: 2 }]],
    [first],
    'an acknowledged claim is there and the same',
  ],
  [
    'a loser shown a claim that did not win',
    [
      ['open/u/r', 'GRANTED', mine],
      ['open/u/s', 'ALREADY_CLAIMED', claimOf('open/u/t')],
    ],
    [mine],
    'an acknowledged claim is there and the same',
  ],
  [
    'an answer with the claim of another user',
    [['open/u/r', 'GRANTED', claimOf('open/v/r')]],
    [claimOf('open/v/r')],
    'the claim belongs to the question',
  ],
  [
    'a winner who is told that he lost',
    [['open/u/r', 'ALREADY_CLAIMED', mine]],
    [mine],
    'the claim belongs to the question',
  ],
  [
    'a replay of another request',
    [
      ['open/u/r', 'GRANTED', mine],
      ['open/u/s', 'REPLAYED', mine],
    ],
    [mine],
    'the claim belongs to the question',
  ],
  [
    'two grants of one key',
    [
      ['open/u/r', 'GRANTED', mine],
      ['open/u/r', 'GRANTED', mine],
    ],
    [mine],
    'no claim key is GRANTED twice',
  ],
  [
    'two claims of one key',
    [
      ['open/u/r', 'GRANTED', mine],
      ['open/u/s', 'OUTCOME_UNKNOWN'],
    ],
    [mine, claimOf('open/u/s')],
    'no key twice',
  ],
  [
    'two claims of one request id',
    [
      ['open/u/r', 'GRANTED', mine],
      ['sale/u/r', 'OUTCOME_UNKNOWN'],
    ],
    [mine, first],
    'no key twice',
  ],
  ['a claim from nowhere', [], [mine], 'what is stored was asked for and not refused'],
  ['a claim behind a refusal', [['sale/u/r', 'BUSY']], [first], 'what is stored was asked for and not refused'],
  [
    'a request id that is forgotten',
    [
      ['open/u/r', 'GRANTED', mine],
      ['open/u/r', 'PAUSED'],
    ],
    [mine],
    'a request id that was granted gets its claim again',
  ],
  [
    'a taken key that is refused otherwise',
    [
      ['sale/u/r', 'GRANTED', first],
      ['sale/v/s', 'GRANTED', second],
      ['sale/u/t', 'SOLD_OUT'],
    ],
    [first, second],
    'a key that is known to be taken is ALREADY_CLAIMED for others',
  ],
  [
    'a winner who had not asked yet',
    [
      ['open/u/s', 'ALREADY_CLAIMED', mine],
      ['open/u/r', 'REPLAYED', mine],
    ],
    [mine],
    'no claim is shown before it was asked for',
  ],
  [
    'a gap in the slots',
    [
      ['sale/u/r', 'GRANTED', first],
      ['sale/v/s', 'GRANTED', { ...second, slot: 3 }],
    ],
    [first, { ...second, slot: 3 }],
    'slots are 1…k without a gap and at most the stock',
  ],
  [
    'a slot twice',
    [
      ['sale/u/r', 'GRANTED', first],
      ['sale/v/s', 'GRANTED', { ...second, slot: 1 }],
    ],
    [first, { ...second, slot: 1 }],
    'slots are 1…k without a gap and at most the stock',
  ],
  [
    'more than the stock',
    [
      ['sale/u/r', 'GRANTED', first],
      ['sale/v/s', 'GRANTED', second],
      ['sale/w/t', 'GRANTED', claimOf('sale/w/t', { slot: 3 })],
    ],
    [first, second, claimOf('sale/w/t', { slot: 3 })],
    'slots are 1…k without a gap and at most the stock',
  ],
  [
    'a slot without stock',
    [['open/u/r', 'GRANTED', { ...mine, slot: 1 }]],
    [{ ...mine, slot: 1 }],
    'slots are 1…k without a gap and at most the stock',
  ],
  [
    'SOLD_OUT with a unit left',
    [
      ['sale/u/r', 'GRANTED', first],
      ['sale/w/t', 'SOLD_OUT'],
    ],
    [first],
    'SOLD_OUT only when every unit is granted',
  ],
  [
    'SOLD_OUT before the last unit was asked for',
    [
      ['sale/u/r', 'GRANTED', first],
      ['sale/w/t', 'SOLD_OUT'],
      ['sale/v/s', 'GRANTED', second],
    ],
    [first, second],
    'SOLD_OUT only when every unit is granted',
  ],
  ['a listed user refused', [['listed/l/r', 'NOT_ELIGIBLE']], [], 'a listed event is for those on the list'],
  [
    'a grant to somebody not listed',
    [['listed/u/r', 'GRANTED', claimOf('listed/u/r')]],
    [claimOf('listed/u/r')],
    'a listed event is for those on the list',
  ],
  [
    'KEY_REUSED for a key that is not',
    [['open/u/r', 'KEY_REUSED']],
    [],
    'KEY_REUSED only for the request id of another claim',
  ],
  ['a fault of the server', [['open/u/r', 'INTERNAL']], [], 'only outcomes of a claim'],
  ['a grant without a claim', [['open/u/r', 'GRANTED']], [], 'only outcomes of a claim'],
];

for (const [name, steps, stored, rule] of CASES) {
  test(rule === null ? `is content with ${name}` : `finds ${name}`, () => {
    const found = violationsOf(historyOf(steps), stored);
    if (rule === null) assert.equal(found, []);
    else
      assert.ok(
        found.some((sentence) => sentence.startsWith(`${rule}: `)),
        JSON.stringify(found),
      );
  });
}

const READS = 'reads by request id show what was acknowledged';
test('finds reads that miss or change a claim', () => {
  const history = historyOf([['open/u/r', 'GRANTED', mine]]);
  history.looked(askOf('open/u/r'), mine);
  assert.equal(violationsOf(history, [mine]), []);
  history.looked(askOf('open/u/r'), null);
  history.looked(askOf('open/u/r'), { ...mine, grantedAt: 7 });
  assert.is(violationsOf(history, [mine]).filter((sentence) => sentence.startsWith(READS)).length, 2);
});

const LISTS = 'lists of a user show what was acknowledged';
test('finds lists that miss, double or change a claim', () => {
  const history = historyOf([['open/u/r', 'GRANTED', mine]]);
  const found = () => violationsOf(history, [mine]).filter((sentence) => sentence.startsWith(LISTS)).length;
  history.listed('u', 0, []);
  history.listed('u', history.now, [mine]);
  assert.is(found(), 0, 'a list that was asked for before the grant may be without it');
  history.listed('u', history.now, []);
  history.listed('u', history.now, [mine, mine]);
  history.listed('u', history.now, [{ ...mine, grantedAt: 7 }]);
  assert.is(found(), 3);
});

test('each rule has a case that breaks it', () => {
  const broken = new Set(CASES.map(([, , , rule]) => rule)).add(READS).add(LISTS);
  assert.equal(
    RULES.map(({ name }) => name).filter((name) => !broken.has(name)),
    [],
  );
});

test('tells the first breaches of a rule and counts the rest', () => {
  const steps = Array.from({ length: 20 }, (_, i): Step => [`open/u${i}/r`, 'GRANTED', claimOf(`open/u${i}/r`)]);
  const found = violationsOf(historyOf(steps), []);
  assert.is(found.length, 6);
  assert.match(found.at(-1) as string, /and 15 more/);
});

test('knows what is unanswered and what was asked since', () => {
  const history = historyOf([['open/u/r', 'GRANTED', mine], ['open/u/s'], ['open/v/t'], ['open/u/s', 'BUSY']]);
  assert.is(history.unanswered, 2);
  assert.equal(history.asksFrom(1), [askOf('open/u/s'), askOf('open/v/t')]);
});
