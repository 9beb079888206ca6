import { assert, suite } from '../../protocol/testing/kit.ts';
import type { Attempt, Said, Won } from './attempt.ts';
import { verdictOf } from './verdict.ts';

const test = suite('verdict of a race');

const STRICT = { stock: null, tolerate: 'nothing' } as const;

function won(requestId: string, slot: number | null = null): Won {
  return { requestId, grantedAt: 1_000, slot };
}
function said(code: string, claim: Won | null = null, status: number | null = null): Said {
  return { code, status, won: claim, retryAfterMs: null };
}
function attempt(userId: string, requestId: string, ...answers: Said[]): Attempt {
  return { userId, requestId, said: answers };
}
function granted(userId: string, requestId: string, slot: number | null = null): Attempt {
  return attempt(userId, requestId, said('GRANTED', won(requestId, slot)));
}
function refused(userId: string, requestId: string, claim: Won): Attempt {
  return attempt(userId, requestId, said('ALREADY_CLAIMED', claim));
}

const good = [granted('u1', 'a'), refused('u1', 'b', won('a')), refused('u2', 'd', won('c')), granted('u2', 'c')];

test('one grant a player and the rest carry it: exact', () => {
  const { faults, granted: count, codes, doubleGrants } = verdictOf(good, STRICT);
  assert.equal(faults, []);
  assert.equal([count, doubleGrants, codes], [2, 0, { GRANTED: 2, ALREADY_CLAIMED: 2 }]);
});

const WRONG: Readonly<Record<string, readonly [string, readonly Attempt[]]>> = {
  'two grants of one player': ['DOUBLE GRANT', [granted('u1', 'a'), granted('u1', 'b')]],
  'no grant at all': ['0 players of 1 have a claim', [refused('u1', 'a', won('b'))]],
  'a grant with a foreign request id': ['another request id', [attempt('u1', 'a', said('GRANTED', won('z')))]],
  'ALREADY_CLAIMED with a foreign claim': ['with another claim', [granted('u1', 'a'), refused('u1', 'b', won('z'))]],
  'ALREADY_CLAIMED with another time': [
    'with another claim',
    [granted('u1', 'a'), refused('u1', 'b', { ...won('a'), grantedAt: 1_001 })],
  ],
  'another code': ['INTERNAL instead of', [granted('u1', 'a'), attempt('u1', 'b', said('INTERNAL'))]],
  'REPLAYED of an id that was sent once': [
    'REPLAYED instead of',
    [granted('u1', 'a'), attempt('u1', 'b', said('REPLAYED', won('b')))],
  ],
  'a 5xx that a retry settled': [
    'status of 500',
    [attempt('u1', 'a', said('BUSY', null, 503), said('GRANTED', won('a'), 201))],
  ],
  'BUSY over TCP': ['BUSY was answered', [attempt('u1', 'a', said('BUSY'), said('GRANTED', won('a')))]],
};
for (const [name, [sentence, attempts]] of Object.entries(WRONG)) {
  test(`finds: ${name}`, () => {
    const { faults } = verdictOf(attempts, STRICT);
    assert.ok(
      faults.some((fault) => fault.includes(sentence)),
      JSON.stringify(faults),
    );
  });
}

test('a lost answer that a retry settles is fine where retries are', () => {
  const attempts = [attempt('u1', 'a', said('NO_ANSWER'), said('REPLAYED', won('a'))), refused('u1', 'b', won('a'))];
  const { faults, retried } = verdictOf(attempts, { stock: null, tolerate: 'retries' });
  assert.equal([faults, retried], [[], { NO_ANSWER: 1 }]);
});

const soldOut = attempt('u3', 'e', said('SOLD_OUT'));
const STOCK = { stock: 2, tolerate: 'nothing' } as const;

test('slots 1…N and SOLD_OUT for the rest: exact', () => {
  const attempts = [granted('u2', 'c', 2), granted('u1', 'a', 1), refused('u1', 'b', won('a', 1)), soldOut];
  assert.equal(verdictOf(attempts, STOCK).faults, []);
});

test('more units than players leaves none over', () => {
  assert.equal(verdictOf([granted('u1', 'a', 1)], STOCK).faults, []);
});

test('finds gaps, slots given twice and units not granted', () => {
  const gap = verdictOf([granted('u1', 'a', 1), granted('u2', 'c', 3), soldOut], STOCK).faults;
  assert.equal(gap, ['slot 2 is missing or given twice']);
  const twice = verdictOf([granted('u1', 'a', 1), granted('u2', 'c', 1), soldOut], STOCK).faults;
  assert.equal(twice, ['slot 2 is missing or given twice']);
  const short = verdictOf([granted('u1', 'a', 1), soldOut], STOCK).faults;
  assert.equal(short, ['1 units were granted instead of 2']);
});

test('finds a winner who is told SOLD_OUT', () => {
  const attempts = [granted('u1', 'a', 1), granted('u2', 'c', 2), attempt('u2', 'd', said('SOLD_OUT'))];
  assert.equal(verdictOf(attempts, STOCK).faults, ['SOLD_OUT instead of ALREADY_CLAIMED']);
});
